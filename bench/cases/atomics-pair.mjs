/** The floor in JavaScript: two compareExchange on one word, as acquire and release make them. V8 calls a builtin for each. */
import { best, report } from '../lib/report.mjs';

const words = new Int32Array(new SharedArrayBuffer(64));
report(
  'lock_pair_ns',
  best(5, () => {
    const n = 2e6;
    const start = performance.now();
    for (let i = 0; i < n; i++) {
      Atomics.compareExchange(words, 0, 0, 7);
      Atomics.compareExchange(words, 0, 7, 0);
    }
    return ((performance.now() - start) / n) * 1e6;
  }),
);

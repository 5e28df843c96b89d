/** The same by a DataView: what `struct-shared` is held against. */
import { best, report } from '../lib/report.mjs';

const ROUNDS = 2e6;
const view = new DataView(new ArrayBuffer(24));

report(
  'struct_field_ns',
  best(7, () => {
    const start = performance.now();
    for (let i = 0; i < ROUNDS; i++) view.setFloat64(8, view.getFloat64(8, true) + 1, true);
    return ((performance.now() - start) / ROUNDS) * 1e6;
  }),
);

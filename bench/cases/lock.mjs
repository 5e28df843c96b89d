/** Uncontended: a Lock's acquire and release; a Value's increment under its lock. */
import { Lock, Value } from 'forkful';
import { best, report } from '../lib/report.mjs';

const lock = new Lock();
report(
  'lock_pair_ns',
  best(5, () =>
    nanoseconds(2e6, (n) => {
      for (let i = 0; i < n; i++) {
        lock.acquireSync();
        lock.release();
      }
    }),
  ),
);

const value = new Value('i', 0);
const guard = value.getLock();
report(
  'locked_increment_ns',
  best(5, () =>
    nanoseconds(1e6, (n) => {
      for (let i = 0; i < n; i++) {
        guard.acquireSync();
        value.value += 1;
        guard.release();
      }
    }),
  ),
);
report(
  'with_lock_increment_ns',
  best(5, () =>
    nanoseconds(1e6, (n) => {
      for (let i = 0; i < n; i++)
        value.withLockSync(() => {
          value.value += 1;
        });
    }),
  ),
);

function nanoseconds(n, work) {
  const start = performance.now();
  work(n);
  return ((performance.now() - start) / n) * 1e6;
}

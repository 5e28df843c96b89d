/** Reading and writing a field of a structure, and an item of a ShareableList. A process of its own, so that there are few types of structures. */
import { RawValue, ShareableList, struct } from 'forkful';
import { best, report } from '../lib/report.mjs';

const ROUNDS = 2e6;
const point = new RawValue(struct({ x: 'd', y: 'd', n: 'i' })).value;
const list = new ShareableList([1.5, 'text', 7]);
list.shm.unlink();

/** Nanoseconds for a read and a write. */
function timed(step) {
  const start = performance.now();
  for (let i = 0; i < ROUNDS; i++) step(i);
  return ((performance.now() - start) / ROUNDS) * 1e6;
}

report(
  'struct_field_ns',
  best(7, () => timed(() => (point.y += 1))),
);
report(
  'list_item_ns',
  best(7, () => timed((i) => list.set(0, list.get(0) + i))),
);

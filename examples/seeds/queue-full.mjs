// A full queue: a put that waits for a while, one that does not wait, and everything out again. (001-19)
import { inspect } from 'node:util';
import { Full, Queue } from 'forkful';

const SECOND = 20; // milliseconds

const q = new Queue(3);
await q.put([1, 2, 3, 4]);
await q.put({ a: 1, b: 2 });
await q.put(new Set([1, 2, 3, 4]));

const state = () => `room for ${q.maxsize}, ${q.qsize()} inside`;
const tellFull = (error) => {
  if (!(error instanceof Full)) throw error;
  console.log(`full: ${state()}`);
};
await q.put('one more', { timeout: 2 * SECOND }).catch(tellFull); // without a timeout it would wait until there is room
try {
  q.putNowait('one more');
} catch (error) {
  tellFull(error);
}
while (!q.empty()) console.log(`${state()}: ${inspect(q.getNowait())}`);
console.log(state());

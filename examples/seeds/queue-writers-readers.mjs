// Two processes write to a queue, two read from it for ever, and are terminated when the writers have ended. (002-2)
// The queue is none the worse for that: in CPython a reader that is terminated while it waits in `get` takes the queue's lock along.
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainProcess, Process, Queue } from 'forkful';

const SECOND = 50; // milliseconds

export async function write(q, data) {
  console.log(`Process to write: ${process.pid}`);
  for (const value of data) {
    console.log(`${process.pid} :Put ${value} to queue...`);
    await q.put(value);
    await sleep(Math.random() * SECOND);
  }
}

export async function read(q) {
  console.log(`Process to read: ${process.pid}`);
  for (;;) {
    const value = await q.get();
    console.log(`${process.pid} :Get ${value} from queue.`);
  }
}

if (isMainProcess) {
  const q = new Queue();
  const writers = [
    [1, 2, 3],
    [4, 5, 6],
  ].map((data) => new Process({ target: write, args: [q, data] }));
  const readers = [1, 2].map(() => new Process({ target: read, args: [q] }));
  for (const each of [...writers, ...readers]) await each.start();
  for (const pw of writers) await pw.join();
  for (const pr of readers) {
    pr.terminate(); // it would never end
    await pr.join();
    console.log(`a reader: exit code ${pr.exitCode}`);
  }
  await q.put('still works');
  for (let value; value !== 'still works'; ) {
    value = await q.get(); // what the readers have left, if anything
    console.log(`Left: ${value}`);
  }
}

// A recursive lock between the async tasks of one thread. Its owner is the thread, so by `acquire` all of its tasks would be inside;
// `withLock` lets in one task at a time, and nests within it.
import { setTimeout as sleep } from 'node:timers/promises';
import { RLock } from 'forkful';

const lock = new RLock();
const steps = [];

async function deposit(name) {
  await lock.withLock(async () => {
    steps.push(`${name} comes in`);
    await sleep(1); // the others run, and wait
    await log(name);
  });
}

/** Takes the lock whether its caller has it or not. */
async function log(name) {
  await lock.withLock(async () => {
    await sleep(1);
    steps.push(`${name} goes`);
  });
}

await Promise.all(['Ada', 'Bob', 'Cid'].map(deposit));
for (const step of steps) console.log(step);
console.log(lock);

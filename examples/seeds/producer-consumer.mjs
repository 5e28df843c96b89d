// A producer bakes four buns, a consumer eats what there is. (000-8)
// The text's consumer never counts what it has eaten, and so never ends; this one goes when it has had all four.
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainProcess, Process, Queue } from 'forkful';

const SECOND = 20; // milliseconds
const BUNS = 4;

const upTo = (seconds) => sleep(Math.floor(Math.random() * seconds) * SECOND);

export async function producer(name, q) {
  for (let count = 1; count <= BUNS; count++) {
    await upTo(3);
    await q.put(count);
    console.log(`Producer ${name} has produced ${count} bun...`);
  }
}

export async function consumer(name, q) {
  for (let eaten = 0; eaten < BUNS; ) {
    await upTo(4);
    if (q.empty()) console.log('No bun anymore...');
    else {
      const data = await q.get();
      console.log(`\x1b[32;1mConsumer ${name} has eaten ${data} bun...\x1b[0m`);
      eaten++;
    }
  }
}

if (isMainProcess) {
  const q = new Queue();
  const p1 = new Process({ target: producer, args: ['Lyon', q] });
  const c1 = new Process({ target: consumer, args: ['Kenneth', q] });
  await p1.start();
  await c1.start();
  await p1.join();
  await c1.join();
  console.log('End of main process...');
}

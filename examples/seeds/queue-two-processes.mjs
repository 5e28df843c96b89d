// Two processes talk by one queue; the first asks, and looks for the answer now and then. (001-20)
// In the text the first may take its own question out again, if it looks before the second waits. Here the second waits first; then the question is its.
import { setTimeout as sleep } from 'node:timers/promises';
import { Event, isMainProcess, Process, Queue } from 'forkful';

const SECOND = 200; // milliseconds

const ids = () => `PPID=${process.ppid},PID=${process.pid},GID=${process.getgid()}`;

export async function proTest1(q, waits) {
  console.log(`[process 1] ${ids()}`);
  await waits.wait();
  await q.put('[process 1] Ming, skewers tonight?');
  for (let i = 0; q.empty(); i++) await sleep((i + 1) * 2 * SECOND);
  console.log(await q.get());
}

export async function proTest2(q, waits) {
  console.log(`[process 2] ${ids()}`);
  const question = q.get();
  waits.set();
  console.log(await question);
  await sleep(4 * SECOND); // a slow network
  await q.put('[process 2] No, I have a date today');
}

if (isMainProcess) {
  const queue = new Queue();
  const waits = new Event();
  const p1 = new Process({ target: proTest1, args: [queue, waits] });
  const p2 = new Process({ target: proTest2, args: [queue, waits] });
  await p1.start();
  await p2.start();
  await p1.join();
  await p2.join();
}

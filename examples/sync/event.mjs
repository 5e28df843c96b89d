// `set` and at once `clear`: all who wait are let go, and nobody who comes later.
import { Event, isMainProcess, Process, Semaphore } from 'forkful';

export async function wait(start, waiting) {
  const started = start.wait();
  waiting.release(); // one more waits: a semaphore as a counter of signals
  console.log(`started: ${await started}`);
}

if (isMainProcess) {
  const start = new Event();
  const waiting = new Semaphore(0);
  const runners = Array.from({ length: 3 }, () => new Process({ target: wait, args: [start, waiting] }));
  for (const runner of runners) await runner.start();
  for (const _ of runners) await waiting.acquire();
  start.set();
  start.clear();
  for (const runner of runners) await runner.join();
  console.log(`a late one: ${await start.wait({ timeout: 0 })}`, start);
}

/** Two processes incrementing one number under one lock. Timed inside, from the moment both run to the moment both are done. */
import { isMainProcess, Lock, Process, RawValue } from 'forkful';
import { report } from '../lib/report.mjs';

const EACH = 1_000_000;

export function increment(lock, value, ready, finished) {
  ready.add(1);
  while (ready.value < 2) {}
  const start = performance.now();
  for (let i = 0; i < EACH; i++) {
    lock.acquireSync();
    value.value += 1;
    lock.release();
  }
  finished.exchange(Math.max(finished.value, Math.round((performance.now() - start) * 1000)));
}

if (isMainProcess) {
  const [lock, value, ready, finished] = [new Lock(), new RawValue('i'), new RawValue('i'), new RawValue('i')];
  const workers = [0, 1].map(() => new Process({ target: increment, args: [lock, value, ready, finished] }));
  for (const worker of workers) await worker.start();
  for (const worker of workers) await worker.join();
  if (value.value !== 2 * EACH) throw new Error(`${value.value} increments counted, ${2 * EACH} made`);
  report('contended_increments_per_s', (2 * EACH) / (finished.value / 1e6));
}

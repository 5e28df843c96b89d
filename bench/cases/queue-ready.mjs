/** Putting and getting when nobody has to wait: batches of integers and of small objects in one thread, by the blocking forms, by promises, by iteration. */
import { Queue } from 'forkful';
import { report } from '../lib/report.mjs';

const N = 100_000;
const ROUNDS = 20;
const payloads = { int: 7, object: { id: 1, name: 'task-1', ok: true } };

for (const [name, value] of Object.entries(payloads)) {
  const queue = new Queue();
  const least = {};
  const time = async (metric, body) => {
    const start = performance.now();
    await body();
    least[metric] = Math.min(least[metric] ?? Number.POSITIVE_INFINITY, performance.now() - start);
  };
  const fill = () => {
    for (let i = 0; i < N; i++) queue.putSync(value);
  };
  for (let round = 0; round < ROUNDS; round++) {
    await time('put_sync', fill);
    await time('get_sync', () => {
      for (let i = 0; i < N; i++) queue.getSync();
    });
    await time('put', async () => {
      for (let i = 0; i < N; i++) await queue.put(value);
    });
    await time('get', async () => {
      for (let i = 0; i < N; i++) await queue.get();
    });
    fill();
    await time('iterate', async () => {
      let left = N;
      for await (const _ of queue) if (--left === 0) break;
    });
  }
  for (const [metric, ms] of Object.entries(least)) report(`ready_${name}_${metric}_per_s`, (N / ms) * 1e3);
  queue[Symbol.dispose]();
}

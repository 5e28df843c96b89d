/**
 * One producer and one consumer process, by the blocking forms and by promises; then two and two. Timed by the consumer from its first message
 * to its last, as the peers do; two and two from the first put to the last get.
 */
import { isMainProcess, Process, Queue, RawValue } from 'forkful';
import { consume, consumeSync } from '../lib/queue-users.mjs';
import { report } from '../lib/report.mjs';

const payloads = {
  int: [() => 7, 1_000_000],
  object: [() => ({ id: 1, name: 'task-1', ok: true }), 300_000],
  b64k: [() => Buffer.alloc(65536, 7), 40_000],
  b1m: [() => Buffer.alloc(1 << 20, 7), 3000],
};

export function produceSync(queue, payload, n, ready, processes) {
  const value = payloads[payload][0]();
  ready.add(1);
  while (ready.value < processes) {}
  for (let i = 0; i < n; i++) queue.putSync(value);
}

export function drainSync(queue, n, done, ready, processes) {
  ready.add(1);
  while (ready.value < processes) {}
  const start = performance.now();
  for (let i = 0; i < n; i++) queue.getSync();
  done.putSync(performance.now() - start);
}

if (isMainProcess) {
  const only = process.argv[2];
  for (const [name, [make, n]] of Object.entries(payloads)) {
    if (only !== undefined && only !== name) continue;
    for (const [suffix, consumer] of [
      ['', consumeSync],
      ['_async', consume],
    ]) {
      const [queue, done, ready] = [new Queue(), new Queue(), new RawValue('i')];
      const child = await new Process({ target: consumer, args: [queue, n, done, ready] }).start();
      while (ready.value === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      const value = make();
      queue.putSync(value);
      if (suffix === '') for (let i = 0; i < n; i++) queue.putSync(value);
      else for (let i = 0; i < n; i++) await queue.put(value);
      report(`queue_${name}${suffix}_per_s`, (n / (await done.get())) * 1e3);
      await child.join();
      for (const each of [queue, done, ready]) each[Symbol.dispose]();
    }
    if (name !== 'int') continue;
    const [queue, done, ready] = [new Queue(), new Queue(), new RawValue('i')];
    const children = [0, 1].flatMap(() => [
      new Process({ target: produceSync, args: [queue, name, n, ready, 4] }),
      new Process({ target: drainSync, args: [queue, n, done, ready, 4] }),
    ]);
    for (const child of children) await child.start();
    const ms = Math.max(await done.get(), await done.get());
    report(`queue_${name}_2x2_per_s`, ((2 * n) / ms) * 1e3);
    for (const child of children) await child.join();
  }
}

/**
 * The other queues, integers only, one producer and one consumer process: SimpleQueue by the blocking forms and by promises; JoinableQueue, whose consumer
 * calls each task done. Timed by the consumer from its first message to its last.
 */
import { isMainProcess, JoinableQueue, Process, Queue, RawValue, SimpleQueue } from 'forkful';
import { consume, consumeSync } from '../lib/queue-users.mjs';
import { report } from '../lib/report.mjs';

const N = 1_000_000;

export function workSync(queue, n, done, ready) {
  ready.add(1);
  queue.getSync();
  queue.taskDone();
  const start = performance.now();
  for (let i = 0; i < n; i++) {
    queue.getSync();
    queue.taskDone();
  }
  done.putSync(performance.now() - start);
}

if (isMainProcess) {
  for (const [metric, QueueClass, consumer, isAsync] of [
    ['simple_queue_int_per_s', SimpleQueue, consumeSync, false],
    ['simple_queue_int_async_per_s', SimpleQueue, consume, true],
    ['joinable_queue_int_per_s', JoinableQueue, workSync, false],
  ]) {
    const [queue, done, ready] = [new QueueClass(), new Queue(), new RawValue('i')];
    const child = await new Process({ target: consumer, args: [queue, N, done, ready] }).start();
    while (ready.value === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    if (isAsync) for (let i = 0; i <= N; i++) await queue.put(7);
    else for (let i = 0; i <= N; i++) queue.putSync(7);
    report(metric, (N / (await done.get())) * 1e3);
    await child.join();
    for (const each of [queue, done, ready]) each[Symbol.dispose]();
  }
}

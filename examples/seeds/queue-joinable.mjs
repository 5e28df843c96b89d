// taskDone and join: whoever gives out work waits until all of it is done, not only taken. (003-9)
import { isMainProcess, JoinableQueue, Process, RawValue } from 'forkful';

export async function work(queue, sum) {
  for await (const item of queue) {
    sum.add(item);
    queue.taskDone(); // called by whoever got the item
  }
}

if (isMainProcess) {
  const queue = new JoinableQueue();
  const sum = new RawValue('i', 0);
  const workers = [1, 2, 3].map(() => new Process({ target: work, args: [queue, sum] }));
  for (const worker of workers) await worker.start();
  for (let item = 1; item <= 100; item++) await queue.put(item);
  console.log(`all done: ${await queue.join()}, the sum is ${sum.value}`);
  queue.close(); // the workers go home
  for (const worker of workers) await worker.join();
}

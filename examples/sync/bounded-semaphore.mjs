// The permits of a process that is killed are free again; a plain Semaphore does not know who has them.
import { BoundedSemaphore, isMainProcess, Process, Queue, Semaphore } from 'forkful';

export function takeTwo(semaphore, ready) {
  semaphore.acquireSync();
  semaphore.acquireSync();
  ready.putSync(true);
  setInterval(() => {}, 1000); // for ever
}

if (isMainProcess) {
  for (const semaphore of [new BoundedSemaphore(2), new Semaphore(2, { recover: true }), new Semaphore(2)]) {
    const ready = new Queue();
    const holder = new Process({ target: takeTwo, args: [semaphore, ready] });
    await holder.start();
    await ready.get();
    console.log(semaphore.constructor.name, 'while it is held:', semaphore.tryAcquire());
    holder.kill();
    await holder.join();
    console.log(semaphore.constructor.name, 'after its holder was killed:', await semaphore.acquire({ timeout: 1000 }));
  }
  try {
    new BoundedSemaphore(1).release();
  } catch (error) {
    console.log(error.code);
  }
}

/** How many Workers this process has: a copy of it would have their locks and half-done work, but not them. */
import { Session } from 'node:inspector';
import type { Worker } from 'node:worker_threads';

const workers = new Set<Worker>();
/** Those that were there before we began to count; undefined before that. */
let earlier: number | undefined;

/** Main thread only. About 1 ms the first time, and as long as Workers live that nobody told us of. @throws Error where Node has no inspector */
export function livingWorkers(): number {
  if (earlier === undefined) process.on('worker', count);
  if (earlier === undefined || earlier > 0) earlier = askInspector() - workers.size;
  return earlier + workers.size;
}

/** In a forked child: it has none, and its parent's listeners are gone. */
export function forgetWorkers(): void {
  if (earlier === undefined) return;
  workers.clear();
  earlier = undefined;
  process.off('worker', count);
}

function count(worker: Worker): void {
  workers.add(worker);
  worker.once('exit', () => workers.delete(worker));
}

/** All of them, also those that do not keep the process alive: attaching to a process's Workers reports each at once. */
function askInspector(): number {
  const session = new Session();
  session.connect();
  let found = 0;
  try {
    session.on('NodeWorker.attachedToWorker', () => {
      found++;
    });
    session.post('NodeWorker.enable', { waitForDebuggerOnStart: false });
    session.post('NodeWorker.disable');
  } finally {
    session.disconnect();
  }
  return found;
}

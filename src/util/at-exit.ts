/** What is to be cleaned up when the process ends without having come to it. */

const tasks = new Map<() => void, number>();

/**
 * Has a function run when this thread's process ends by itself (or this Worker does), until what this returns is called. Not in children forked
 * from it, which have what the function would clean up from their parent. Whoever is killed cleans up nothing.
 */
export function atExit(task: () => void): () => void {
  if (tasks.size === 0) process.on('exit', runAll);
  tasks.set(task, process.pid);
  return () => {
    if (tasks.delete(task) && tasks.size === 0) process.off('exit', runAll);
  };
}

function runAll(): void {
  for (const [task, pid] of tasks) if (pid === process.pid) task();
}

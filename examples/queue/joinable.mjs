// A crawl over a tree of pages by three workers: a page is a task, and finding its links makes more tasks. `join` returns when nothing is left to do,
// which no single worker can know. One worker is killed in the middle of a page: that task is lost, and told of, and nobody waits for it.
import { isMainProcess, JoinableQueue, Process, RawValue } from 'forkful';

const DEPTH = 8; // 511 pages

export async function crawl(pages, visited, fatal) {
  for await (const { path, depth } of pages) {
    if (path === fatal) process.kill(process.pid, 'SIGKILL');
    if (depth < DEPTH) for (const link of ['a', 'b']) await pages.put({ path: `${path}/${link}`, depth: depth + 1 });
    visited.add(1);
    pages.taskDone(); // after its links are in the queue: so there is no moment at which all seems done
  }
}

if (isMainProcess) {
  const pages = new JoinableQueue();
  const visited = new RawValue('i', 0);
  // a page at the very bottom: nothing hangs on it
  const fatal = ['', ...'abababab'].join('/');
  const workers = [1, 2, 3].map(() => new Process({ target: crawl, args: [pages, visited, fatal] }));
  for (const worker of workers) await worker.start();
  await pages.put({ path: '', depth: 0 });
  console.log(`joined: ${await pages.join({ timeout: 100_000 })}`);
  console.log(`${visited.value} pages visited, ${pages.lostTasks} lost`);
  pages.close();
  for (const worker of workers) await worker.join();
  console.log(`killed: ${workers.filter(({ exitCode }) => exitCode === -9).length}`);
}

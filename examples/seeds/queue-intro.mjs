// A child puts and then gets on the same queue, its parent gets and then puts. (001-18)
// It works since what the child puts while its parent waits is its parent's: the child does not get it back.
import { isMainProcess, Process, Queue } from 'forkful';

export async function test(q) {
  await q.put('[child] Dad, I am off');
  console.log(await q.get());
}

if (isMainProcess) {
  const q = new Queue();
  const p = new Process({ target: test, args: [q] });
  const msg = q.get();
  await p.start();
  console.log(await msg);
  await q.put('[parent] Go, Pikachu!');
  await p.join();
}

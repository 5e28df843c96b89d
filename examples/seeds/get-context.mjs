// A context has everything that the module has, bound to one start method. (001-25)
import { getContext, isMainProcess } from 'forkful';

export function foo(q) {
  q.putSync('hello');
}

if (isMainProcess) {
  const ctx = getContext('spawn');
  const q = new ctx.Queue();
  const p = new ctx.Process({ target: foo, args: [q] });
  await p.start();
  console.log(await q.get());
  await p.join();
}

// The start method of a whole program: set once, in the main program. (001-24)
import { isMainProcess, Process, Queue, setStartMethod } from 'forkful';

export function foo(q) {
  q.putSync('hello');
}

if (isMainProcess) {
  setStartMethod('spawn');
  const q = new Queue();
  const p = new Process({ target: foo, args: [q] });
  await p.start();
  console.log(await q.get());
  await p.join();
}

// A pipe goes both ways: the child speaks first, and is answered. (001-14)
import { isMainProcess, Pipe, Process } from 'forkful';

export async function test(w) {
  await w.send('[child] Dad, call me when Mum is back~');
  console.log(await w.recv());
}

if (isMainProcess) {
  const [r, w] = Pipe();
  const p1 = new Process({ target: test, args: [w] });
  await p1.start();
  console.log(await r.recv());
  await r.send('[parent] Off with you, do your homework!');
  await p1.join();
}

// A pipe of one direction: the first end only receives, the second only sends. (001-15)
// To receive before the child is started would wait for ever, in Python as here.
import { isMainProcess, Pipe, Process } from 'forkful';

export function test(w) {
  w.sendSync('[child] Dad, we are done for, Mum has been at the door all the time~');
}

if (isMainProcess) {
  const [r, w] = Pipe({ duplex: false });
  const p1 = new Process({ target: test, args: [w] });
  await p1.start();
  console.log(await r.recv());
  await p1.join();
}

// Six processes, each joined before the next starts. (003-1)
import { isMainProcess, Process } from 'forkful';

export function myFunc(i) {
  console.log(`calling myFunc from process n°: ${i}`);
  for (let j = 0; j < i; j++) console.log(`output from myFunc is :${j}`);
}

if (isMainProcess) {
  for (let i = 0; i < 6; i++) {
    const p = new Process({ target: myFunc, args: [i] });
    await p.start();
    await p.join();
  }
}

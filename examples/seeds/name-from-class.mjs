// Processes of a subclass are named after it. (003-7)
import { isMainProcess, Process } from 'forkful';

export class MyProcess extends Process {
  run() {
    console.log(`called run method by ${this.name}`);
  }
}

if (isMainProcess) {
  for (let i = 0; i < 10; i++) {
    const p = new MyProcess();
    await p.start();
    await p.join();
  }
}

// The same as parent-pid.mjs with a subclass. (001-2)
// Python's private `self.__name` is a plain property here: a `#name` would not travel to the child, and `name` is the name of the process.
import { isMainProcess, Process, parentProcess } from 'forkful';

export class MyProcess extends Process {
  constructor(nickname) {
    super();
    this.nickname = nickname;
  }

  run() {
    console.log(`[child ${this.nickname}] pid ${process.pid}, parent's pid ${parentProcess().pid}`);
  }
}

if (isMainProcess) {
  console.log(`[parent] pid ${process.pid}, parent's pid ${process.ppid}`);
  const p = new MyProcess('Sweetie');
  await p.start();
  await p.join();
}

// A subclass of Process: `run` is what the child does. (000-2)
// The constructor runs in the parent only; what it has set on the instance goes with it to the child.
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainProcess, Process } from 'forkful';

const SECOND = 100; // milliseconds

export class MyProcess extends Process {
  constructor(name) {
    super();
    this.name = name;
  }

  async run() {
    console.log(`I am ${this.name}`);
    await sleep(SECOND);
    console.log('Hello future...');
  }
}

if (isMainProcess) {
  const p = new MyProcess('Lyon');
  await p.start();
  console.log('End of main process...');
}

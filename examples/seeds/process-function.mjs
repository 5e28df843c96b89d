// A process runs a function. Nobody joins it; the program ends after it all the same. (000-1)
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainProcess, Process } from 'forkful';

const SECOND = 100; // milliseconds: nobody wants to wait for an example

export async function hello(name) {
  console.log(`I am ${name}`);
  await sleep(SECOND);
  console.log('Hello future...');
}

if (isMainProcess) {
  const p = new Process({ target: hello, args: ['Lyon'] });
  await p.start();
  console.log('End of main process...');
}

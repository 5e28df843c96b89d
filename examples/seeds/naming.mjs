// A process has a name: a given one, or its class and number. The number counts all processes made, named ones too. (003-3)
import { setTimeout as sleep } from 'node:timers/promises';
import { currentProcess, isMainProcess, Process } from 'forkful';

const SECOND = 100; // milliseconds

export async function myFunc() {
  const { name } = currentProcess();
  console.log(`Starting process name = ${name}`);
  await sleep(3 * SECOND);
  console.log(`Exiting process name = ${name}`);
}

if (isMainProcess) {
  const withName = new Process({ name: 'myFunc process', target: myFunc });
  const withDefaultName = new Process({ target: myFunc });
  await withName.start();
  await withDefaultName.start();
  await withName.join();
  await withDefaultName.join();
}

// To start a process and join it at once, twice, is to do one thing after the other. (000-3)
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainProcess, Process } from 'forkful';

const SECOND = 100; // milliseconds

export async function run(name) {
  console.log(`I am ${name}`);
  await sleep(2 * SECOND);
  console.log("When I'm done, I'm going to keep talking...");
}

if (isMainProcess) {
  const lyon = new Process({ target: run, args: ['Lyon'] });
  const kenneth = new Process({ target: run, args: ['Kenneth'] });
  await lyon.start();
  await lyon.join();
  await kenneth.start();
  await kenneth.join();
  console.log('I was the main process, and I ended up executing');
}

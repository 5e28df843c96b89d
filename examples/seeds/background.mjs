// node background.mjs [--no-daemon]
//
// Two processes that nobody joins. The one in the background, a daemon, is ended when the main program comes to its end, long before it is
// through; the other one is waited for. With --no-daemon both are. (003-5)
import { setTimeout as sleep } from 'node:timers/promises';
import { currentProcess, isMainProcess, Process } from 'forkful';

const SECOND = 100; // milliseconds

export async function foo() {
  const { name, daemon } = currentProcess();
  console.log(`Starting ${name}`);
  const first = name === 'background_process' ? 0 : 5;
  for (let i = first; i < first + 5; i++) {
    console.log(`---> ${i}`);
    await sleep(daemon ? 36_000 * SECOND : SECOND);
  }
  console.log(`Exiting ${name}`);
}

if (isMainProcess) {
  const background = new Process({ name: 'background_process', target: foo });
  background.daemon = !process.argv.includes('--no-daemon');
  const noBackground = new Process({ name: 'NO_background_process', target: foo });
  noBackground.daemon = false;
  await background.start();
  await noBackground.start();
}

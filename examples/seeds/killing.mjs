// Ending a process: what it looks like before, meanwhile, afterwards. (003-6)
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainProcess, Process } from 'forkful';

const SECOND = 10_000; // milliseconds, and long ones: it is to be ended before it is through

export async function foo() {
  console.log('Starting function');
  for (let i = 0; i < 10; i++) {
    console.log(`-->${i}`);
    await sleep(SECOND);
  }
  console.log('Finished function');
}

if (isMainProcess) {
  const p = new Process({ target: foo });
  console.log('Process before execution:', p, p.isAlive());
  await p.start();
  console.log('Process running:', p, p.isAlive());
  p.terminate(); // sends the signal, and does not wait for its effect
  console.log('Process terminated:', p, p.isAlive());
  await p.join();
  console.log('Process joined:', p, p.isAlive());
  console.log('Process exit code:', p.exitCode); // minus the number of the signal
}

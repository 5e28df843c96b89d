// What join() and exitCode say, which in Python's sources is `waitpid`, `WIFEXITED`, `WTERMSIG`. (001-3)
// join() resolves to whether the process has ended; Python's returns None, and one has to look at `exitcode`.
// One child fails on purpose: its stack is printed on stderr.
import { currentProcess, isMainProcess, Process, Queue } from 'forkful';

export function waitFor(gate) {
  gate.getSync();
}

export function leave(code) {
  process.exit(code);
}

export function fail() {
  throw new Error('this one fails on purpose');
}

async function exitCodeOf(options) {
  const p = new Process(options);
  await p.start();
  await p.join();
  return p.exitCode;
}

async function signalled(signal) {
  const p = new Process({ target: waitFor, args: [new Queue()] });
  await p.start();
  p[signal]();
  await p.join();
  return p.exitCode;
}

if (isMainProcess) {
  const gate = new Queue();
  const p = new Process({ target: waitFor, args: [gate] });
  await p.join().catch((error) => console.log(`join before start: ${error.code}`));
  await p.start();
  console.log(`while it runs: join ${await p.join({ timeout: 10 })}, exit code ${p.exitCode}`);
  await gate.put('go on');
  console.log(`afterwards: join ${await p.join()}, exit code ${p.exitCode}`);
  console.log(`process.exit(3): ${await exitCodeOf({ target: leave, args: [3] })}`);
  console.log(`process.exit(300): ${await exitCodeOf({ target: leave, args: [300] })}`);
  console.log(`uncaught error: ${await exitCodeOf({ target: fail })}`);
  console.log(`terminate(): ${await signalled('terminate')}`);
  console.log(`kill(): ${await signalled('kill')}`);
  await currentProcess()
    .join()
    .catch((error) => console.log(`join of oneself: ${error.code}`));
}

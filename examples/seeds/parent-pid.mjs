// A child knows its parent's pid. (001-1)
// `parentProcess()` tells it with every start method. `process.ppid` does not: with a fork server it is the server's pid, as `os.getppid()`
// is in Python.
import { isMainProcess, Process, parentProcess } from 'forkful';

export function test(name) {
  console.log(`[child ${name}] pid ${process.pid}, parent's pid ${parentProcess().pid}`);
}

if (isMainProcess) {
  console.log(`[parent] pid ${process.pid}, parent's pid ${process.ppid}`);
  const p = new Process({ target: test, args: ['Sweetie'] });
  await p.start();
  await p.join();
}

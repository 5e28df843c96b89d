// The tools there are around a process, one by one. (002-1)
// `os.getpid()` is `process.pid`, `os.getppid()` is `parentProcess().pid`.
import { activeChildren, isMainProcess, Process, parentProcess, Queue } from 'forkful';

export function tellPids(pids, gate) {
  pids.putSync([process.pid, parentProcess().pid]);
  gate.getSync(); // never comes
}

if (isMainProcess) {
  console.log('parent of the main process:', parentProcess());
  const pids = new Queue();
  const p = new Process({ target: tellPids, args: [pids, new Queue()] });
  console.log('before start: pid', p.pid, 'alive', p.isAlive());
  await p.start();
  const [pid, parentPid] = await pids.get();
  console.log('the child says: my pid is p.pid', pid === p.pid, "my parent's is yours", parentPid === process.pid);
  console.log('started: alive', p.isAlive(), 'among my children', activeChildren().includes(p));
  p.terminate();
  await p.join();
  console.log('terminated: alive', p.isAlive(), 'exit code', p.exitCode, 'my children', activeChildren().length);
}

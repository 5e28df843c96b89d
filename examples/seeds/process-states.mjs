// The states that a process goes through, as its text form shows them. (001-27)
// Of the five in the textbooks new is "initial" and terminated "stopped"; ready, running and waiting are "started" to the parent, which
// cannot tell them apart. After close() there is nothing left to ask.
import { isMainProcess, Process, Queue } from 'forkful';

export function waitFor(gate) {
  gate.getSync();
}

if (isMainProcess) {
  const gate = new Queue();
  const p = new Process({ target: waitFor, args: [gate], name: 'Ada' });
  console.log(p);
  await p.start();
  console.log(p);
  await gate.put('go on');
  await p.join();
  console.log(p);
  p.close();
  console.log(p);

  const q = new Process({ target: waitFor, args: [gate], name: 'Bob', daemon: true });
  await q.start();
  console.log(q);
  q.terminate();
  await q.join();
  console.log(q);
}

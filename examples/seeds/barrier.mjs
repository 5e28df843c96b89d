// Two processes that wait for each other at a barrier, and two that do not. (003-12)
// The text prints when each was let go; here also when it came, which is earlier than that for the first of the two.
import { setTimeout as sleep } from 'node:timers/promises';
import { Barrier, currentProcess, isMainProcess, Lock, Process } from 'forkful';

const SECOND = 100; // milliseconds

const microseconds = () => process.hrtime.bigint() / 1000n; // one clock for all processes of the machine

export async function testWithBarrier(synchronizer, serializer, delay) {
  const { name } = currentProcess();
  await sleep(delay);
  const came = microseconds();
  await synchronizer.wait();
  const now = microseconds();
  await serializer.withLock(() => console.log(`process ${name} ----> came at ${came}, let go at ${now}`));
}

export function testWithoutBarrier() {
  console.log(`process ${currentProcess().name} ----> ${microseconds()}`);
}

if (isMainProcess) {
  const synchronizer = new Barrier(2);
  const serializer = new Lock();
  const p1 = { name: 'p1 - testWithBarrier', target: testWithBarrier, args: [synchronizer, serializer, 0] };
  const p2 = { name: 'p2 - testWithBarrier', target: testWithBarrier, args: [synchronizer, serializer, SECOND] };
  await new Process(p1).start();
  await new Process(p2).start();
  await new Process({ name: 'p3 - testWithoutBarrier', target: testWithoutBarrier }).start();
  await new Process({ name: 'p4 - testWithoutBarrier', target: testWithoutBarrier }).start();
}

// Each of the primitives in a few lines: what the main process and one or two others say to each other by it. (003-11, without a program)
import { Barrier, Condition, Event, isMainProcess, Lock, Process, RawValue, RLock, Semaphore } from 'forkful';

/** A lock: one at a time. */
export function addUnderLock(lock, number) {
  for (let i = 0; i < 1000; i++) {
    lock.acquireSync();
    number.value += 1;
    lock.release();
  }
}

/** An event: one sets it, all others see it. */
export async function waitForEvent(event, seen) {
  await event.wait();
  seen.add(1);
}

/** A condition: something under a lock has changed. */
export function waitForTurn(condition, turn) {
  condition.withLockSync(() => {
    condition.waitForSync(() => turn.value === 1);
    turn.value = 2;
    condition.notifyAll();
  });
}

/** A semaphore: so many at a time. */
export async function connect(semaphore, open, most) {
  await semaphore.withLock(() => {
    const now = open.add(1) + 1;
    for (let known = most.value; known < now; known = most.value) most.compareExchange(known, now);
    open.sub(1);
  });
}

/** A recursive lock: its owner may take it again. */
export function countDown(rlock, n) {
  return rlock.withLockSync(() => (n === 0 ? 0 : 1 + countDown(rlock, n - 1)));
}

/** A barrier: nobody goes on before all have come. */
export async function phases(barrier, arrived, wrong) {
  for (let phase = 1; phase <= 3; phase++) {
    arrived.add(1);
    await barrier.wait();
    if (arrived.value !== 2 * phase) wrong.add(1);
    await barrier.wait();
  }
}

if (isMainProcess) {
  const number = new RawValue('i', 0);
  const lock = new Lock();
  await runAll(2, addUnderLock, [lock, number]);
  console.log(`Lock: ${number.value} additions`);

  const [event, seen] = [new Event(), new RawValue('i', 0)];
  await runAll(2, waitForEvent, [event, seen], () => event.set());
  console.log(`Event: seen by ${seen.value}`);

  const [condition, turn] = [new Condition(), new RawValue('i', 0)];
  await runAll(1, waitForTurn, [condition, turn], () =>
    condition.withLock(async () => {
      turn.value = 1;
      condition.notify();
      await condition.waitFor(() => turn.value === 2);
    }),
  );
  console.log(`Condition: turn ${turn.value}`);

  const [semaphore, open, most] = [new Semaphore(2), new RawValue('i', 0), new RawValue('i', 0)];
  await runAll(4, connect, [semaphore, open, most]);
  console.log(`Semaphore: never more than 2 inside: ${most.value <= 2}`);

  console.log(`RLock: taken again ${countDown(new RLock(), 5)} times`);

  const [barrier, arrived, wrong] = [new Barrier(2), new RawValue('i', 0), new RawValue('i', 0)];
  await runAll(2, phases, [barrier, arrived, wrong]);
  console.log(`Barrier: ${arrived.value} arrivals, ${wrong.value} too early`);
}

/** Starts `n` processes with the target, does `meanwhile`, and waits for their end. */
async function runAll(n, target, args, meanwhile = () => {}) {
  const processes = Array.from({ length: n }, () => new Process({ target, args }));
  for (const each of processes) await each.start();
  await meanwhile();
  for (const each of processes) await each.join();
}

// node increment.mjs none|acquire|getLock|withLock|add
//
// Five processes that add 1 to a number so many times each, all at once. `value += 1` is a read and a write, so without a lock some are lost (001-31);
// with the lock that a Value has none is (001-32), and neither with an atomic addition, which needs no lock.
import { Barrier, isMainProcess, Process, Value } from 'forkful';

const TIMES = 20_000; // 1000 in the text: a process here would be done before the next one has started

export function none(value, start) {
  start.waitSync();
  for (let i = 0; i < TIMES; i++) value.value += 1;
}

export function acquire(value, start) {
  start.waitSync();
  for (let i = 0; i < TIMES; i++) {
    if (value.acquireSync()) {
      value.value += 1;
      value.release();
    }
  }
}

export function getLock(value, start) {
  start.waitSync();
  for (let i = 0; i < TIMES; i++) {
    const held = value.getLock().holdSync(); // `using held = ...` where there is syntax for it
    value.value += 1;
    held[Symbol.dispose]();
  }
}

export function withLock(value, start) {
  start.waitSync();
  for (let i = 0; i < TIMES; i++) {
    value.withLockSync(() => {
      value.value += 1;
    });
  }
}

export function add(value, start) {
  start.waitSync();
  for (let i = 0; i < TIMES; i++) value.add(1);
}

if (isMainProcess) {
  const target = { none, acquire, getLock, withLock, add }[process.argv[2] ?? 'none'];
  const value = new Value('i', 0);
  const start = new Barrier(5);
  const processes = Array.from({ length: 5 }, () => new Process({ target, args: [value, start] }));
  for (const each of processes) await each.start();
  for (const each of processes) await each.join();
  console.log(`${value.value} of ${5 * TIMES}`);
}

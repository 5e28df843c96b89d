// node lock-shared.mjs [--no-lock]
//
// The balance of lock.mjs in shared memory: now both processes change the same one, and only the lock keeps it right. Passed as arguments,
// lock and balance are shared whatever the start method. (000-6)
import { isMainProcess, Lock, Process, RawValue } from 'forkful';

function changeIt(balance, n) {
  balance.value = balance.value + n;
  balance.value = balance.value - n;
}

export function runThread(balance, lock, n) {
  for (let i = 0; i < 100_000; i++) {
    if (lock === null) changeIt(balance, n);
    else lock.withLockSync(() => changeIt(balance, n));
  }
}

if (isMainProcess) {
  const lock = process.argv[2] === '--no-lock' ? null : new Lock();
  const balance = new RawValue('i', 0);
  const workers = [5, 8].map((n) => new Process({ target: runThread, args: [balance, lock, n] }));
  for (const worker of workers) await worker.start();
  for (const worker of workers) await worker.join();
  console.log(balance.value);
}

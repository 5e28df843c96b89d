// A lock around what must not be interrupted: a balance that is added to and taken from. (000-6)
//
// Lock and balance are variables of this module, as in the text, so the processes must be copies of this one: start method 'fork'. Such
// copies share the lock, but each has a balance of its own, so it would end at 0 without the lock too: lock-shared.mjs has one balance.
import { getContext, Lock } from 'forkful';

const { Process } = getContext('fork');

// imagine this to be what you have at the bank
let balance = 0;
const lock = new Lock();

function changeIt(n) {
  balance = balance + n;
  balance = balance - n;
}

function runThread(n) {
  for (let i = 0; i < 100_000; i++) {
    lock.acquireSync();
    try {
      changeIt(n);
    } finally {
      lock.release();
    }
  }
  console.log(`in the child: ${balance}`);
}

for (let round = 0; round < 3; round++) {
  const t1 = new Process({ target: runThread, args: [5] });
  const t2 = new Process({ target: runThread, args: [8] });
  await t1.start();
  await t2.start();
  await t1.join();
  await t2.join();
  console.log(balance);
}

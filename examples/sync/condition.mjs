// A producer and two consumers with a store of three places in shared memory: conditions for "not empty" and "not full" under one lock.
// One consumer waits by promises, the other one blocks its thread.
import { Condition, isMainProcess, Lock, Process, RawArray, RawValue } from 'forkful';

const PLACES = 3;
const ITEMS = 20;

/** All of it is shared, so it can be an argument of a process. */
function newStore() {
  const lock = new Lock();
  return {
    lock,
    notEmpty: new Condition(lock),
    notFull: new Condition(lock),
    places: new RawArray('i', PLACES),
    put: new RawValue('i', 0),
    taken: new RawValue('i', 0),
  };
}

export async function produce(store) {
  for (let item = 1; item <= ITEMS; item++) {
    await store.lock.withLock(async () => {
      await store.notFull.waitFor(() => store.put.value - store.taken.value < PLACES);
      store.places[store.put.value++ % PLACES] = item;
      store.notEmpty.notify();
    });
  }
}

function takeOne(store) {
  const item = store.places[store.taken.value++ % PLACES];
  store.notFull.notify();
  return item;
}

export async function consume(store, sum) {
  for (let n = 0; n < ITEMS / 2; n++) {
    await store.lock.withLock(async () => {
      await store.notEmpty.waitFor(() => store.put.value > store.taken.value);
      sum.value += takeOne(store);
    });
  }
}

export function consumeSync(store, sum) {
  for (let n = 0; n < ITEMS / 2; n++) {
    store.lock.withLockSync(() => {
      store.notEmpty.waitForSync(() => store.put.value > store.taken.value);
      sum.value += takeOne(store);
    });
  }
}

if (isMainProcess) {
  const store = newStore();
  const sum = new RawValue('i', 0);
  const processes = [
    new Process({ target: consume, args: [store, sum] }),
    new Process({ target: consumeSync, args: [store, sum] }),
    new Process({ target: produce, args: [store] }),
  ];
  for (const each of processes) await each.start();
  for (const each of processes) await each.join();
  console.log(`${store.put.value} put, ${store.taken.value} taken, their sum ${sum.value}`);
}

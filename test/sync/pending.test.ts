/** However many promises wait for whatever, the event loop goes on, and one thread serves them all. */
import { setMaxListeners } from 'node:events';
import { readdirSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Barrier, BoundedSemaphore, Condition, Event, Lock, Queue, RLock, Semaphore } from 'forkful';
import { expect, test } from 'vitest';
import { backend } from '../helpers/backends.js';
import { withWatchdog } from '../helpers/watchdog.js';

const EACH = 120;
const WAIT_MS = 60_000;

/** Takes `count` turns of the event loop. @returns the longest time that one took, in milliseconds */
async function longestTurn(count: number): Promise<number> {
  let longest = 0;
  for (let turn = 0; turn < count; turn++) {
    const began = performance.now();
    await nextTurn();
    longest = Math.max(longest, performance.now() - began);
  }
  return longest;
}

/** All kinds of waits, none of which can end as things are; and what lets them end. */
function kinds(signal: AbortSignal | undefined) {
  const options = signal === undefined ? {} : { signal };
  const [lock, rlock, semaphore, bounded] = [new Lock(), new RLock(), new Semaphore(0), new BoundedSemaphore(1)];
  const [event, condition, queue, full] = [new Event(), new Condition(), new Queue<number>(), new Queue<number>({ maxsize: 1 })];
  const barriers = Array.from({ length: EACH / 2 }, () => new Barrier(signal === undefined ? 2 : 3));
  lock.acquireSync();
  bounded.acquireSync();
  full.putSync(0);
  const held = rlock.hold();
  const waits: Record<string, () => Promise<unknown>> = {
    Lock: () => lock.acquire(options).then(() => lock.release()),
    RLock: () => rlock.withLock(() => {}, options),
    Semaphore: () => semaphore.acquire(options),
    BoundedSemaphore: () => bounded.withLock(() => {}, options),
    Event: () => event.wait(options),
    Condition: () => condition.withLock(() => condition.wait(options)),
    'Queue.get': () => queue.get(options),
    'Queue.put': () => full.put(1, options),
  };
  const satisfy = async (): Promise<void> => {
    lock.release();
    (await held)[Symbol.dispose]();
    semaphore.release(EACH);
    bounded.release();
    event.set();
    await condition.withLock(() => condition.notifyAll());
    for (let i = 0; i < EACH; i++) queue.putSync(i);
    for (let i = 0; i <= EACH; i++) await full.get();
    for (const barrier of barriers) await barrier.wait();
  };
  return { waits, barriers, options, satisfy, all: [lock, rlock, semaphore, bounded, event, condition, queue, full, ...barriers] };
}

test.each(['satisfied', 'aborted'])('a thousand promises of all kinds wait, and are %s in the end', async (end) => {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  const { waits, barriers, options, satisfy, all } = kinds(end === 'aborted' ? controller.signal : undefined);
  await longestTurn(5);
  const threads = (): number => (backend === 'native' ? readdirSync('/proc/self/task').length : 0);
  const before = threads();
  const began = performance.now();
  const waiting = Object.values(waits).flatMap((wait) => Array.from({ length: EACH }, wait));
  waiting.push(
    ...barriers.flatMap((barrier) => (end === 'aborted' ? [barrier.wait(options), barrier.wait(options)] : [barrier.wait(options)])),
  );
  let settled = 0;
  const count = (): number => settled++;
  for (const each of waiting) each.then(count, count);
  const started = performance.now() - began;
  const longest = await longestTurn(100);
  expect(settled).toBe(0);
  expect(threads()).toBeLessThanOrEqual(before + 1);
  const ended = performance.now();
  if (end === 'aborted') controller.abort(new Error('enough'));
  else await withWatchdog(WAIT_MS, () => all, satisfy());
  const results = await withWatchdog(WAIT_MS, () => all, Promise.allSettled(waiting));
  console.log(
    `${waiting.length} promises: begun in ${started.toFixed(1)} ms, the longest of 100 turns while they waited took ${longest.toFixed(1)} ms, ` +
      `${end} in ${(performance.now() - ended).toFixed(1)} ms`,
  );
  expect(new Set(results.map((each) => each.status))).toEqual(new Set([end === 'aborted' ? 'rejected' : 'fulfilled']));
  for (const each of all) each[Symbol.dispose]();
});

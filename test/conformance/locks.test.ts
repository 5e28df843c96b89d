/**
 * Locks, semaphores and events as CPython's tests have them: `_TestLock`, `_TestSemaphore`, `_TestEvent`, and what `TestSyncManagerTypes` does with them,
 * without a manager. See docs/conformance.md.
 */
import { inspect } from 'node:util';
import { getContext, Process, type Semaphore, type StartMethod } from 'forkful';
import { expect } from 'vitest';
import { grid } from '../helpers/grid.js';
import { withWatchdog } from '../helpers/watchdog.js';

const module = new URL('../fixtures/conformance/locks.mjs', import.meta.url);
const WAIT_MS = 60_000;
/** As long as CPython's tests wait for nothing. */
const SHORT_MS = 100;

async function start(method: StartMethod, name: string, ...args: unknown[]): Promise<Process> {
  return await new Process({ target: { module, name }, args, method }).start();
}

async function end(p: Process): Promise<void> {
  await withWatchdog(WAIT_MS, () => p, p.join());
  expect(p.exitCode).toBe(0);
}

grid('a lock: acquired, refused, released, and not released again', {}, async (method) => {
  const lock = new (getContext(method).Lock)();
  expect([await lock.acquire(), lock.tryAcquire()]).toEqual([true, false]);
  lock.release();
  expect(() => lock.release()).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_NOT_LOCKED' }));
});

grid('a recursive lock: acquired three times, released three times, and not a fourth time', {}, async (method) => {
  const lock = new (getContext(method).RLock)();
  expect([await lock.acquire(), lock.acquireSync(), lock.tryAcquire()]).toEqual([true, true, true]);
  for (let i = 0; i < 3; i++) lock.release();
  expect(() => lock.release()).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_NOT_OWNER' }));
});

grid('a lock held for a scope', {}, async (method) => {
  const lock = new (getContext(method).Lock)();
  {
    using _ = lock.holdSync();
    expect(lock.locked()).toBe(true);
  }
  {
    await using _ = await lock.hold();
    expect(lock.locked()).toBe(true);
  }
  expect(await lock.withLock(() => lock.locked())).toBe(true);
  expect(lock.locked()).toBe(false);
});

async function countDownAndUp(semaphore: Semaphore): Promise<void> {
  expect(semaphore.getValue()).toBe(2);
  expect([await semaphore.acquire(), semaphore.getValue()]).toEqual([true, 1]);
  expect([semaphore.acquireSync(), semaphore.getValue()]).toEqual([true, 0]);
  expect([semaphore.tryAcquire(), semaphore.getValue()]).toEqual([false, 0]);
  semaphore.release();
  expect(semaphore.getValue()).toBe(1);
  semaphore.release();
  expect(semaphore.getValue()).toBe(2);
}

grid('a semaphore counts down to none and up again, and beyond its first value', {}, async (method) => {
  const semaphore = new (getContext(method).Semaphore)(2);
  await countDownAndUp(semaphore);
  semaphore.release();
  expect(semaphore.getValue()).toBe(3);
  semaphore.release();
  expect(semaphore.getValue()).toBe(4);
});

grid('a bounded semaphore counts down to none and up again, and no further', {}, async (method) => {
  const semaphore = new (getContext(method).BoundedSemaphore)(2);
  await countDownAndUp(semaphore);
  expect(() => semaphore.release()).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_RELEASED_TOO_OFTEN' }));
  expect(semaphore.getValue()).toBe(2);
});

grid('an acquire that may not wait is false at once, one with a timeout when that is over', {}, async (method) => {
  const semaphore = new (getContext(method).Semaphore)(0);
  expect(semaphore.tryAcquire()).toBe(false);
  for (const acquire of [() => semaphore.acquireSync({ timeout: SHORT_MS }), () => semaphore.acquire({ timeout: SHORT_MS })]) {
    const began = performance.now();
    expect(await acquire()).toBe(false);
    expect(performance.now() - began).toBeGreaterThanOrEqual(SHORT_MS);
  }
  expect([semaphore.acquireSync({ timeout: 0 }), await semaphore.acquire({ timeout: -1 })]).toEqual([false, false]);
});

grid('an event: not set, set, cleared, and set by a child a little later', {}, async (method) => {
  const event = new (getContext(method).Event)();
  expect([event.isSet(), await event.wait({ timeout: 0 }), event.waitSync({ timeout: SHORT_MS })]).toEqual([false, false, false]);
  event.set();
  expect([event.isSet(), await event.wait(), event.waitSync({ timeout: SHORT_MS }), await event.wait({ timeout: 0 })]).toEqual([
    true,
    true,
    true,
    true,
  ]);
  event.clear();
  const child = await start(method, 'setAfter', event, SHORT_MS);
  expect(await event.wait({ timeout: WAIT_MS })).toBe(true);
  await end(child);
});

grid('the text of an event says whether it is set', {}, async (method) => {
  const event = new (getContext(method).Event)();
  expect(inspect(event)).toMatch(/ unset>$/);
  event.set();
  expect(inspect(event)).toMatch(/ set>$/);
});

grid('an event that a child has cleared', {}, async (method) => {
  const event = new (getContext(method).Event)();
  event.set();
  await end(await start(method, 'clear', event));
  expect(event.isSet()).toBe(false);
});

grid('a lock that a child took and left with is released by the parent, once', {}, async (method) => {
  const lock = new (getContext(method).Lock)();
  await end(await start(method, 'acquire', lock));
  expect(lock.locked()).toBe(true);
  lock.release();
  expect(() => lock.release()).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_NOT_LOCKED' }));
});

grid('a recursive lock that a child took and released is free', {}, async (method) => {
  const lock = new (getContext(method).RLock)();
  await end(await start(method, 'acquireAndRelease', lock));
  expect(lock.locked()).toBe(false);
  expect(() => lock.release()).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_NOT_OWNER' }));
});

grid('permits that children took and left with are released by the parent, of both kinds of semaphore', {}, async (method) => {
  const { Semaphore, BoundedSemaphore } = getContext(method);
  for (const semaphore of [new Semaphore(), new BoundedSemaphore()]) {
    await end(await start(method, 'acquire', semaphore));
    semaphore.release();
    expect([semaphore.getValue(), semaphore.acquireSync({ timeout: 0 }), semaphore.tryAcquire()]).toEqual([1, true, false]);
  }
});

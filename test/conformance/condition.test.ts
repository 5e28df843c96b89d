/**
 * Conditions as CPython's tests have them: `_TestCondition`, and `test_condition` of `TestSyncManagerTypes`, of test/_test_multiprocessing.py, under every
 * start method. What is compared, and what is not, is listed in docs/conformance.md.
 */
import { Condition, Process, Queue, type StartMethod, Value } from 'forkful';
import { expect } from 'vitest';
import { grid, inThreads } from '../helpers/grid.js';
import { untilWaiting, waiters } from '../helpers/waiters.js';
import { withWatchdog } from '../helpers/watchdog.js';

const module = new URL('../fixtures/conformance/meetings.mjs', import.meta.url);
const WAIT_MS = 60_000;

const start = (method: StartMethod, name: string, args: unknown[]): Promise<Process> =>
  new Process({ target: { module, name }, args, method }).start();

async function end(processes: readonly Process[]): Promise<void> {
  await withWatchdog(WAIT_MS, () => processes, Promise.all(processes.map((p) => p.join())));
  expect(processes.map((p) => p.exitCode)).toEqual(processes.map(() => 0));
}

const next = <T>(queue: Queue<T>): Promise<T> => queue.get({ timeout: WAIT_MS });

/** Three processes and three tasks of this thread that wait, as CPython has processes and threads. */
async function six(method: StartMethod, condition: Condition, woken: Queue<boolean>, timeout?: number): Promise<() => Promise<void>> {
  const sleeping = new Queue();
  const processes = await Promise.all([1, 2, 3].map(() => start(method, 'waitAndTell', [condition, sleeping, woken, timeout])));
  const tasks = [1, 2, 3].map(() =>
    condition.withLock(async () => {
      sleeping.putSync(0);
      await woken.put(await condition.wait({ timeout }));
    }),
  );
  for (let i = 0; i < 6; i++) await next(sleeping);
  return async () => {
    await Promise.all(tasks);
    await end(processes);
  };
}

const notify = (condition: Condition, n?: number): Promise<void> => condition.withLock(() => condition.notify(n));

grid('of a process and a task that wait each notification wakes one', {}, async (method) => {
  const [condition, sleeping, woken] = [new Condition(), new Queue(), new Queue<boolean>()];
  const p = await start(method, 'waitAndTell', [condition, sleeping, woken]);
  const task = condition.withLock(async () => {
    sleeping.putSync(0);
    await woken.put(await condition.wait());
  });
  await next(sleeping);
  await next(sleeping);
  await untilWaiting(condition, 2);
  expect(woken.empty()).toBe(true);
  for (const left of [1, 0]) {
    await notify(condition);
    expect(await next(woken)).toBe(true);
    expect([waiters(condition), woken.empty()]).toEqual([left, true]);
  }
  await task;
  await end([p]);
  expect([waiters(condition), condition.getLock().locked()]).toEqual([0, false]);
});

grid('six that wait are out of time, and six others are woken by one notifyAll', {}, async (method) => {
  const [condition, woken] = [new Condition(), new Queue<boolean>()];
  const endFirst = await six(method, condition, woken, 50);
  for (let i = 0; i < 6; i++) expect(await next(woken)).toBe(false);
  await endFirst();
  expect(waiters(condition)).toBe(0);
  const endSecond = await six(method, condition, woken);
  await untilWaiting(condition, 6);
  await condition.withLock(() => condition.notifyAll());
  for (let i = 0; i < 6; i++) expect(await next(woken)).toBe(true);
  await endSecond();
  expect(waiters(condition)).toBe(0);
});

grid('of six that wait notify(2) wakes two, notify(4) the others, and notify(3) nobody', {}, async (method) => {
  const [condition, woken] = [new Condition(), new Queue<boolean>()];
  const endAll = await six(method, condition, woken);
  await untilWaiting(condition, 6);
  await notify(condition, 2);
  for (let i = 0; i < 2; i++) await next(woken);
  expect([waiters(condition), woken.empty()]).toEqual([4, true]);
  await notify(condition, 4);
  for (let i = 0; i < 4; i++) await next(woken);
  await notify(condition, 3);
  await endAll();
  expect([waiters(condition), woken.empty()]).toEqual([0, true]);
});

grid('a wait says false when its time is over', {}, async (method) => {
  const [condition, sleeping, woken] = [new Condition(), new Queue(), new Queue<boolean>()];
  const p = await start(method, 'waitAndTell', [condition, sleeping, woken, 50]);
  expect(await next(woken)).toBe(false);
  await end([p]);
});

grid('two sides step a value by waiting for what they need', {}, async (method) => {
  const [condition, state] = [new Condition(), new Value('i', -1)];
  const p = await start(method, 'stepUp', [condition, state]);
  await condition.withLock(async () => {
    state.value = 0;
    condition.notify();
    expect(
      await withWatchdog(
        WAIT_MS,
        () => condition,
        condition.waitFor(() => state.value === 4),
      ),
    ).toBe(true);
  });
  await end([p]);
});

grid('a wait for what never comes ends in time, however often it is notified', {}, async (method) => {
  const [condition, state, success, ready] = [new Condition(), new Value('i', 0), new Value('i', 0), new Queue()];
  const p = await start(method, 'notifyThrice', [condition, state, success, ready]);
  await next(ready);
  for (let i = 0; i < 3; i++) {
    await condition.withLock(() => {
      state.value += 1;
      condition.notify();
    });
  }
  await end([p]);
  expect(success.value).toBe(1);
});

grid('a wait says false at once, false in time, true when notified; an abort breaks it', {}, async (method) => {
  const condition = new Condition();
  condition.acquireSync();
  expect(condition.waitSync({ timeout: 0 })).toBe(false);
  expect(condition.waitSync({ timeout: 100 })).toBe(false);
  const waiting = condition.wait();
  const p = await start(method, 'notifyOnce', [condition]);
  expect(await withWatchdog(WAIT_MS, () => condition, waiting)).toBe(true);
  await expect(condition.wait({ signal: AbortSignal.timeout(20) })).rejects.toMatchObject({ name: 'TimeoutError' });
  condition.release();
  await end([p]);
});

grid('SIGINT ends a process that blocks in a wait', inThreads('a signal is for the whole process'), async (method) => {
  const [condition, sleeping, woken] = [new Condition(), new Queue(), new Queue<boolean>()];
  const p = await start(method, 'waitAndTell', [condition, sleeping, woken]);
  await untilWaiting(condition, 1);
  p.interrupt();
  await withWatchdog(WAIT_MS, () => p, p.join());
  expect([p.exitCode, waiters(condition), woken.empty()]).toEqual([-2, 0, true]);
});

grid('a child acquires and releases a condition, and so does its parent then', {}, async (method) => {
  const condition = new Condition();
  await end([await start(method, 'acquireAndRelease', [condition])]);
  expect(condition.acquireSync()).toBe(true);
  condition.release();
});

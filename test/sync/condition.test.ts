import { inspect } from 'node:util';
import { ClosedError, Condition, Lock, RLock, StateError } from 'forkful';
import { describe, expect, it } from 'vitest';
import { BLOCK_ANNEX, BLOCK_CONDITION, BLOCK_RLOCK, countBlocks } from '../../src/memory/block.js';
import { until } from '../helpers/victims.js';
import { untilWaiting, waiters } from '../helpers/waiters.js';
import { withWatchdog } from '../helpers/watchdog.js';

const NOT_OWNER = expect.objectContaining({ code: 'ERR_FORKFUL_NOT_OWNER' });

/** One that waits: tells its name when it has been notified, and lets go of the lock. */
async function waitFor(condition: Condition, told: unknown[], name: unknown): Promise<void> {
  await condition.withLock(async () => {
    if (await condition.wait()) told.push(name);
  });
}

async function notify(condition: Condition, n?: number): Promise<void> {
  await condition.withLock(() => condition.notify(n));
}

describe.each([
  ['a Lock', () => new Lock()],
  ['an RLock', () => new RLock()],
  ['a lock of its own', (): undefined => undefined],
] as const)('a Condition over %s', (_, make) => {
  it('has that lock, and the methods of it', async () => {
    const lock = make();
    const condition = new Condition(lock);
    expect(condition.getLock()).toBe(lock ?? condition.getLock());
    expect(condition.getLock()).toBeInstanceOf(lock === undefined ? RLock : lock.constructor);
    expect(condition.acquireSync()).toBe(true);
    expect(condition.getLock().locked()).toBe(true);
    condition.release();
    expect(await condition.acquire()).toBe(true);
    condition.release();
    expect(condition.tryAcquire()).toBe(true);
    condition.release();
    condition.holdSync()[Symbol.dispose]();
    (await condition.hold())[Symbol.dispose]();
    expect(condition.withLockSync(() => condition.getLock().locked())).toBe(true);
    expect(await condition.withLock(async () => condition.getLock().locked())).toBe(true);
    expect(condition.getLock().locked()).toBe(false);
  });

  it('refuses to wait and to notify without the lock', async () => {
    const condition = new Condition(make());
    for (const call of [
      () => condition.waitSync(),
      () => condition.waitForSync(() => true),
      () => condition.notify(),
      () => condition.notifyAll(),
    ]) {
      expect(call).toThrow(NOT_OWNER);
      expect(call).toThrow(StateError);
    }
    await expect(condition.wait()).rejects.toMatchObject({ code: 'ERR_FORKFUL_NOT_OWNER' });
    await expect(condition.waitFor(() => true)).rejects.toThrow(
      "Cannot waitFor: acquire the condition's lock first, and call this while holding it",
    );
    expect(waiters(condition)).toBe(0);
  });

  it.each([0, -1, Number.NEGATIVE_INFINITY, 15])('gives up after a timeout of %s ms, and holds the lock then', async (timeout) => {
    const condition = new Condition(make());
    condition.acquireSync();
    expect(condition.waitSync({ timeout })).toBe(false);
    expect(condition.getLock().locked()).toBe(true);
    expect(await condition.wait({ timeout })).toBe(false);
    expect(condition.getLock().locked()).toBe(true);
    expect(waiters(condition)).toBe(0);
    condition.release();
    expect(condition.getLock().locked()).toBe(false);
  });

  it('has the lock released while one waits, and held again when it was notified', async () => {
    const condition = new Condition(make());
    await condition.acquire();
    const waiting = condition.wait({ timeout: Number.POSITIVE_INFINITY });
    expect(condition.getLock().locked()).toBe(false);
    expect(waiters(condition)).toBe(1);
    condition.acquireSync();
    condition.notify();
    expect(waiters(condition)).toBe(0);
    condition.release();
    expect(await waiting).toBe(true);
    expect(condition.getLock().locked()).toBe(true);
    condition.release();
  });

  it('notifies those that have waited longest, so many as were asked for', async () => {
    const condition = new Condition(make());
    const told: unknown[] = [];
    const all = [];
    for (let index = 0; index < 7; index++) {
      all.push(waitFor(condition, told, index));
      await untilWaiting(condition, index + 1);
    }
    await notify(condition, 0);
    await notify(condition, -3);
    expect(waiters(condition)).toBe(7);
    await notify(condition);
    await all[0];
    expect(told).toEqual([0]);
    await notify(condition, 3);
    await Promise.all(all.slice(1, 4));
    expect(told.toSorted()).toEqual([0, 1, 2, 3]);
    expect(waiters(condition)).toBe(3);
    await notify(condition, 100);
    await Promise.all(all);
    expect(told).toHaveLength(7);
    await notify(condition, 5); // nobody waits: it is not kept for later
    expect(await condition.withLock(() => condition.wait({ timeout: 20 }))).toBe(false);
  });

  it('notifies all', async () => {
    const condition = new Condition(make());
    const told: unknown[] = [];
    const all = [0, 1, 2, 3].map((index) => waitFor(condition, told, index));
    await untilWaiting(condition, 4);
    await condition.withLock(() => condition.notifyAll());
    await Promise.all(all);
    expect(told.toSorted()).toEqual([0, 1, 2, 3]);
  });

  it('rejects with the reason of an aborted signal, holding the lock', async () => {
    const condition = new Condition(make());
    const controller = new AbortController();
    const reason = new Error('enough');
    condition.acquireSync();
    const waiting = condition.wait({ signal: controller.signal });
    condition.acquireSync();
    controller.abort(reason);
    let isSettled = false;
    const settled = waiting.catch((error: unknown) => {
      isSettled = true;
      return error;
    });
    await new Promise(setImmediate);
    // over an RLock the whole thread holds it, and the wait may go on
    if (condition.getLock() instanceof Lock) expect(isSettled).toBe(false);
    condition.release();
    expect(await settled).toBe(reason);
    expect(condition.getLock().locked()).toBe(true);
    expect(waiters(condition)).toBe(0);
    await expect(condition.wait({ signal: controller.signal })).rejects.toBe(reason);
    await expect(condition.waitFor(() => false, { signal: controller.signal })).rejects.toBe(reason);
    expect(() => condition.waitSync({ signal: controller.signal })).toThrow(reason);
    expect(condition.getLock().locked()).toBe(true);
    condition.release();
  });

  it('leaves the notification of one that was aborted, or out of time, to another', async () => {
    const condition = new Condition(make());
    for (let round = 0; round < 20; round++) {
      const controller = new AbortController();
      const told: unknown[] = [];
      const first = condition.withLock(() => condition.wait(round % 2 === 0 ? { signal: controller.signal } : { timeout: 2 }));
      const settled = first.catch((error: unknown) => error);
      await condition.withLock(() => {});
      const other = waitFor(condition, told, 'other');
      if (round % 2 === 0) {
        await untilWaiting(condition, 2);
        condition.withLockSync(() => condition.notify());
        controller.abort(); // it may have gone on already
      }
      if ((await settled) === true || round % 2 === 1) {
        await untilWaiting(condition, 1);
        await notify(condition);
      }
      await withWatchdog(60_000, () => condition, other);
      expect(told).toEqual(['other']);
    }
  });

  it('waits for a predicate, and resolves to what it says', async () => {
    const condition = new Condition(make());
    let value = 0;
    condition.acquireSync();
    expect(condition.waitForSync(() => 'at once')).toBe('at once');
    expect(await condition.waitFor(() => 7)).toBe(7);
    expect(await condition.waitFor(async () => 'async')).toBe('async');
    condition.release();
    const waiting = condition.withLock(() => condition.waitFor(() => value >= 3 && { value }));
    for (const next of [1, 2, 3]) {
      await untilWaiting(condition, 1);
      await condition.withLock(() => {
        value = next;
        condition.notify();
      });
    }
    expect(await waiting).toEqual({ value: 3 });
  });

  it('ends waiting for a predicate when the time is over in all, with what the predicate said last', async () => {
    const condition = new Condition(make());
    condition.acquireSync();
    let calls = 0;
    const never = (): number | null => {
      calls++;
      return calls > 1 ? 0 : null;
    };
    expect(condition.waitForSync(never, { timeout: -1 })).toBe(null);
    expect(calls).toBe(1);
    expect(condition.waitForSync(never, { timeout: 10 })).toBe(0);
    condition.release();
    const begin = performance.now();
    let isOver = false;
    const waiting = condition
      .withLock(() => condition.waitFor(async () => false, { timeout: 150 }))
      .finally(() => {
        isOver = true;
      });
    for (let i = 0; i < 3; i++) {
      await until(
        () => isOver || waiters(condition) === 1,
        () => inspect(condition),
      );
      await notify(condition);
    }
    expect(await waiting).toBe(false);
    expect(performance.now() - begin).toBeGreaterThanOrEqual(149);
    condition.acquireSync();
    await expect(
      condition.waitFor(() => {
        throw new Error('inside');
      }),
    ).rejects.toThrow('inside');
    expect(condition.getLock().locked()).toBe(true);
    condition.release();
  });

  it('rejects the promises that wait when it is disposed of, each holding the lock', async () => {
    const condition = new Condition(make());
    const lock = condition.getLock();
    const byHand = async (): Promise<boolean> => {
      lock.acquireSync();
      try {
        return await condition.wait();
      } finally {
        lock.release();
      }
    };
    const waiting = [byHand(), byHand(), lock.withLock(() => condition.wait())];
    await untilWaiting(condition, 3);
    condition[Symbol.dispose]();
    condition[Symbol.dispose]();
    for (const each of waiting) await expect(each).rejects.toThrow(ClosedError);
    expect(lock.locked()).toBe(false);
    expect(inspect(condition)).toBe('<Condition disposed>');
    expect(() => condition.waitSync()).toThrow(ClosedError);
    expect(() => condition.notify()).toThrow(ClosedError);
    await expect(condition.wait()).rejects.toThrow('This condition was disposed of');
    expect(lock.tryAcquire()).toBe(true);
    lock.release();
  });
});

describe('a Condition', () => {
  it.each([
    [() => new Condition({} as Lock), 'lock must be a Lock or an RLock, got {} (object)'],
    [() => new Condition(null as unknown as Lock), 'lock must be a Lock or an RLock, got null'],
    [() => held().notify(1.5), 'n must be an integer between -9007199254740991 and 9007199254740991, got 1.5 (number)'],
    [
      () => held().notify('1' as unknown as number),
      "n must be an integer between -9007199254740991 and 9007199254740991, got '1' (string)",
    ],
    [() => held().waitSync({ timeout: '5s' as unknown as number }), "timeout must be a number of milliseconds, got '5s' (string)"],
    [() => held().waitSync({ timeout: Number.NaN }), 'timeout must be a number of milliseconds, got NaN (number)'],
    [() => held().waitSync({ signal: 1 as unknown as AbortSignal }), 'signal must be an AbortSignal, got 1 (number)'],
    [() => held().waitForSync(5 as unknown as () => 1), 'predicate must be a function, got 5 (number)'],
  ])('names a bad argument and its value: %s', (call, message) => {
    expect(call).toThrow(message);
  });

  it('refuses a lock that was disposed of', () => {
    const lock = new Lock();
    lock[Symbol.dispose]();
    expect(() => new Condition(lock)).toThrow(ClosedError);
  });

  it('rejects with ClosedError when its lock is disposed of during a wait', async () => {
    const lock = new Lock();
    const condition = new Condition(lock);
    lock.acquireSync();
    const waiting = condition.wait({ timeout: 10 });
    lock[Symbol.dispose]();
    await expect(waiting).rejects.toThrow(ClosedError);
    expect(waiters(condition)).toBe(0);
  });

  it('shows its lock and how many wait', async () => {
    const condition = new Condition(new Lock());
    expect(inspect(condition)).toBe('<Condition <Lock owner=nobody> waiters=0>');
    const told: unknown[] = [];
    const waiting = [1, 2].map((name) => waitFor(condition, told, name));
    await untilWaiting(condition, 2);
    expect(inspect(condition)).toBe('<Condition <Lock owner=nobody> waiters=2>');
    await condition.withLock(() => condition.notifyAll());
    await Promise.all(waiting);
    expect(inspect(new Condition())).toBe('<Condition <RLock owner=nobody> waiters=0>');
  });

  it.each([20, 1100])('has room for %s that wait, and notifies them in order', async (count) => {
    const condition = new Condition(new Lock());
    const told: number[] = [];
    const all = Array.from({ length: count }, (_, index) => waitFor(condition, told, index));
    await untilWaiting(condition, count);
    await notify(condition, 10);
    await Promise.all(all.slice(0, 10));
    expect(told).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    await condition.withLock(() => condition.notifyAll());
    await withWatchdog(60_000, () => condition, Promise.all(all));
    expect(told).toHaveLength(count);
    condition[Symbol.dispose]();
    condition.getLock()[Symbol.dispose]();
  });

  it('leaves no memory behind, and none of its lock and its annexes', async () => {
    const counts = (): number[] => [BLOCK_CONDITION, BLOCK_RLOCK, BLOCK_ANNEX].map(countBlocks);
    const before = counts();
    for (let i = 0; i < 1000; i++) {
      const condition = new Condition();
      condition[Symbol.dispose]();
      condition.getLock()[Symbol.dispose]();
    }
    for (let i = 0; i < 3; i++) {
      const condition = new Condition();
      const all = Array.from({ length: 20 }, () => waitFor(condition, [], 0));
      await untilWaiting(condition, 20);
      expect(countBlocks(BLOCK_ANNEX)).toBeGreaterThanOrEqual(1);
      await condition.withLock(() => condition.notifyAll());
      await Promise.all(all);
      condition[Symbol.dispose]();
      condition.getLock()[Symbol.dispose]();
    }
    // what other tests have left to the collector may be gone by now
    for (const [index, count] of counts().entries()) expect(count).toBeLessThanOrEqual(before[index] as number);
  });

  it('keeps its lock, whoever else lets go of it', () => {
    const lock = new RLock();
    const condition = new Condition(lock);
    condition[Symbol.dispose]();
    expect(lock.tryAcquire()).toBe(true);
    lock.release();
    lock[Symbol.dispose]();
  });
});

/** A condition whose lock is held, and need not be released. */
function held(): Condition {
  const condition = new Condition();
  condition.acquireSync();
  return condition;
}

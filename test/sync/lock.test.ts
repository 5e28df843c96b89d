import { inspect } from 'node:util';
import { ClosedError, Lock, Queue, StateError, TimeoutError } from 'forkful';
import { describe, expect, it } from 'vitest';

describe('a Lock in one thread', () => {
  it('is acquired once, refused to a second, and free again after release', () => {
    const lock = new Lock();
    expect(lock.locked()).toBe(false);
    expect(lock.acquireSync()).toBe(true);
    expect(lock.locked()).toBe(true);
    expect(lock.tryAcquire()).toBe(false);
    lock.release();
    expect(lock.tryAcquire()).toBe(true);
    lock.release();
  });

  it('throws when released while free', () => {
    const lock = new Lock();
    expect(() => lock.release()).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_NOT_LOCKED' }));
    expect(() => lock.release()).toThrow(StateError);
  });

  it.each([0, -1, 15])('gives up after a timeout of %s ms when held', async (timeout) => {
    const lock = new Lock();
    lock.acquireSync();
    expect(lock.acquireSync({ timeout })).toBe(false);
    expect(await lock.acquire({ timeout })).toBe(false);
    lock.release();
    expect(lock.acquireSync({ timeout })).toBe(true);
    lock.release();
    expect(await lock.acquire({ timeout })).toBe(true);
    lock.release();
  });

  it('serves promises in the order in which they asked', async () => {
    const lock = new Lock();
    lock.acquireSync();
    const order: number[] = [];
    const waiting = [0, 1, 2, 3, 4].map(async (index) => {
      await lock.acquire();
      order.push(index);
      lock.release();
    });
    lock.release();
    await Promise.all(waiting);
    expect(order).toEqual([0, 1, 2, 3, 4]);
  });

  it('lets an aborted promise go and keeps the others', async () => {
    const lock = new Lock();
    lock.acquireSync();
    const controller = new AbortController();
    const aborted = lock.acquire({ signal: controller.signal });
    const other = lock.acquire();
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    lock.release();
    expect(await other).toBe(true);
    lock.release();
    await expect(lock.acquire({ signal: controller.signal })).rejects.toBe(reason);
    expect(lock.locked()).toBe(false);
  });

  it('passes a release on when the promise it was meant for gave up', async () => {
    const lock = new Lock();
    for (let round = 0; round < 50; round++) {
      lock.acquireSync();
      const short = lock.acquire({ timeout: 1 });
      const long = lock.acquire();
      await new Promise((resolve) => setTimeout(resolve, 1));
      lock.release();
      if (await short) lock.release();
      expect(await long).toBe(true);
      lock.release();
    }
  });

  it('is not taken by a promise that waits when it is disposed of, though it is free', async () => {
    const [lock, copies] = [new Lock(), new Queue<Lock>()];
    copies.putSync(lock);
    lock.acquireSync();
    const waiting = [1, 2, 3].map(() => lock.acquire());
    lock.release();
    lock[Symbol.dispose]();
    expect((await Promise.allSettled(waiting)).map((each) => each.status)).toEqual(['rejected', 'rejected', 'rejected']);
    using again = copies.getSync();
    expect(again.tryAcquire()).toBe(true);
    again.release();
  });

  it('is released at the end of a scope, of withLock, and when that throws', async () => {
    const lock = new Lock();
    {
      const held = lock.holdSync();
      expect(lock.locked()).toBe(true);
      held[Symbol.dispose]();
      held[Symbol.dispose]();
    }
    expect(lock.locked()).toBe(false);
    const held = await lock.hold();
    await held[Symbol.asyncDispose]();
    expect(lock.withLockSync(() => lock.locked())).toBe(true);
    expect(await lock.withLock(async () => lock.locked())).toBe(true);
    await expect(
      lock.withLock(() => {
        throw new Error('inside');
      }),
    ).rejects.toThrow('inside');
    expect(lock.locked()).toBe(false);
  });

  it('rejects scoped forms with TimeoutError', async () => {
    const lock = new Lock();
    lock.acquireSync();
    await expect(lock.hold({ timeout: 1 })).rejects.toThrow(TimeoutError);
    expect(() => lock.withLockSync(() => 1, { timeout: 0 })).toThrow('The lock was not free within 0 ms');
    lock.release();
  });

  it.each([
    [() => new Lock({ onOwnerDeath: 'shrug' as 'throw' }), "onOwnerDeath must be 'throw', 'recover' or 'ignore', got 'shrug' (string)"],
    [() => new Lock({ onOwnerDead: 'throw' } as object), 'options must be an object with no keys but onOwnerDeath'],
    [() => new Lock(3 as unknown as object), 'options must be an object, got 3 (number)'],
    [() => new Lock().acquireSync({ timeout: '5s' as unknown as number }), "timeout must be a number of milliseconds, got '5s' (string)"],
    [() => new Lock().acquireSync({ timeout: Number.NaN }), 'timeout must be a number of milliseconds, got NaN (number)'],
    [() => new Lock().acquireSync({ signal: {} as AbortSignal }), 'signal must be an AbortSignal, got {} (object)'],
    [() => new Lock().acquireSync(5 as unknown as object), 'options must be an object like { timeout: 100 }, got 5 (number)'],
  ])('names a bad argument and its value: %s', (call, message) => {
    expect(call).toThrow(message);
  });

  it('shows its owner, and is unusable after disposal', async () => {
    const lock = new Lock();
    expect(inspect(lock)).toBe('<Lock owner=nobody>');
    lock.acquireSync();
    expect(inspect(lock)).toContain(`<Lock owner=pid ${process.pid}`);
    lock.release();
    lock[Symbol.dispose]();
    lock[Symbol.dispose]();
    expect(inspect(lock)).toBe('<Lock disposed>');
    expect(() => lock.acquireSync()).toThrow(ClosedError);
    await expect(lock.acquire()).rejects.toThrow(ClosedError);
  });
});

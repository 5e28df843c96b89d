import { inspect } from 'node:util';
import { ClosedError, getAllStartMethods, getContext, Queue, RLock, StateError } from 'forkful';
import { describe, expect, it } from 'vitest';
import { countBlocks } from '../../src/memory/block.js';

const NOT_OWNER = { code: 'ERR_FORKFUL_NOT_OWNER' };

describe('an RLock in one thread', () => {
  it('is acquired again in all forms, and free when it was released as often', async () => {
    const lock = new RLock();
    expect(lock.locked()).toBe(false);
    const taken = [
      lock.acquireSync(),
      await lock.acquire(),
      lock.tryAcquire(),
      lock.acquireSync({ timeout: 0 }),
      await lock.acquire({ timeout: 0 }),
    ];
    expect(taken).toEqual([true, true, true, true, true]);
    expect(inspect(lock)).toBe(`<RLock owner=pid ${process.pid} depth=5>`);
    for (let left = 5; left > 0; left--) {
      expect(lock.locked()).toBe(true);
      lock.release();
    }
    expect(lock.locked()).toBe(false);
    expect(inspect(lock)).toBe('<RLock owner=nobody>');
  });

  it('throws when released by one that does not hold it', () => {
    const lock = new RLock();
    expect(() => lock.release()).toThrow(expect.objectContaining(NOT_OWNER));
    lock.acquireSync();
    lock.acquireSync();
    lock.release();
    lock.release();
    expect(() => lock.release()).toThrow(StateError);
    expect(() => lock.release()).toThrow('Cannot release the RLock: this thread does not hold it, and only its owner may');
    expect(lock.tryAcquire()).toBe(true);
    expect(inspect(lock)).toBe(`<RLock owner=pid ${process.pid}>`);
    lock.release();
  });

  it('is released at the end of a scope, of withLock, and when that throws; nested too', async () => {
    const lock = new RLock();
    {
      using _ = lock.holdSync();
      using __ = lock.holdSync({ timeout: 0 });
      expect(inspect(lock)).toContain('depth=2');
    }
    expect(lock.locked()).toBe(false);
    expect(lock.withLockSync(() => lock.withLockSync(() => inspect(lock)))).toContain('depth=2');
    expect(await lock.withLock(() => lock.withLock(async () => inspect(lock)))).toContain('depth=2');
    const fail = (): never => {
      throw new Error('inside');
    };
    await expect(lock.withLock(() => lock.withLock(fail))).rejects.toThrow('inside');
    expect(() => lock.withLockSync(() => lock.withLockSync(fail))).toThrow('inside');
    expect(lock.locked()).toBe(false);
  });

  it('held by hand is released once, however often it is disposed of', async () => {
    const lock = new RLock();
    lock.acquireSync();
    const held = await lock.hold();
    held[Symbol.dispose]();
    await held[Symbol.asyncDispose]();
    held[Symbol.dispose]();
    expect(inspect(lock)).toBe(`<RLock owner=pid ${process.pid}>`);
    lock.release();
    expect(lock.locked()).toBe(false);
  });

  it.each([
    [{ timeout: '5s' }, "timeout must be a number of milliseconds, got '5s' (string)"],
    [{ timeout: Number.NaN }, 'timeout must be a number of milliseconds, got NaN (number)'],
    [{ signal: {} }, 'signal must be an AbortSignal, got {} (object)'],
    [5, 'options must be an object like { timeout: 100 }, got 5 (number)'],
    [null, 'options must be an object like { timeout: 100 }, got null'],
  ])('names a bad option and its value, also when it is held already: %o', async (bad, message) => {
    const lock = new RLock();
    const options = bad as object;
    const refuse = async (): Promise<void> => {
      expect(() => lock.acquireSync(options)).toThrow(message);
      expect(() => lock.holdSync(options)).toThrow(message);
      expect(() => lock.withLockSync(() => 1, options)).toThrow(message);
      await expect(lock.acquire(options)).rejects.toThrow(message);
      await expect(lock.hold(options)).rejects.toThrow(message);
      await expect(lock.withLock(() => 1, options)).rejects.toThrow(message);
    };
    await refuse();
    await lock.withLock(refuse);
    expect(lock.locked()).toBe(false);
  });

  it.each([
    [{ onOwnerDeath: 'shrug' }, "onOwnerDeath must be 'throw', 'recover' or 'ignore', got 'shrug' (string)"],
    [{ onOwnerDead: 'throw' }, "options must be an object with no keys but onOwnerDeath, got { onOwnerDead: 'throw' } (object)"],
    [3, 'options must be an object, got 3 (number)'],
  ])('cannot be made with %o', (options, message) => {
    const before = countBlocks();
    expect(() => new RLock(options as object)).toThrow(message);
    expect(countBlocks()).toBe(before);
  });

  it('is unusable after disposal, which rejects what waits; twice is once', async () => {
    const lock = new RLock();
    let leave = (): void => {};
    const inside = lock.withLock(() => new Promise<void>((resolve) => (leave = resolve)));
    const waiting = [lock.hold(), lock.withLock(() => 1), lock.hold({ timeout: 60_000 })];
    await Promise.resolve();
    lock[Symbol.dispose]();
    lock[Symbol.dispose]();
    for (const one of waiting) await expect(one).rejects.toThrow(ClosedError);
    leave();
    await expect(inside).rejects.toThrow(ClosedError); // it could not be released
    await expect(lock.acquire()).rejects.toThrow('This lock was disposed of');
    await expect(lock.hold()).rejects.toThrow(ClosedError);
    for (const name of ['acquireSync', 'tryAcquire', 'release', 'locked', 'holdSync'] as const)
      expect(() => lock[name](), name).toThrow(ClosedError);
    expect(inspect(lock)).toBe('<RLock disposed>');
  });

  it('is disposed of at the end of a scope', () => {
    let lock: RLock;
    {
      using scoped = new RLock();
      lock = scoped;
    }
    expect(() => lock.locked()).toThrow(ClosedError);
  });

  it('leaves no memory behind', () => {
    new RLock()[Symbol.dispose]();
    const before = countBlocks();
    for (let i = 0; i < 1000; i++) new RLock()[Symbol.dispose]();
    expect(countBlocks()).toBe(before);
  });

  it('is part of every context, and arrives as the same object in one process', () => {
    for (const method of getAllStartMethods()) expect(getContext(method).RLock).toBe(RLock);
    const [lock, queue] = [new RLock(), new Queue<{ lock: RLock }>()];
    queue.putSync({ lock });
    expect(queue.getSync().lock).toBe(lock);
  });

  it('refuses an aborted signal at once', async () => {
    const lock = new RLock();
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    await expect(lock.acquire({ signal })).rejects.toBe(reason);
    await expect(lock.hold({ signal })).rejects.toBe(reason);
    expect(() => lock.acquireSync({ signal })).toThrow(reason);
    expect(lock.locked()).toBe(false);
  });
});

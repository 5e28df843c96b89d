import { inspect } from 'node:util';
import { BoundedSemaphore, ClosedError, getAllStartMethods, getContext, Semaphore, StateError, TimeoutError } from 'forkful';
import { describe, expect, it } from 'vitest';
import { countBlocks } from '../../src/memory/block.js';

const MAX_COUNT = 2 ** 31 - 1;
const KINDS = {
  Semaphore: (value: number) => new Semaphore(value),
  'Semaphore with recover': (value: number) => new Semaphore(value, { recover: true }),
  BoundedSemaphore: (value: number) => new BoundedSemaphore(value),
};
const TRACKED = ['Semaphore with recover', 'BoundedSemaphore'] as const;
const TOO_OFTEN = { code: 'ERR_FORKFUL_RELEASED_TOO_OFTEN' };

describe.each(Object.keys(KINDS) as (keyof typeof KINDS)[])('a %s in one thread', (kind) => {
  const make = KINDS[kind];

  it('gives as many permits as it has, in all forms, and no more', async () => {
    const semaphore = make(3);
    expect([semaphore.getValue(), semaphore.locked()]).toEqual([3, false]);
    expect(await semaphore.acquire()).toBe(true);
    expect(semaphore.acquireSync()).toBe(true);
    expect([semaphore.getValue(), semaphore.locked()]).toEqual([1, false]);
    expect(semaphore.tryAcquire()).toBe(true);
    expect([semaphore.getValue(), semaphore.locked(), semaphore.tryAcquire()]).toEqual([0, true, false]);
    semaphore.release();
    expect([semaphore.getValue(), semaphore.tryAcquire()]).toEqual([1, true]);
    semaphore.release(3);
    expect(semaphore.getValue()).toBe(3);
  });

  it.each([0, -1, Number.NEGATIVE_INFINITY, 15])('gives up after a timeout of %s ms when it has none', async (timeout) => {
    const semaphore = make(1);
    semaphore.acquireSync();
    expect(semaphore.acquireSync({ timeout })).toBe(false);
    expect(await semaphore.acquire({ timeout })).toBe(false);
    semaphore.release();
    expect(semaphore.acquireSync({ timeout })).toBe(true);
    semaphore.release();
    expect(await semaphore.acquire({ timeout })).toBe(true);
    expect(semaphore.getValue()).toBe(0);
  });

  it('waits for ever with a timeout of Infinity', async () => {
    const semaphore = make(1);
    expect(semaphore.acquireSync({ timeout: Number.POSITIVE_INFINITY })).toBe(true);
    const waiting = semaphore.acquire({ timeout: Number.POSITIVE_INFINITY });
    semaphore.release();
    expect(await waiting).toBe(true);
  });

  it('serves promises in the order in which they asked', async () => {
    const semaphore = make(1);
    semaphore.acquireSync();
    const order: number[] = [];
    const waiting = [0, 1, 2, 3, 4].map(async (index) => {
      await semaphore.acquire();
      order.push(index);
      semaphore.release();
    });
    semaphore.release();
    await Promise.all(waiting);
    expect(order).toEqual([0, 1, 2, 3, 4]);
    expect(semaphore.getValue()).toBe(1);
  });

  it('lets a newcomer by a promise queue behind those that wait', async () => {
    const semaphore = make(1);
    semaphore.acquireSync();
    const first = semaphore.acquire();
    semaphore.release();
    const second = semaphore.acquire({ timeout: 0 });
    expect([await first, await second]).toEqual([true, false]);
  });

  it('lets as many promises go as it is given permits', async () => {
    const semaphore = make(5);
    for (let i = 0; i < 5; i++) semaphore.acquireSync();
    const through: number[] = [];
    const waiting = [0, 1, 2, 3, 4].map((index) => semaphore.acquire().then(() => through.push(index)));
    semaphore.release(3);
    await Promise.all(waiting.slice(0, 3));
    expect([through, semaphore.getValue()]).toEqual([[0, 1, 2], 0]);
    semaphore.release(2);
    await Promise.all(waiting);
    expect(through).toEqual([0, 1, 2, 3, 4]);
  });

  it('lets an aborted promise go and keeps the others; refuses an aborted signal at once', async () => {
    const semaphore = make(1);
    semaphore.acquireSync();
    const controller = new AbortController();
    const [aborted, other] = [semaphore.acquire({ signal: controller.signal }), semaphore.acquire()];
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    semaphore.release();
    expect(await other).toBe(true);
    semaphore.release();
    await expect(semaphore.acquire({ signal: controller.signal })).rejects.toBe(reason);
    expect(() => semaphore.acquireSync({ signal: controller.signal })).toThrow(reason);
    expect(semaphore.getValue()).toBe(1);
  });

  it('passes a release on when the promise it was meant for gave up', async () => {
    const semaphore = make(1);
    for (let round = 0; round < 30; round++) {
      semaphore.acquireSync();
      const short = semaphore.acquire({ timeout: 1 });
      const long = semaphore.acquire();
      await new Promise((resolve) => setTimeout(resolve, 1));
      semaphore.release();
      if (await short) semaphore.release();
      expect(await long).toBe(true);
      semaphore.release();
    }
  });

  it('gets its permit back at the end of a scope, of withLock, and when that throws', async () => {
    const semaphore = make(1);
    {
      using _ = semaphore.holdSync();
      expect(semaphore.locked()).toBe(true);
    }
    {
      await using held = await semaphore.hold();
      expect(semaphore.locked()).toBe(true);
      held[Symbol.dispose]();
      expect(semaphore.locked()).toBe(false);
    }
    expect(semaphore.withLockSync(() => semaphore.locked())).toBe(true);
    expect(await semaphore.withLock(async () => semaphore.locked())).toBe(true);
    const fail = (): never => {
      throw new Error('inside');
    };
    await expect(semaphore.withLock(fail)).rejects.toThrow('inside');
    expect(() => semaphore.withLockSync(fail)).toThrow('inside');
    expect(semaphore.getValue()).toBe(1);
  });

  it('rejects scoped forms with TimeoutError, and does not run their work', async () => {
    const semaphore = make(0);
    const text = 'The semaphore had no free permit within 1 ms';
    const never = (): never => expect.unreachable();
    await expect(semaphore.hold({ timeout: 1 })).rejects.toThrow(TimeoutError);
    await expect(semaphore.withLock(never, { timeout: 1 })).rejects.toThrow(text);
    expect(() => semaphore.holdSync({ timeout: 1 })).toThrow(text);
    expect(() => semaphore.withLockSync(never, { timeout: 1 })).toThrow(text);
  });

  it('may have no permits', async () => {
    const semaphore = make(0);
    expect([semaphore.getValue(), semaphore.locked(), semaphore.tryAcquire()]).toEqual([0, true, false]);
    expect(await semaphore.acquire({ timeout: 0 })).toBe(false);
  });

  it.each([
    [{ timeout: '5s' }, "timeout must be a number of milliseconds, got '5s' (string)"],
    [{ timeout: Number.NaN }, 'timeout must be a number of milliseconds, got NaN (number)'],
    [{ timeout: null }, 'timeout must be a number of milliseconds, got null'],
    [{ signal: {} }, 'signal must be an AbortSignal, got {} (object)'],
    [5, 'options must be an object like { timeout: 100 }, got 5 (number)'],
    [null, 'options must be an object like { timeout: 100 }, got null'],
  ])('names a bad option and its value: %o', async (bad, message) => {
    const semaphore = make(1);
    const options = bad as object;
    expect(() => semaphore.acquireSync(options)).toThrow(message);
    expect(() => semaphore.holdSync(options)).toThrow(message);
    expect(() => semaphore.withLockSync(() => 1, options)).toThrow(message);
    await expect(semaphore.acquire(options)).rejects.toThrow(message);
    await expect(semaphore.hold(options)).rejects.toThrow(message);
    await expect(semaphore.withLock(() => 1, options)).rejects.toThrow(message);
    expect(semaphore.getValue()).toBe(1);
  });

  it.each([
    [0, `n must be an integer between 1 and ${MAX_COUNT}, got 0 (number)`],
    [-1, `n must be an integer between 1 and ${MAX_COUNT}, got -1 (number)`],
    [1.5, `n must be an integer between 1 and ${MAX_COUNT}, got 1.5 (number)`],
    ['2', `n must be an integer between 1 and ${MAX_COUNT}, got '2' (string)`],
    [null, `n must be an integer between 1 and ${MAX_COUNT}, got null`],
    [2 ** 31, `n must be an integer between 1 and ${MAX_COUNT}, got 2147483648 (number)`],
  ])('cannot release %s permits', (n, message) => {
    const semaphore = make(3);
    semaphore.acquireSync();
    expect(() => semaphore.release(n as number)).toThrow(message);
    expect(semaphore.getValue()).toBe(2);
  });

  it('is unusable after disposal, which rejects what waits, twice is once', async () => {
    const semaphore = make(1);
    semaphore.acquireSync();
    const waiting = [semaphore.acquire(), semaphore.acquire({ timeout: 60_000 }), semaphore.hold(), semaphore.withLock(() => 1)];
    semaphore[Symbol.dispose]();
    semaphore[Symbol.dispose]();
    for (const one of waiting) await expect(one).rejects.toThrow(ClosedError);
    await expect(semaphore.acquire()).rejects.toThrow('This semaphore was disposed of');
    await expect(semaphore.hold()).rejects.toThrow(ClosedError);
    await expect(semaphore.withLock(() => 1)).rejects.toThrow(ClosedError);
    const calls = ['acquireSync', 'tryAcquire', 'release', 'getValue', 'locked', 'holdSync'] as const;
    for (const name of calls) expect(() => semaphore[name](), name).toThrow(ClosedError);
    expect(inspect(semaphore)).toMatch(/^<(Bounded)?Semaphore disposed>$/);
  });

  it('rejects all that wait at disposal, though a permit is free', async () => {
    const semaphore = make(1);
    semaphore.acquireSync();
    const waiting = [1, 2, 3].map(() => semaphore.acquire());
    semaphore.release();
    semaphore[Symbol.dispose]();
    expect((await Promise.allSettled(waiting)).map((each) => each.status)).toEqual(['rejected', 'rejected', 'rejected']);
  });

  it('is disposed of at the end of a scope', () => {
    let semaphore: Semaphore;
    {
      using scoped = make(1);
      semaphore = scoped;
    }
    expect(() => semaphore.getValue()).toThrow(ClosedError);
  });

  it.each([1, 5000])('leaves no memory behind: %s permits', (value) => {
    const cycle = (): void => make(value)[Symbol.dispose]();
    cycle();
    const before = countBlocks();
    for (let i = 0; i < 1000; i++) cycle();
    expect(countBlocks()).toBe(before);
  });
});

describe('a Semaphore', () => {
  it('may get more permits than it had, up to 2^31 - 1, all or none', () => {
    const semaphore = new Semaphore(2);
    semaphore.release();
    semaphore.release(2);
    expect(semaphore.getValue()).toBe(5);
    semaphore.release(MAX_COUNT - 5);
    expect(semaphore.getValue()).toBe(MAX_COUNT);
    expect(() => semaphore.release()).toThrow(expect.objectContaining(TOO_OFTEN));
    expect(() => semaphore.release(2)).toThrow(`Cannot release 2 permits of the semaphore: it can have ${MAX_COUNT} at most`);
    expect(semaphore.getValue()).toBe(MAX_COUNT);
    expect(semaphore.tryAcquire()).toBe(true);
    semaphore.release();
  });

  it('releases a billion permits to the few who wait', async () => {
    const semaphore = new Semaphore(0);
    const waiting = [1, 2, 3].map(() => semaphore.acquire());
    semaphore.release(10 ** 9);
    expect(await Promise.all(waiting)).toEqual([true, true, true]);
    expect(semaphore.getValue()).toBe(10 ** 9 - 3);
  });

  it('has one permit unless told otherwise, and shows how many are free', () => {
    const [semaphore, bounded] = [new Semaphore(), new BoundedSemaphore()];
    const tracked = new Semaphore(3, { recover: true });
    for (const each of [semaphore, bounded, tracked]) each.acquireSync();
    expect([semaphore, bounded, tracked].map((each) => inspect(each))).toEqual([
      '<Semaphore value=0>',
      '<BoundedSemaphore value=0 of 1>',
      '<Semaphore value=2 of 3>',
    ]);
    expect(bounded).toBeInstanceOf(Semaphore);
  });

  it('is part of every context', () => {
    for (const method of getAllStartMethods()) {
      const context = getContext(method);
      expect([context.Semaphore, context.BoundedSemaphore]).toEqual([Semaphore, BoundedSemaphore]);
    }
  });

  const make = (Class: typeof Semaphore, ...args: unknown[]) => new (Class as new (...args: unknown[]) => Semaphore)(...args);
  it.each([
    [() => make(Semaphore, -1), `value must be an integer between 0 and ${MAX_COUNT}, got -1 (number)`],
    [() => make(Semaphore, 2 ** 31), `value must be an integer between 0 and ${MAX_COUNT}, got 2147483648 (number)`],
    [() => make(Semaphore, 1.5), `value must be an integer between 0 and ${MAX_COUNT}, got 1.5 (number)`],
    [() => make(Semaphore, '3'), `value must be an integer between 0 and ${MAX_COUNT}, got '3' (string)`],
    [() => make(Semaphore, null), `value must be an integer between 0 and ${MAX_COUNT}, got null`],
    [() => make(Semaphore, { recover: true }), `value must be an integer between 0 and ${MAX_COUNT}, got { recover: true } (object)`],
    [() => make(Semaphore, 64_001, { recover: true }), 'value must be an integer between 0 and 64000, got 64001 (number)'],
    [() => make(Semaphore, 1, { recover: 1 }), 'recover must be a boolean, got 1 (number)'],
    [() => make(Semaphore, 1, { recovers: true }), 'options must be an object with no keys but recover, got { recovers: true } (object)'],
    [() => make(Semaphore, 1, true), 'options must be an object, got true (boolean)'],
    [() => make(BoundedSemaphore, -1), 'value must be an integer between 0 and 64000, got -1 (number)'],
    [() => make(BoundedSemaphore, 64_001), 'value must be an integer between 0 and 64000, got 64001 (number)'],
    [() => make(BoundedSemaphore, 1, { recover: true }), 'options must be an object without keys, got { recover: true } (object)'],
  ])('names a bad argument and its value, and makes nothing: %s', (call, message) => {
    const before = countBlocks();
    expect(call).toThrow(message);
    expect(countBlocks()).toBe(before);
  });
});

describe.each(TRACKED)('a %s', (kind) => {
  const make = KINDS[kind];

  it('cannot be released more often than it was acquired: none is given back then', () => {
    const semaphore = make(3);
    expect(() => semaphore.release()).toThrow(StateError);
    semaphore.acquireSync();
    semaphore.acquireSync();
    expect(() => semaphore.release(3)).toThrow('Cannot release 3 permits of the semaphore: of 3 permits only 2 are taken');
    expect(semaphore.getValue()).toBe(1);
    semaphore.release(2);
    expect(() => semaphore.release()).toThrow(expect.objectContaining(TOO_OFTEN));
    expect(() => semaphore.release()).toThrow('Cannot release a permit of the semaphore: of 3 permits only 0 are taken');
    expect(semaphore.getValue()).toBe(3);
  });

  it.each([64, 65, 4000, 4001, 64_000])('keeps account of %s permits', (value) => {
    using semaphore = make(value);
    for (let i = 0; i < value; i += Math.ceil(value / 200)) expect(semaphore.acquireSync({ timeout: 0 })).toBe(true);
    const taken = value - semaphore.getValue();
    expect(taken).toBeGreaterThan(0);
    expect(() => semaphore.release(taken + 1)).toThrow(expect.objectContaining(TOO_OFTEN));
    semaphore.release(taken);
    expect(semaphore.getValue()).toBe(value);
  });

  it('gives each of its permits once, where they stand in several parts', () => {
    using semaphore = make(4100);
    for (let i = 0; i < 4100; i++) semaphore.acquireSync();
    expect([semaphore.tryAcquire(), semaphore.getValue()]).toEqual([false, 0]);
    semaphore.release(4100);
    expect(semaphore.getValue()).toBe(4100);
  });
});

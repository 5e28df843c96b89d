import { inspect } from 'node:util';
import { getAllStartMethods, OwnerDiedError, Process, Queue, RawValue, RLock, type StartMethod } from 'forkful';
import { describe, expect, it } from 'vitest';
import { itNative } from '../helpers/backends.js';
import { withWatchdog } from '../helpers/watchdog.js';

const module = new URL('../fixtures/sync/rlocks.mjs', import.meta.url).href;
const WAIT_MS = 60_000;
const start = (method: StartMethod, name: string, args: unknown[]): Promise<Process> =>
  new Process({ target: { module, name }, args, method }).start();
const next = <T>(queue: Queue<T>): Promise<T> => queue.get({ timeout: WAIT_MS });

async function end(processes: readonly Process[]): Promise<void> {
  await withWatchdog(WAIT_MS, () => processes, Promise.all(processes.map((each) => each.join())));
  expect(processes.map((each) => each.exitCode)).toEqual(processes.map(() => 0));
}

describe.each(getAllStartMethods())('an RLock between agents started by %s', (method) => {
  it('arrives nested in an object as the same lock, and comes back as the same object', async () => {
    const [lock, replies] = [new RLock(), new Queue<{ lock: RLock; isOne: boolean; depth: string }>()];
    const p = await start(method, 'useShared', [{ lock, again: lock }, replies]);
    const { lock: back, isOne, depth } = await next(replies);
    expect([back === lock, isOne, depth]).toEqual([true, true, expect.stringMatching(/^<RLock owner=pid \d+.*>$/)]);
    await end([p]);
    expect(lock.locked()).toBe(false);
  });

  it('admits one at a time, at any depth and in all forms', async () => {
    const [lock, value, each] = [new RLock(), new RawValue('i'), 800];
    const agents = await Promise.all([1, 2, 3].map(() => start(method, 'increment', [lock, value, each])));
    for (let i = 0; i < each; i++) await lock.withLock(() => lock.withLockSync(() => void (value.value += 1)));
    await end(agents);
    expect([value.value, lock.locked()]).toEqual([4 * each, false]);
  });

  it('is refused to another one, which cannot release it either, until its owner has released it as often as it took it', async () => {
    const [lock, replies] = [new RLock(), new Queue<unknown[]>()];
    for (let depth = 0; depth < 2; depth++) lock.acquireSync();
    for (let depth = 2; depth > 0; depth--) {
      const other = await start(method, 'tryAll', [lock, replies]);
      expect(await next(replies)).toEqual([false, false, false, 'ERR_FORKFUL_TIMEOUT', 'ERR_FORKFUL_NOT_OWNER', true]);
      lock.release();
      await end([other]);
    }
    expect(lock.locked()).toBe(false);
  });

  it('of one that ended at depth 3 is one death: the next one is told, and holds it once', async () => {
    const lock = new RLock();
    await end([await start(method, 'leave', [lock])]);
    await expect(lock.acquire({ timeout: WAIT_MS })).rejects.toThrow(OwnerDiedError);
    expect(inspect(lock)).toBe(`<RLock owner=pid ${process.pid}>`);
    lock.release();
    expect(lock.locked()).toBe(false);
    await end([await start(method, 'leave', [lock])]);
    await expect(lock.withLock(() => expect.unreachable())).rejects.toThrow(OwnerDiedError);
    expect(lock.locked()).toBe(false);
    expect(await lock.withLock(() => 'as ever')).toBe('as ever');
  });
});

describe('an RLock that is fought for', () => {
  const method = getAllStartMethods()[0] as StartMethod;

  it.each(
    (['hog', 'hogByTasks'] as const).flatMap((hog) => (['acquireSync', 'acquire', 'hold'] as const).map((form) => [hog, form] as const)),
  )('is not kept by others that never stop from one that waits: %s, %s', async (hog, form) => {
    const [lock, stop, started] = [new RLock(), new RawValue('i'), new Queue()];
    const hogs = await Promise.all([1, 2].map(() => start(method, hog, [lock, stop, started])));
    for (const _ of hogs) await next(started);
    const acquireOften = async (): Promise<void> => {
      for (let i = 0; i < 50; i++) {
        if (form === 'hold') (await lock.hold({ timeout: 60_000 }))[Symbol.dispose]();
        else {
          expect(await lock[form]({ timeout: 60_000 })).toBe(true);
          lock.release();
        }
      }
    };
    await withWatchdog(60_000, () => lock, acquireOften());
    stop.value = 1;
    await end(hogs);
  });

  it('goes to a waiting task of another agent when the last of its owner is released', async () => {
    const [lock, ready] = [new RLock(), new Queue<string>()];
    lock.acquireSync();
    lock.acquireSync();
    const other = await start(method, 'keep', [lock, ready, 'tasks']);
    lock.release();
    expect(ready.empty()).toBe(true);
    lock.release();
    expect(await next(ready)).toBe('held');
    other.kill();
    await other.join();
  });
});

describe('an RLock in a copy of its process', () => {
  itNative("is its parent's, though it was copied within its turn", async () => {
    const [lock, replies] = [new RLock(), new Queue<unknown[]>()];
    await lock.withLock(async () => {
      const copy = await start('fork', 'tryAll', [lock, replies]);
      expect(await next(replies)).toEqual([false, false, false, 'ERR_FORKFUL_TIMEOUT', 'ERR_FORKFUL_NOT_OWNER', true]);
      await end([copy]);
      expect(await lock.withLock(() => 'nested')).toBe('nested');
    });
    expect(lock.locked()).toBe(false);
    const copy = await start('fork', 'leave', [lock]);
    await end([copy]);
    expect(() => lock.tryAcquire()).toThrow(OwnerDiedError);
    lock.release();
  });
});

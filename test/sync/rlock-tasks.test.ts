/** What an RLock does for the async tasks of one thread: they take turns through `withLock` and `hold`. */
import { AsyncResource } from 'node:async_hooks';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { inspect } from 'node:util';
import { RLock, TimeoutError } from 'forkful';
import { expect, test } from 'vitest';
import { skipIf } from '../helpers/examples.js';
import { withWatchdog } from '../helpers/watchdog.js';

const WAIT_MS = 60_000;
const resource = new AsyncResource('outside of every turn');
/** Runs `task` as one that nobody who has a turn has started. */
const outside = <T>(task: () => T): T => resource.runInAsyncScope(task);
const all = (tasks: readonly PromiseLike<unknown>[], lock: RLock): Promise<unknown[]> =>
  withWatchdog(WAIT_MS, () => lock, Promise.all(tasks));

/** A door that stays closed until `open` is called. */
function door(): { open: () => void; opened: Promise<void> } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

/** Where one at a time may be. */
class Room {
  readonly visits: unknown[] = [];
  most = 0;
  #inside = 0;

  async visit(who?: unknown): Promise<void> {
    this.most = Math.max(this.most, ++this.#inside);
    await nextTurn();
    await Promise.resolve();
    this.visits.push(who);
    this.#inside--;
  }
}

test('tasks exclude each other in both forms, first come, first served', async () => {
  const [lock, room] = [new RLock(), new Room()];
  const byWithLock = (who: number): Promise<void> => lock.withLock(() => room.visit(who));
  const byHold = async (who: number): Promise<void> => {
    await using _ = await lock.hold();
    await room.visit(who);
  };
  const byHand = async (who: number): Promise<void> => {
    const held = await lock.hold();
    await room.visit(who);
    held[Symbol.dispose]();
  };
  await all(
    [0, 1, 2, 3, 4, 5, 6, 7, 8].map((who) => [byWithLock, byHold, byHand][who % 3]?.(who) as Promise<void>),
    lock,
  );
  expect(room).toMatchObject({ most: 1, visits: [0, 1, 2, 3, 4, 5, 6, 7, 8] });
  expect(lock.locked()).toBe(false);
});

test('withLock and hold nest within withLock, at any depth and after any wait; nobody gets in between', async () => {
  const [lock, room] = [new RLock(), new Room()];
  const other = (): Promise<void> => outside(() => lock.withLock(() => room.visit('other')));
  const mine = lock.withLock(async () => {
    const others = [other()];
    await nextTurn();
    await lock.withLock(async () => {
      others.push(other());
      await new Promise((resolve) => setTimeout(resolve, 1));
      await using _ = await lock.hold({ timeout: 0 });
      using __ = lock.holdSync();
      expect(inspect(lock)).toContain('depth=4');
      await room.visit('mine');
    });
    expect(inspect(lock)).not.toContain('depth');
    await lock.withLock(() => room.visit('mine'));
    return others;
  });
  await all(await withWatchdog(WAIT_MS, () => lock, mine), lock);
  expect(room).toMatchObject({ most: 1, visits: ['mine', 'mine', 'other', 'other'] });
  expect(lock.locked()).toBe(false);
});

test('withLock and hold nest after await using, to the end of its scope', async () => {
  const [lock, room] = [new RLock(), new Room()];
  const first = async (): Promise<Promise<void>> => {
    let other: Promise<void>;
    {
      await using _ = await lock.hold();
      other = outside(() => lock.withLock(() => room.visit('other')));
      await nextTurn();
      await lock.withLock(() => room.visit('nested'));
      {
        await using __ = await lock.hold({ timeout: 0 });
        await room.visit('nested');
      }
      await using __ = await lock.hold({ timeout: 0 });
      await room.visit('nested');
    }
    await other;
    await lock.withLock(() => room.visit('after'));
    return other;
  };
  await withWatchdog(WAIT_MS, () => lock, first());
  expect(room).toMatchObject({ most: 1, visits: ['nested', 'nested', 'nested', 'other', 'after'] });
  expect(lock.locked()).toBe(false);
});

test('using alone nests too, and so does a stack of disposables', async () => {
  const lock = new RLock();
  {
    using _ = await lock.hold();
    using __ = await lock.hold({ timeout: 0 });
    expect(inspect(lock)).toContain('depth=2');
  }
  expect(lock.locked()).toBe(false);
});

test('locks nest in each other in any order', async () => {
  const [a, b] = [new RLock(), new RLock()];
  const depths = await a.withLock(() =>
    b.withLock(() =>
      a.withLock(() => b.withLock(() => [a, b].map((each) => inspect(each).match(/depth=\d/)?.[0]), { timeout: 0 }), { timeout: 0 }),
    ),
  );
  expect(depths).toEqual(['depth=2', 'depth=2']);
  expect([a.locked(), b.locked()]).toEqual([false, false]);
});

test('locks held at the same time, in whatever order they were asked for and are left, nest', async () => {
  const [a, b, c] = [new RLock(), new RLock(), new RLock()];
  const [heldA, heldB] = await Promise.all([a.hold(), b.hold()]);
  using _ = heldA;
  using __ = heldB;
  expect(await a.withLock(() => b.withLock(() => 'both', { timeout: 0 }), { timeout: 0 })).toBe('both');
  using ___ = await c.hold();
  heldB[Symbol.dispose]();
  expect(await c.withLock(() => a.withLock(() => b.locked(), { timeout: 0 }), { timeout: 0 })).toBe(false);
});

test('work that a task starts within its turn and does not await belongs to the turn, which lasts as long', async () => {
  const [lock, room, { open, opened }] = [new RLock(), new Room(), door()];
  let nested: Promise<void> | undefined;
  await lock.withLock(async () => {
    nested = lock.withLock(async () => {
      await opened;
      await room.visit('nested');
    });
  });
  const other = outside(() => lock.withLock(() => room.visit('other')));
  await expect(outside(() => lock.hold({ timeout: 5 }))).rejects.toThrow(TimeoutError);
  open();
  await all([nested as Promise<void>, other], lock);
  expect(room).toMatchObject({ most: 1, visits: ['nested', 'other'] });
  expect(lock.locked()).toBe(false);
});

test('work that begins after the turn in which it was started has no part in it', async () => {
  const [lock, room, { open, opened }] = [new RLock(), new Room(), door()];
  const late: Promise<void>[] = [];
  await lock.withLock(() => {
    for (const who of [1, 2]) late.push(opened.then(() => lock.withLock(() => room.visit(who))));
    for (const who of [3, 4]) late.push(new Promise((resolve) => setTimeout(() => resolve(lock.withLock(() => room.visit(who))), 1)));
  });
  open();
  await all(late, lock);
  expect([room.most, new Set(room.visits)]).toEqual([1, new Set([1, 2, 3, 4])]);
  expect(lock.locked()).toBe(false);
});

test('tasks that a loop starts one after the other, each after a turn of its own, exclude each other', async () => {
  const [lock, room] = [new RLock(), new Room()];
  const tasks: Promise<void>[] = [];
  for (const who of [1, 2, 3, 4]) {
    {
      await using _ = await lock.hold();
      await nextTurn();
    }
    tasks.push(lock.withLock(() => room.visit(who)));
  }
  await all(tasks, lock);
  expect(room).toMatchObject({ most: 1, visits: [1, 2, 3, 4] });
});

test('handlers of a server that was started within a turn exclude each other', async () => {
  const [lock, room] = [new RLock(), new Room()];
  const handled: Promise<void>[] = [];
  const server = createServer((socket) => {
    handled.push(lock.withLock(() => room.visit()));
    socket.end().resume();
  });
  {
    await using _ = await lock.hold();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
  const clients = [1, 2, 3, 4].map(() => connect((server.address() as AddressInfo).port, '127.0.0.1').resume());
  await Promise.all(clients.map((client) => once(client, 'close')));
  await all(handled, lock);
  server.close();
  await once(server, 'close');
  expect([room.most, room.visits.length]).toEqual([1, 4]);
});

test('the caller of a function that holds the lock is not in its turn', async () => {
  const [lock, room, { open, opened }] = [new RLock(), new Room(), door()];
  const holdUntilOpen = async (): Promise<void> => {
    await using _ = await lock.hold();
    await opened;
    await room.visit('callee');
  };
  const callee = holdUntilOpen();
  await nextTurn();
  await expect(lock.withLock(() => room.visit('caller'), { timeout: 5 })).rejects.toThrow(TimeoutError);
  const caller = lock.withLock(() => room.visit('caller'));
  open();
  await all([callee, caller], lock);
  expect(room).toMatchObject({ most: 1, visits: ['callee', 'caller'] });
});

test('what hold resolves to excludes others until it is disposed of by hand, its own function too', async () => {
  const lock = new RLock();
  const held = await lock.hold();
  await expect(lock.hold({ timeout: 1 })).rejects.toThrow('The lock was not free within 1 ms');
  await expect(lock.withLock(() => expect.unreachable(), { timeout: 0 })).rejects.toThrow(TimeoutError);
  await held[Symbol.asyncDispose]();
  expect(await lock.withLock(() => 'free')).toBe('free');
  expect(lock.locked()).toBe(false);
});

test('tasks that run out of time, or are aborted, leave nothing behind and let the others go', async () => {
  const [lock, room, { open, opened }] = [new RLock(), new Room(), door()];
  const [controller, reason] = [new AbortController(), new Error('enough')];
  const inside = lock.withLock(() => opened);
  const late = [0, -1, 1, 5].map((timeout) => outside(() => lock.withLock(() => expect.unreachable(), { timeout })));
  const aborted = [1, 2].map(() => outside(() => lock.hold({ signal: controller.signal })));
  const other = outside(() => lock.withLock(() => room.visit('other'), { timeout: WAIT_MS, signal: controller.signal }));
  const last = outside(() => lock.withLock(() => room.visit('last')));
  for (const each of late) await expect(each).rejects.toThrow(TimeoutError);
  controller.abort(reason);
  for (const each of [...aborted, other]) await expect(each).rejects.toBe(reason);
  open();
  await all([inside, last], lock);
  expect(room.visits).toEqual(['last']);
  expect(lock.locked()).toBe(false);
});

test('a task whose work throws leaves its turn to the next', async () => {
  const lock = new RLock();
  const failing = lock.withLock(async () => {
    await nextTurn();
    throw new Error('inside');
  });
  const next = lock.withLock(() => 'next');
  await expect(failing).rejects.toThrow('inside');
  expect(await withWatchdog(WAIT_MS, () => lock, next)).toBe('next');
  expect(lock.locked()).toBe(false);
});

test('acquire, acquireSync and tryAcquire count for the thread, whichever task has the turn', async () => {
  const lock = new RLock();
  await lock.withLock(async () => {
    expect(await outside(() => lock.acquire({ timeout: 0 }))).toBe(true);
    expect([outside(() => lock.acquireSync()), lock.tryAcquire()]).toEqual([true, true]);
    expect(inspect(lock)).toContain('depth=4');
  });
  expect(inspect(lock)).toContain('depth=3');
  expect(await lock.withLock(() => inspect(lock))).toContain('depth=4'); // the thread has it, no task has a turn
  for (let left = 3; left > 0; left--) lock.release();
  expect(lock.locked()).toBe(false);
});

test('many tasks in chains of their own, each nesting, keep out of each other', async () => {
  const [lock, room] = [new RLock(), new Room()];
  const nest = async (depth: number): Promise<void> => {
    if (depth === 0) return await room.visit();
    if (depth % 2 === 0) return await lock.withLock(() => nest(depth - 1));
    await using _ = await lock.hold();
    await nest(depth - 1);
  };
  await all(
    Array.from({ length: 60 }, (_, who) => nest(1 + (who % 5))),
    lock,
  );
  expect([room.most, room.visits.length, lock.locked()]).toEqual([1, 60, false]);
});

const native = nativeUsing();
test(
  "the engine's own using does as the compiled one",
  skipIf(native === undefined ? 'this Node does not know the syntax' : undefined),
  async () => {
    const [lock, room] = [new RLock(), new Room()];
    await all([native?.(lock, room, 1), native?.(lock, room, 2)] as Promise<void>[], lock);
    expect(room).toMatchObject({ most: 1, visits: [1, 1, 2, 2] });
    expect(lock.locked()).toBe(false);
  },
);

function nativeUsing(): ((lock: RLock, room: Room, who: number) => Promise<void>) | undefined {
  const AsyncFunction = (async () => {}).constructor as FunctionConstructor;
  const text = `await using held = await lock.hold(); await room.visit(who);
    await lock.withLock(() => room.visit(who)); await using again = await lock.hold({ timeout: 0 });`;
  try {
    return new AsyncFunction('lock', 'room', 'who', text) as never;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

import { inspect } from 'node:util';
import { BoundedSemaphore, getAllStartMethods, Process, Queue, RawArray, RawValue, Semaphore, type StartMethod } from 'forkful';
import { describe, expect, it } from 'vitest';
import { currentAgent } from '../../src/arena/agent.js';
import { PATIENCE } from '../../src/arena/heir.js';
import { currentWaiting } from '../../src/arena/waiting.js';
import { payloadWord } from '../../src/memory/block.js';
import { handleOf } from '../../src/serialize/passable.js';
import { itNative } from '../helpers/backends.js';
import { until } from '../helpers/victims.js';
import { withWatchdog } from '../helpers/watchdog.js';

const module = new URL('../fixtures/sync/semaphores.mjs', import.meta.url).href;
const WAIT_MS = 60_000;
/** In an event count: somebody sleeps (src/arena/waiting.ts). */
const SLEEPER = 1 << 16;
/** In a semaphore: the agent for whom the next permit is reserved (src/sync/semaphore.ts). */
const HEIR = 2;
const start = (method: StartMethod, name: string, args: unknown[]): Promise<Process> =>
  new Process({ target: { module, name }, args, method }).start();
const next = <T>(queue: Queue<T>): Promise<T> => queue.get({ timeout: WAIT_MS });

async function end(processes: readonly Process[]): Promise<void> {
  await withWatchdog(WAIT_MS, () => processes, Promise.all(processes.map((each) => each.join())));
  expect(processes.map((each) => each.exitCode)).toEqual(processes.map(() => 0));
}

const make = {
  plain: (value: number): Semaphore => new Semaphore(value),
  tracked: (value: number): Semaphore => new Semaphore(value, { recover: true }),
  bounded: (value: number): Semaphore => new BoundedSemaphore(value),
};
const KINDS = ['plain', 'tracked', 'bounded'] as const;

describe.each(getAllStartMethods())('semaphores between agents started by %s', (method) => {
  it('arrive as what they are, the same in all agents, nested in an object too, and come back as the same objects', async () => {
    const replies = new Queue<{ classes: unknown[]; semaphores: Semaphore[]; isOne: boolean }>();
    const semaphores = KINDS.map((kind) => make[kind](2));
    const p = await start(method, 'useShared', [{ semaphores, again: semaphores[0] }, replies]);
    const { classes, semaphores: back, isOne } = await next(replies);
    expect(classes).toEqual([
      [true, false, 2],
      [true, false, 2],
      [false, true, 2],
    ]);
    expect([isOne, ...back.map((each, index) => each === semaphores[index])]).toEqual([true, true, true, true]);
    await end([p]);
    expect((semaphores[0] as Semaphore).getValue()).toBe(1);
  });

  it.each(KINDS)('never let more in than there are permits, in all forms: %s', async (kind) => {
    const [semaphore, words, each] = [make[kind](2), new RawArray('i', 16), 800];
    const users = await Promise.all(['sync', 'async', 'try'].map((form) => start(method, 'crowd', [semaphore, words, each, form])));
    for (let i = 0; i < each; i++) {
      await semaphore.withLock(() => {
        if (Atomics.add(words, 0, 1) >= 2) Atomics.store(words, 1, 99);
        Atomics.sub(words, 0, 1);
      });
    }
    await end(users);
    expect([words[0], words[2], semaphore.getValue()]).toEqual([0, 3 * each, 2]);
    expect(words[1]).toBeLessThanOrEqual(2);
  });

  it.each(['sync', 'async'])('count signals from one agent to another, with no permit at first: %s', async (form) => {
    const [requests, replies] = [new Semaphore(0), new Semaphore(0)];
    const other = await start(method, 'answer', [requests, replies, 300, form]);
    for (let i = 0; i < 100; i++) {
      requests.release();
      expect(await replies.acquire({ timeout: WAIT_MS })).toBe(true);
    }
    requests.release(200);
    for (let i = 0; i < 200; i++) expect(replies.acquireSync({ timeout: WAIT_MS })).toBe(true);
    await end([other]);
    expect([requests.getValue(), replies.getValue()]).toEqual([0, 0]);
  });

  it('let one agent release what another one has taken and left with', async () => {
    const semaphores = KINDS.map((kind) => make[kind](1));
    await end(await Promise.all(semaphores.map((semaphore) => start(method, 'acquireIt', [semaphore]))));
    for (const semaphore of semaphores) {
      semaphore.release();
      expect(semaphore.getValue()).toBe(1);
      expect([semaphore.tryAcquire(), semaphore.tryAcquire()]).toEqual([true, false]);
    }
    await end(await Promise.all(semaphores.map((semaphore) => start(method, 'releaseIt', [semaphore]))));
    expect(semaphores.map((each) => each.getValue())).toEqual([1, 1, 1]);
  });

  it('keep a plain permit taken after its taker has ended, and free a tracked one', async () => {
    const semaphores = KINDS.map((kind) => make[kind](3));
    await end(await Promise.all(semaphores.map((semaphore) => start(method, 'acquireIt', [semaphore]))));
    expect(semaphores.map((each) => [each.getValue(), [1, 2, 3].map(() => each.tryAcquire())])).toEqual([
      [2, [true, true, false]],
      [3, [true, true, true]],
      [3, [true, true, true]],
    ]);
  });

  it('wake as many waiters of other agents as permits are released', async () => {
    const [semaphore, reports] = [new Semaphore(0), new Queue<string>()];
    const waiters = await Promise.all(['sync', 'async', 'sync'].map((form) => start(method, 'waitFor', [semaphore, form, reports])));
    for (const _ of waiters) expect(await next(reports)).toBe('waits');
    semaphore.release(2);
    expect([await next(reports), await next(reports)]).toEqual(['has it', 'has it']);
    expect(semaphore.getValue()).toBe(0);
    semaphore.release();
    expect(await next(reports)).toBe('has it');
    await end(waiters);
  });

  it('stay usable for others when one has disposed of its object', async () => {
    const [semaphore, reports] = [new Semaphore(0), new Queue<string>()];
    const waiter = await start(method, 'waitFor', [semaphore, 'sync', reports]);
    expect(await next(reports)).toBe('waits');
    const copies = new Queue<Semaphore>();
    copies.putSync(semaphore);
    semaphore[Symbol.dispose]();
    using again = copies.getSync();
    again.release();
    expect(await next(reports)).toBe('has it');
    await end([waiter]);
  });
});

describe('semaphores that are fought for', () => {
  const method = getAllStartMethods()[0] as StartMethod;

  it.each(KINDS.flatMap((kind) => (['acquireSync', 'acquire'] as const).map((form) => [kind, form] as const)))(
    'are not kept from one that waits by others that never stop: %s, %s',
    async (kind, form) => {
      const [semaphore, stop, started] = [make[kind](1), new RawValue('i'), new Queue()];
      const hogs = await Promise.all([1, 2].map(() => start(method, 'hog', [semaphore, stop, started])));
      for (const _ of hogs) await next(started);
      const acquireOften = async (): Promise<void> => {
        for (let i = 0; i < 50; i++) {
          expect(await semaphore[form]({ timeout: 60_000 })).toBe(true);
          semaphore.release();
        }
      };
      await withWatchdog(60_000, () => semaphore, acquireOften());
      stop.value = 1;
      await end(hogs);
    },
  );

  it('are not kept from a thread that waits by another one of which some promise waits at any time', async () => {
    const [semaphore, words, stop, started] = [new Semaphore(1), new RawArray('i', 1), new RawValue('i'), new Queue()];
    const hogs = await Promise.all([1, 2].map(() => start(method, 'hogByPromises', [semaphore, stop, started, words])));
    for (const _ of hogs) await next(started);
    for (let i = 0; i < 50; i++) {
      for (const before = Atomics.load(words, 0); Atomics.load(words, 0) < before + 3; );
      expect(semaphore.acquireSync({ timeout: 60_000 })).toBe(true);
      semaphore.release();
    }
    stop.value = 1;
    await end(hogs);
  });

  it('tell the others what was reserved for one that no longer waits', async () => {
    // the other one may have waited long enough for us before we give up: then there is nothing to tell, and it is made anew
    while (!(await isToldOf()));
  });

  /** False when its grace was over. */
  async function isToldOf(): Promise<boolean> {
    const [semaphore, reports, controller] = [new Semaphore(1), new Queue<string>(), new AbortController()];
    const [words, events] = [currentAgent().region.words, payloadWord(semaphore[handleOf]().offset)];
    const sleeps = (): boolean => (Atomics.load(words, events) & SLEEPER) !== 0;
    semaphore.acquireSync();
    const mine = semaphore.acquire({ signal: controller.signal });
    for (let looks = 0; looks <= PATIENCE; looks++) currentWaiting().lookAgain(events); // it is the heir now
    const waiter = await start(method, 'waitFor', [semaphore, 'sync', reports]);
    expect(await next(reports)).toBe('waits');
    await until(sleeps, () => inspect(semaphore));
    semaphore.release();
    while (!sleeps()); // it has looked, and left the permit to us
    const notifications = Atomics.load(words, events + 1);
    const isReserved = Atomics.load(words, events + HEIR) !== 0;
    controller.abort();
    await expect(mine).rejects.toThrow('aborted');
    if (isReserved) expect(Atomics.load(words, events + 1)).toBeGreaterThan(notifications);
    expect(await next(reports)).toBe('has it');
    await end([waiter]);
    return isReserved;
  }
});

describe('a Semaphore in a copy of its process', () => {
  itNative('serves its own promises, beside those that wait in the parent', async () => {
    const [semaphore, reports] = [new Semaphore(0), new Queue<boolean>()];
    const mine = semaphore.acquire();
    const copy = await start('fork', 'waitInCopy', [semaphore, reports]);
    expect(await next(reports)).toBe(false);
    semaphore.release(2);
    expect([await mine, await next(reports)]).toEqual([true, true]);
    await end([copy]);
    expect(semaphore.getValue()).toBe(0);
  });
});

import { inspect } from 'node:util';
import { Barrier, BrokenBarrierError, ClosedError } from 'forkful';
import { describe, expect, it } from 'vitest';
import { BLOCK_ANNEX, BLOCK_BARRIER, countBlocks } from '../../src/memory/block.js';
import { untilArrived } from '../helpers/waiters.js';
import { withWatchdog } from '../helpers/watchdog.js';

const BROKEN = { code: 'ERR_FORKFUL_BROKEN_BARRIER' };
const sorted = (places: readonly number[]): number[] => places.toSorted((a, b) => a - b);
const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** What each of them got, errors by their code or message. */
function outcomes(waiting: readonly Promise<number>[]): Promise<unknown[]> {
  const told = waiting.map((each) => each.catch((error: Error & { code?: string }) => error.code ?? error.message));
  return withWatchdog(60_000, () => waiting, Promise.all(told));
}

describe('a Barrier in one thread', () => {
  it('lets all go when the last has come, each with a place of its own', async () => {
    const barrier = new Barrier(4);
    expect([barrier.parties, barrier.nWaiting, barrier.broken]).toEqual([4, 0, false]);
    let isOpen = false;
    const first = [1, 2, 3].map(() =>
      barrier.wait().then((place) => {
        expect(isOpen).toBe(true);
        return place;
      }),
    );
    expect(barrier.nWaiting).toBe(3);
    await new Promise(setImmediate);
    isOpen = true;
    expect(barrier.waitSync()).toBe(3);
    expect(sorted(await Promise.all(first))).toEqual([0, 1, 2]);
    expect([barrier.nWaiting, barrier.broken]).toEqual([0, false]);
  });

  it('of one party never waits', async () => {
    const barrier = new Barrier(1);
    expect(barrier.waitSync()).toBe(0);
    expect(barrier.waitSync({ timeout: 0 })).toBe(0);
    expect(await barrier.wait()).toBe(0);
    expect(await barrier.wait({ timeout: -1 })).toBe(0);
    expect([barrier.nWaiting, barrier.broken]).toEqual([0, false]);
  });

  it('serves a thousand rounds', async () => {
    const barrier = new Barrier(3);
    const places = await withWatchdog(
      60_000,
      () => barrier,
      Promise.all(
        range(3).map(async () => {
          const mine: number[] = [];
          for (let round = 0; round < 1000; round++) mine.push(await barrier.wait());
          return mine;
        }),
      ),
    );
    for (let round = 0; round < 1000; round++) expect(sorted(places.map((mine) => mine[round] as number))).toEqual([0, 1, 2]);
    const alone = new Barrier(1);
    for (let round = 0; round < 1000; round++) expect(alone.waitSync()).toBe(0);
  });

  it('takes those who come beyond its parties into the next round', async () => {
    const barrier = new Barrier(2);
    const waiting = range(5).map(() => barrier.wait());
    const last = waiting.pop() as Promise<number>;
    expect(sorted((await outcomes(waiting)) as number[])).toEqual([0, 0, 1, 1]);
    expect(barrier.nWaiting).toBe(1);
    expect(barrier.waitSync()).toBe(1);
    expect(await last).toBe(0);
  });

  it.each([33, 5000])('has room for %s parties', async (parties) => {
    const barrier = new Barrier(parties);
    for (let round = 0; round < 2; round++) {
      const waiting = range(parties).map(() => barrier.wait());
      expect(sorted((await outcomes(waiting)) as number[])).toEqual(range(parties));
    }
    expect(barrier.nWaiting).toBe(0);
    barrier[Symbol.dispose]();
  });

  it.each([0, -1, 15])('breaks when a party is out of time after %s ms', async (timeout) => {
    const barrier = new Barrier(2);
    expect(() => barrier.waitSync({ timeout })).toThrow(BrokenBarrierError);
    expect([barrier.broken, barrier.nWaiting]).toEqual([true, 0]);
    barrier.reset();
    const waiting = barrier.wait({ timeout });
    await expect(waiting).rejects.toMatchObject(BROKEN);
    await expect(waiting).rejects.toThrow(
      'The barrier is broken: a party ended, gave up or was out of time, or somebody called abort() or reset()',
    );
    expect(barrier.broken).toBe(true);
    await expect(barrier.wait()).rejects.toMatchObject(BROKEN);
    expect(() => barrier.waitSync()).toThrow(BrokenBarrierError);
  });

  it('breaks for all when one of them is out of time', async () => {
    const barrier = new Barrier(4);
    const waiting = [barrier.wait(), barrier.wait({ timeout: 20 }), barrier.wait({ timeout: Number.POSITIVE_INFINITY })];
    expect(await outcomes(waiting)).toEqual(Array(3).fill('ERR_FORKFUL_BROKEN_BARRIER'));
  });

  it('has a default timeout, that each wait may replace', async () => {
    const barrier = new Barrier(2, { timeout: 10 });
    expect(() => barrier.waitSync()).toThrow(BrokenBarrierError);
    barrier.reset();
    await expect(barrier.wait()).rejects.toMatchObject(BROKEN);
    barrier.reset();
    await expect(barrier.wait({ signal: new AbortController().signal })).rejects.toMatchObject(BROKEN);
    barrier.reset();
    const patient = barrier.wait({ timeout: Number.POSITIVE_INFINITY });
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(barrier.broken).toBe(false);
    expect(barrier.waitSync()).toBe(1);
    expect(await patient).toBe(0);
    expect(() => new Barrier(2, { timeout: -5 }).waitSync()).toThrow(BrokenBarrierError);
  });

  it('is broken by abort, for those who wait and those who come, until it is reset', async () => {
    const barrier = new Barrier(3);
    const waiting = [barrier.wait(), barrier.wait()];
    barrier.abort();
    barrier.abort();
    expect(barrier.broken).toBe(true);
    expect(await outcomes([...waiting, barrier.wait()])).toEqual(Array(3).fill('ERR_FORKFUL_BROKEN_BARRIER'));
    barrier.reset();
    expect(barrier.broken).toBe(false);
    expect(sorted((await outcomes(range(3).map(() => barrier.wait()))) as number[])).toEqual([0, 1, 2]);
  });

  it('sends those who wait away at a reset, and is whole for those who come', async () => {
    const barrier = new Barrier(3);
    const waiting = [barrier.wait(), barrier.wait()];
    barrier.reset();
    expect([barrier.broken, barrier.nWaiting]).toEqual([false, 0]);
    const next = range(3).map(() => barrier.wait());
    expect(await outcomes(waiting)).toEqual(Array(2).fill('ERR_FORKFUL_BROKEN_BARRIER'));
    expect(sorted((await outcomes(next)) as number[])).toEqual([0, 1, 2]);
  });

  it('is not changed by a reset while nobody waits', () => {
    const barrier = new Barrier(1);
    for (let round = 0; round < 300; round++) {
      barrier.reset();
      expect(barrier.waitSync()).toBe(0);
    }
    expect([barrier.broken, barrier.nWaiting]).toEqual([false, 0]);
  });

  it('tells rounds that were broken from those that were not, for many rounds', async () => {
    const barrier = new Barrier(2);
    for (let round = 0; round < 600; round++) {
      const first = barrier.wait();
      if (round % 3 === 0) {
        barrier.reset();
        await expect(first).rejects.toMatchObject(BROKEN);
      } else {
        expect(barrier.waitSync()).toBe(1);
        expect(await first).toBe(0);
      }
    }
  });

  it('tells a party that was away for a thousand rounds how its own ended', async () => {
    const barrier = new Barrier(2);
    const whole = barrier.wait();
    barrier.waitSync();
    for (let round = 0; round < 1000; round++) {
      void barrier.wait();
      barrier.waitSync();
    }
    expect(await whole).toBe(0);
    const broken = expect(barrier.wait()).rejects.toMatchObject(BROKEN);
    barrier.reset();
    for (let round = 0; round < 1000; round++) {
      void barrier.wait();
      barrier.waitSync();
    }
    await broken;
  });

  it('is broken by a party that aborts, which gets the reason', async () => {
    const barrier = new Barrier(3);
    const controller = new AbortController();
    const waiting = [barrier.wait(), barrier.wait({ signal: controller.signal })];
    controller.abort(new Error('enough'));
    expect(await outcomes(waiting)).toEqual(['ERR_FORKFUL_BROKEN_BARRIER', 'enough']);
    expect(barrier.broken).toBe(true);
  });

  it('is not broken by one that comes with a signal aborted already', async () => {
    const barrier = new Barrier(2);
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(barrier.wait({ signal })).rejects.toThrow('enough');
    expect(() => barrier.waitSync({ signal })).toThrow('enough');
    expect([barrier.broken, barrier.nWaiting]).toEqual([false, 0]);
  });

  it('is broken by its disposal, and the promises that wait reject', async () => {
    const barrier = new Barrier(2);
    const waiting = barrier.wait();
    barrier[Symbol.dispose]();
    barrier[Symbol.dispose]();
    await expect(waiting).rejects.toThrow(ClosedError);
    expect(inspect(barrier)).toBe('<Barrier disposed>');
    await expect(barrier.wait()).rejects.toThrow('This barrier was disposed of');
    for (const call of [
      () => barrier.waitSync(),
      () => barrier.reset(),
      () => barrier.abort(),
      () => barrier.parties,
      () => barrier.nWaiting,
      () => barrier.broken,
    ])
      expect(call).toThrow(ClosedError);
  });

  it('shows its parties, and how many wait or that it is broken', async () => {
    const barrier = new Barrier(3);
    expect(inspect(barrier)).toBe('<Barrier parties=3 waiting=0>');
    const waiting = [barrier.wait(), barrier.wait()];
    await untilArrived(barrier, 2);
    expect(inspect(barrier)).toBe('<Barrier parties=3 waiting=2>');
    barrier.abort();
    expect(inspect(barrier)).toBe('<Barrier parties=3 broken>');
    await outcomes(waiting);
  });

  it.each([
    [() => new Barrier(0), 'parties must be an integer between 1 and 32000, got 0 (number)'],
    [() => new Barrier(-1), 'parties must be an integer between 1 and 32000, got -1 (number)'],
    [() => new Barrier(32_001), 'parties must be an integer between 1 and 32000, got 32001 (number)'],
    [() => new Barrier(1.5), 'parties must be an integer between 1 and 32000, got 1.5 (number)'],
    [() => new Barrier('2' as unknown as number), "parties must be an integer between 1 and 32000, got '2' (string)"],
    [() => new Barrier(2, 5 as unknown as object), 'options must be an object, got 5 (number)'],
    [() => new Barrier(2, { acton: () => 1 } as object), 'options must be an object with no keys but action, timeout, got { acton:'],
    [() => new Barrier(2, { action: 5 as unknown as () => 1 }), 'action must be a function, got 5 (number)'],
    [() => new Barrier(2, { timeout: '1' as unknown as number }), "timeout must be a number of milliseconds, got '1' (string)"],
    [() => new Barrier(2, { timeout: Number.NaN }), 'timeout must be a number of milliseconds, got NaN (number)'],
    [() => new Barrier(2).waitSync({ timeout: '1' as unknown as number }), "timeout must be a number of milliseconds, got '1' (string)"],
    [() => new Barrier(2).waitSync({ timeout: Number.NaN }), 'timeout must be a number of milliseconds, got NaN (number)'],
    [() => new Barrier(2).waitSync({ signal: 1 as unknown as AbortSignal }), 'signal must be an AbortSignal, got 1 (number)'],
  ])('names a bad argument and its value: %s', (call, message) => {
    expect(call).toThrow(message);
  });

  it('leaves no memory behind, and none of its annexes', () => {
    new Barrier(1)[Symbol.dispose]();
    const counts = (): number[] => [BLOCK_BARRIER, BLOCK_ANNEX].map(countBlocks);
    const before = counts();
    for (let i = 0; i < 1000; i++) new Barrier(i % 100 === 0 ? 5000 : 3)[Symbol.dispose]();
    for (const [index, count] of counts().entries()) expect(count).toBeLessThanOrEqual(before[index] as number);
  });
});

describe("a Barrier's action", () => {
  it('runs once in each round, in the one that comes last, before anybody is let go', async () => {
    const events: string[] = [];
    const barrier = new Barrier(3, { action: () => void events.push('action') });
    for (let round = 0; round < 3; round++) {
      const waiting = ['a', 'b'].map((name) => barrier.wait().then((place) => events.push(`${name}${place}`)));
      await untilArrived(barrier, 2);
      expect(events).toEqual([]);
      expect(barrier.waitSync()).toBe(2);
      expect(events).toEqual(['action']);
      await Promise.all(waiting);
      expect(events.splice(0).toSorted()).toEqual(['a0', 'action', 'b1']);
    }
  });

  it('may be async for a wait, and holds all until it is done', async () => {
    let finish: () => void = () => {};
    let isDone = false;
    const barrier = new Barrier(2, {
      action: async () => {
        await new Promise<void>((resolve) => (finish = resolve));
        isDone = true;
      },
    });
    const waiting = [barrier.wait(), barrier.wait()].map(async (each) => [await each, isDone]);
    await untilArrived(barrier, 2);
    const late = barrier.wait(); // of the next round
    await new Promise(setImmediate);
    finish();
    expect((await Promise.all(waiting)).toSorted()).toEqual([
      [0, true],
      [1, true],
    ]);
    await untilArrived(barrier, 1);
    barrier.abort();
    await expect(late).rejects.toMatchObject(BROKEN);
  });

  it('that is async breaks the barrier for waitSync', async () => {
    const barrier = new Barrier(2, { action: async () => {} });
    const first = barrier.wait();
    await untilArrived(barrier, 1);
    expect(() => barrier.waitSync()).toThrow(
      expect.objectContaining({
        code: 'ERR_FORKFUL_ACTION',
        message: "The barrier's action is async, and waitSync() cannot wait for it: use wait()",
      }),
    );
    await expect(first).rejects.toMatchObject(BROKEN);
  });

  it.each(['wait', 'waitSync'] as const)(
    'that throws is thrown in the party that came last by %s, and breaks it for the others',
    async (form) => {
      let rounds = 0;
      const barrier = new Barrier(3, {
        action: () => {
          if (rounds++ === 0) throw new Error('in the action');
        },
      });
      const others = [barrier.wait(), barrier.wait()];
      await untilArrived(barrier, 2);
      const last = (async () => await barrier[form]())();
      expect(await outcomes([last, ...others])).toEqual(['in the action', 'ERR_FORKFUL_BROKEN_BARRIER', 'ERR_FORKFUL_BROKEN_BARRIER']);
      expect(barrier.broken).toBe(true);
      barrier.reset();
      expect(sorted((await outcomes(range(3).map(() => barrier.wait()))) as number[])).toEqual([0, 1, 2]);
      expect(rounds).toBe(2);
    },
  );

  it('does not run when the barrier is broken, reset or out of time before all have come', async () => {
    let runs = 0;
    const barrier = new Barrier(2, { action: () => void runs++, timeout: 5 });
    await expect(barrier.wait()).rejects.toMatchObject(BROKEN);
    barrier.reset();
    barrier.abort();
    await expect(barrier.wait()).rejects.toMatchObject(BROKEN);
    expect(runs).toBe(0);
  });

  it('that takes too long breaks the barrier for all, also for the one that runs it', async () => {
    let finish: () => void = () => {};
    const barrier = new Barrier(2, { action: () => new Promise<void>((resolve) => (finish = resolve)) });
    const waiting = [barrier.wait({ timeout: 20 }), barrier.wait()];
    await expect(waiting[0]).rejects.toMatchObject(BROKEN);
    finish();
    await expect(waiting[1]).rejects.toMatchObject(BROKEN);
  });

  it('may dispose of the barrier, or abort it', async () => {
    for (const end of ['abort', Symbol.dispose] as const) {
      const barrier: Barrier = new Barrier(2, { action: () => barrier[end]() });
      const code = end === 'abort' ? 'ERR_FORKFUL_BROKEN_BARRIER' : 'ERR_FORKFUL_CLOSED';
      expect(await outcomes([barrier.wait(), barrier.wait()])).toEqual([code, code]);
    }
  });
});

/** A wait whose time is over has what came in time, however late the event loop comes to it. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Barrier, Queue, Semaphore } from 'forkful';
import { describe, expect, it } from 'vitest';

const TIMEOUT_MS = 20;

/** Begins waits that are in line before their time is over: on a busy machine not at the first attempt, each with what `make` gives. */
function begin<T extends Disposable, W>(make: () => T, wait: (on: T) => Promise<W>[]): [on: T, waits: Promise<W>[]] {
  for (;;) {
    const on = make();
    const start = performance.now();
    const waits = wait(on);
    if (performance.now() - start < TIMEOUT_MS) return [on, waits];
    void Promise.allSettled(waits);
    on[Symbol.dispose]();
  }
}

/** Holds the event loop up until every timer of that time is due; in the turn that follows timers come first. */
function block(): void {
  const end = performance.now() + 2 * TIMEOUT_MS;
  while (performance.now() < end);
}

describe('behind others in line, when the event loop was held up', () => {
  it('a get has its item', async () => {
    await nextTurn();
    const [queue, gets] = begin(
      () => new Queue<number>(),
      (on) => [on.get(), on.get({ timeout: TIMEOUT_MS }), on.get({ timeout: TIMEOUT_MS })],
    );
    for (const item of [1, 2]) queue.putSync(item);
    block();
    const results = await Promise.allSettled(gets);
    expect(results).toMatchObject([{ value: 1 }, { value: 2 }, { reason: { code: 'ERR_FORKFUL_EMPTY' } }]);
    queue[Symbol.dispose]();
  });

  it('an acquire has its permit', async () => {
    await nextTurn();
    const [semaphore, acquired] = begin(
      () => new Semaphore(0),
      (on) => [undefined, TIMEOUT_MS, TIMEOUT_MS].map((timeout) => on.acquire({ timeout })),
    );
    semaphore.release(2);
    block();
    expect(await Promise.all(acquired)).toEqual([true, true, false]);
    semaphore[Symbol.dispose]();
  });
});

describe('behind others in line, without any time', () => {
  it('a get has its item, if there is one more than they wait for', async () => {
    const queue = new Queue<number>();
    const first = queue.get();
    for (const item of [1, 2]) queue.putSync(item);
    expect([await queue.get({ timeout: 0 }), await first]).toEqual([2, 1]);
    const second = queue.get();
    queue.putSync(3);
    await expect(queue.get({ timeout: 0 })).rejects.toMatchObject({ code: 'ERR_FORKFUL_EMPTY' });
    expect(await second).toBe(3);
    queue[Symbol.dispose]();
  });

  it('the last party opens the barrier', async () => {
    const barrier = new Barrier(2);
    const first = barrier.wait();
    await nextTurn();
    expect(await Promise.allSettled([first, barrier.wait({ timeout: 0 })])).toMatchObject([{ value: 0 }, { value: 1 }]);
    barrier[Symbol.dispose]();
  });
});

import { BoundedSemaphore, Lock, Pipe, Queue, Semaphore } from 'forkful';
import { describe, expect, it, vi } from 'vitest';
import { currentAgent, lifeWord, sweepDeadAgents } from '../../src/arena/agent.js';
import { MUTEX_HEIR } from '../../src/arena/layout.js';
import { ACQUIRED, ABANDONED, dumpMutex, Mutex } from '../../src/arena/mutex.js';
import { readEnd } from '../../src/connection/pipe-block.js';
import { payloadWord } from '../../src/memory/block.js';
import { CLAIM_FREE, LIFE_DIED } from '../../src/platform/platform.js';
import { platform } from '../../src/platform/select.js';
import { RING_GET_LOCK, RING_PUT_LOCK } from '../../src/queue/ring.js';
import { handleOf, type Passable } from '../../src/serialize/passable.js';
import { newFlag, OtherAgent, raise } from '../fixtures/arena/other-agent.js';
import { itNative } from '../helpers/backends.js';
import { until } from '../helpers/victims.js';
import { withWatchdog } from '../helpers/watchdog.js';

/** Free, but for the heir; somebody may sleep. */
const RESERVED = (1 << 22) | (1 << 23);

/** Of a semaphore (src/sync/semaphore.ts, permits.ts). */
const SEMAPHORE_HEIR = 2;
const SEMAPHORE_COUNT = 3;
const HAS_HEIR = -0x80000000;

/** A lock, and the place of its mutex. */
function newLock(): { lock: Lock; at: number; words: Int32Array; dump: () => string } {
  const lock = new Lock();
  const at = payloadWord(lock[handleOf]().offset);
  const { words } = currentAgent().region;
  return { lock, at, words, dump: () => dumpMutex(words, at) };
}

/** Whose name the heir word has. */
function heirOf(words: Int32Array, at: number): number {
  return (words[at + MUTEX_HEIR] as number) & 0x3fffff;
}

describe('a lock that is reserved for an heir', () => {
  it('goes to an acquireSync of the thread whose promise asked for it', async () => {
    const { lock, at, words, dump } = newLock();
    const [holder, flag] = [await OtherAgent.start(), newFlag()];
    await holder.tell('hold', { at });
    const promised = lock.acquire();
    await until(() => heirOf(words, at) === currentAgent().id, dump);
    const released = holder.tell('releaseWhen', { at, flag });
    raise(flag);
    expect(lock.acquireSync({ timeout: 60_000 })).toBe(true);
    lock.release();
    expect(await withWatchdog(60_000, dump, promised)).toBe(true);
    lock.release();
    expect(await released).toBe(true);
    expect(lock.locked()).toBe(false);
    await holder.end();
  });

  it('is refused to others, and counts as held', async () => {
    const { lock, at, words, dump } = newLock();
    const [heir, other] = [await OtherAgent.start(), await OtherAgent.start()];
    words[at + MUTEX_HEIR] = heir.id;
    words[at] = RESERVED;
    // its grace begins with the first of these, and the clock is not to end it before the second
    const clock = vi.spyOn(performance, 'now').mockReturnValue(performance.now());
    expect([lock.tryAcquire(), lock.locked()]).toEqual([false, true]);
    clock.mockRestore();
    expect(() => lock.release()).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_NOT_LOCKED' }));
    expect(await withWatchdog(60_000, dump, heir.tell('visit', { at }))).toBe(ACQUIRED);
    expect([words[at], lock.locked()]).toEqual([0, false]);
    await Promise.all([heir.end(), other.end()]);
  });

  it('is had by forms of queues and pipes that do not wait, when the heir does not come', async () => {
    const { words } = currentAgent().region;
    const [heir, queue, [here, there]] = [await OtherAgent.start(), new Queue(), Pipe(false)];
    const ring = payloadWord(queue[handleOf]().offset);
    const { inlet } = readEnd((here as unknown as Passable)[handleOf]());
    for (const at of [ring, inlet].flatMap((first) => [first + RING_PUT_LOCK, first + RING_GET_LOCK])) {
      words[at + MUTEX_HEIR] = heir.id;
      words[at] = RESERVED;
    }
    queue.putNowait(1);
    expect(queue.getNowait()).toBe(1);
    there.sendSync(2, { timeout: -1000 });
    expect(here.recvSync({ timeout: 0 })).toBe(2);
    for (const one of [here, there]) one.close();
    queue[Symbol.dispose]();
    await heir.end();
  });

  it('comes free at once when the heir gives up', async () => {
    const { lock, at, words, dump } = newLock();
    const [holder, flag, abort] = [await OtherAgent.start(), newFlag(), new AbortController()];
    await holder.tell('hold', { at });
    const given = expect(lock.acquire({ signal: abort.signal })).rejects.toThrow('given up');
    await until(() => heirOf(words, at) === currentAgent().id, dump);
    const released = holder.tell('releaseWhen', { at, flag });
    raise(flag);
    // within this turn of the event loop the promise cannot take it
    for (const end = performance.now() + 60_000; words[at] !== RESERVED && performance.now() < end; );
    expect(words[at]).toBe(RESERVED);
    abort.abort(new Error('given up'));
    await given;
    expect([words[at + MUTEX_HEIR], lock.locked()]).toEqual([0, false]);
    expect(await released).toBe(true);
    expect(lock.tryAcquire()).toBe(true);
    lock.release();
    await holder.end();
  });

  it('is not kept from the living by an heir that died', async () => {
    const { lock, at, words, dump } = newLock();
    const dead = await OtherAgent.start();
    await dead.end();
    const life = lifeWord(dead.id);
    await until(() => ((words[life] as number) & LIFE_DIED) !== 0, dump);
    words[at + MUTEX_HEIR] = dead.id; // as one leaves it that is killed before it marks the state
    lock.acquireSync();
    const promised = lock.acquire();
    await until(() => heirOf(words, at) === currentAgent().id, dump);
    lock.release();
    expect(await withWatchdog(60_000, dump, promised)).toBe(true);
    lock.release();
    words[at + MUTEX_HEIR] = dead.id;
    words[at] = RESERVED; // as one leaves it that is killed before it takes what is reserved for it
    expect(lock.tryAcquire()).toBe(true);
    lock.release();
  });

  it.each(['tryAcquire', 'acquireSync', 'acquire'] as const)('is left to an heir that does not come for a while only: %s', async (form) => {
    const { lock, at, words, dump } = newLock();
    const stopped = await OtherAgent.start();
    words[at + MUTEX_HEIR] = stopped.id;
    words[at] = RESERVED;
    if (form === 'tryAcquire') await until(() => lock.tryAcquire(), dump);
    else expect(await withWatchdog(60_000, dump, Promise.resolve(lock[form]({ timeout: 60_000 })))).toBe(true);
    expect(words[at + MUTEX_HEIR]).toBe(0);
    lock.release();
    await stopped.end();
  });
});

describe('a permit that is reserved for an heir', () => {
  const FORMS = ['tryAcquire', 'acquireSync', 'acquire'] as const;
  it.each(FORMS.flatMap((form) => [Semaphore, BoundedSemaphore].map((kind) => [kind.name, form, kind] as const)))(
    'is left to one that does not come for a while only: %s, %s',
    async (_, form, Kind) => {
      const semaphore = new Kind(1);
      const at = payloadWord(semaphore[handleOf]().offset);
      const { words } = currentAgent().region;
      const stopped = await OtherAgent.start();
      words[at + SEMAPHORE_HEIR] = stopped.id;
      words[at + SEMAPHORE_COUNT] = (words[at + SEMAPHORE_COUNT] as number) | HAS_HEIR;
      const dump = () => `heir ${words[at + SEMAPHORE_HEIR]} count ${words[at + SEMAPHORE_COUNT]}`;
      expect(semaphore.tryAcquire()).toBe(false);
      if (form === 'tryAcquire') await until(() => semaphore.tryAcquire(), dump);
      else expect(await withWatchdog(60_000, dump, Promise.resolve(semaphore[form]({ timeout: 60_000 })))).toBe(true);
      expect([words[at + SEMAPHORE_HEIR], semaphore.getValue()]).toEqual([0, 0]);
      semaphore.release();
      await stopped.end();
    },
  );
});

describe('the slot of an owner that ended and was swept', () => {
  itNative('can be claimed, although a waiter was about to watch it', async () => {
    const { at, words } = newLock();
    const [owner, flag] = [await OtherAgent.start(), newFlag()];
    await owner.tell('hold', { at });
    const life = lifeWord(owner.id);
    const ended = owner.end('endWhen', { flag });
    const [real, free] = [performance.now.bind(performance), words[at] as number];
    let lives = true;
    // the waiter asks for the time between its mark on the lock and its sleep: there the owner ends, and its slot is swept
    performance.now = () => {
      if (lives && words[at] !== free) {
        lives = false;
        raise(flag);
        for (const end = real() + 60_000; ((words[life] as number) & LIFE_DIED) === 0 && real() < end; );
        sweepDeadAgents();
      }
      return real();
    };
    try {
      expect(new Mutex(currentAgent(), at).acquireSync(real() + 60_000)).toBe(ABANDONED);
    } finally {
      performance.now = real;
    }
    await ended;
    expect([lives, words[life]]).toEqual([false, 0]);
    expect(platform.liveness.claim(life)).toBe(CLAIM_FREE);
    platform.liveness.release(life);
  });
});

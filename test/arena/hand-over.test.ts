import { Lock } from 'forkful';
import { describe, expect, it } from 'vitest';
import { currentAgent, lifeWord, sweepDeadAgents } from '../../src/arena/agent.js';
import { MUTEX_HEIR } from '../../src/arena/layout.js';
import { ACQUIRED, ABANDONED, dumpMutex, Mutex } from '../../src/arena/mutex.js';
import { payloadWord } from '../../src/memory/block.js';
import { CLAIM_FREE, LIFE_DIED } from '../../src/platform/platform.js';
import { platform } from '../../src/platform/select.js';
import { handleOf } from '../../src/serialize/passable.js';
import { newFlag, OtherAgent, raise } from '../fixtures/arena/other-agent.js';
import { itNative } from '../helpers/backends.js';
import { until } from '../helpers/victims.js';
import { withWatchdog } from '../helpers/watchdog.js';

/** A lock, and the place of its mutex. */
function newLock(): { lock: Lock; at: number; words: Int32Array; dump: () => string } {
  const lock = new Lock();
  const at = payloadWord(lock[handleOf]().offset);
  const { words } = currentAgent().region;
  return { lock, at, words, dump: () => dumpMutex(words, at) };
}

describe('a lock on its way to an heir', () => {
  it('goes to an acquireSync of the thread whose promise asked for it', async () => {
    const { lock, at, words, dump } = newLock();
    const [holder, flag] = [await OtherAgent.start(), newFlag()];
    await holder.tell('hold', { at });
    const promised = lock.acquire();
    await until(() => words[at + MUTEX_HEIR] === currentAgent().id, 10_000, dump);
    const released = holder.tell('releaseWhen', { at, flag });
    raise(flag);
    expect(lock.acquireSync({ timeout: 10_000 })).toBe(true);
    lock.release();
    expect(await withWatchdog(10_000, dump, promised)).toBe(true);
    lock.release();
    expect(await released).toBe(true);
    expect(lock.locked()).toBe(false);
    await holder.end();
  });

  it('comes free when the heir has given up in the middle of the hand-over', async () => {
    const { lock, at, words, dump } = newLock();
    const [holder, flag, abort] = [await OtherAgent.start(), newFlag(), new AbortController()];
    await holder.tell('hold', { at });
    const given = expect(lock.acquire({ signal: abort.signal })).rejects.toThrow('given up');
    const released = holder.tell('releaseToOneThatGivesUp', { at, heir: currentAgent().id, flag });
    await until(() => Atomics.load(flag, 0) !== 0, 10_000, dump);
    expect([flag[0], words[at + MUTEX_HEIR]]).toEqual([currentAgent().id, 0]);
    abort.abort(new Error('given up'));
    await given;
    raise(flag, 1);
    expect(await withWatchdog(10_000, dump, released)).toBe(true);
    expect(await withWatchdog(15_000, dump, holder.tell('visit', { at }))).toBe(ACQUIRED);
    await holder.end();
  });

  it('comes free when an acquireSync has timed out in the middle of the hand-over', async () => {
    const { lock, at, words, dump } = newLock();
    const [holder, flag] = [await OtherAgent.start(), newFlag()];
    await holder.tell('hold', { at });
    const released = holder.tell('releaseToOneThatGivesUp', { at, heir: currentAgent().id, flag });
    expect(lock.acquireSync({ timeout: 1500 })).toBe(false);
    expect([flag[0], words[at + MUTEX_HEIR]]).toEqual([currentAgent().id, 0]);
    raise(flag, 1);
    expect(await withWatchdog(10_000, dump, released)).toBe(true);
    expect(await withWatchdog(15_000, dump, holder.tell('visit', { at }))).toBe(ACQUIRED);
    await holder.end();
  });

  it('is not kept from the living by an heir that died', async () => {
    const { lock, at, words, dump } = newLock();
    const dead = await OtherAgent.start();
    await dead.end();
    const life = lifeWord(dead.id);
    await until(() => ((words[life] as number) & LIFE_DIED) !== 0, 5000, dump);
    words[at + MUTEX_HEIR] = dead.id; // as one leaves it that is killed before it marks the state
    lock.acquireSync();
    const promised = lock.acquire();
    await until(() => words[at + MUTEX_HEIR] === currentAgent().id, 10_000, dump);
    lock.release();
    expect(await withWatchdog(10_000, dump, promised)).toBe(true);
    lock.release();
  });
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
        for (const end = real() + 10_000; ((words[life] as number) & LIFE_DIED) === 0 && real() < end; );
        sweepDeadAgents();
      }
      return real();
    };
    try {
      expect(new Mutex(currentAgent(), at).acquireSync(real() + 10_000)).toBe(ABANDONED);
    } finally {
      performance.now = real;
    }
    await ended;
    expect([lives, words[life]]).toEqual([false, 0]);
    expect(platform.liveness.claim(life)).toBe(CLAIM_FREE);
    platform.liveness.release(life);
  });
});

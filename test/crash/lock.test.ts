import { Lock, OwnerDiedError, type Process, Queue, RawArray } from 'forkful';
import { describe, expect, it } from 'vitest';
import { INSIDE, OPERATIONS, OWN, RECOVERIES, STOP, VIOLATIONS } from '../fixtures/crash/lock-user.mjs';
import { killCount, reportHits, startVictim, until } from '../helpers/victims.js';
import { dumpMutex } from '../../src/arena/mutex.js';
import { currentAgent } from '../../src/arena/agent.js';
import { payloadWord } from '../../src/memory/block.js';
import { handleOf } from '../../src/serialize/passable.js';

const PROGRAM = 'crash/lock-user.mjs';
const dump = (lock: Lock, words: Int32Array) => () =>
  `${dumpMutex(currentAgent().region.words, payloadWord(lock[handleOf]().offset))}; inside ${words[INSIDE]} operations ${words[OPERATIONS]}`;

async function killHolder(lock: Lock): Promise<number> {
  const ready = new Queue();
  const holder = await startVictim(PROGRAM, 'holdLock', [lock, ready]);
  await ready.get();
  holder.kill();
  const killed = performance.now();
  return killed;
}

describe('the owner of a Lock is killed while holding it', () => {
  const delays: number[] = [];

  it.each(['acquire', 'acquireSync'] as const)('and the next one to %s holds it, and is told', async (form) => {
    const lock = new Lock();
    for (let round = 0; round < 5; round++) {
      const killed = await killHolder(lock);
      const attempt = form === 'acquire' ? lock.acquire({ timeout: 60_000 }) : (async () => lock.acquireSync({ timeout: 60_000 }))();
      await expect(attempt).rejects.toThrow(OwnerDiedError);
      delays.push(performance.now() - killed);
      expect(lock.locked()).toBe(true);
      expect(lock.tryAcquire()).toBe(false);
      lock.release();
      expect(lock.acquireSync({ timeout: 0 })).toBe(true);
      lock.release();
    }
    console.log(`${form}: held ${Math.max(...delays.splice(0)).toFixed(1)} ms after the kill at the latest (200 promised)`);
  });

  it('and one that was already waiting gets it, also by a promise behind which others wait', async () => {
    const lock = new Lock();
    const ready = new Queue();
    const holder = await startVictim(PROGRAM, 'holdLock', [lock, ready]);
    await ready.get();
    const first = lock.acquire({ timeout: 60_000 });
    const second = lock.acquire({ timeout: 60_000 });
    holder.kill();
    await expect(first).rejects.toThrow(OwnerDiedError);
    lock.release();
    expect(await second).toBe(true);
    lock.release();
    await holder.join();
  });

  it('and tryAcquire takes it', async () => {
    const lock = new Lock();
    await killHolder(lock);
    let error: unknown;
    await until(
      () => {
        try {
          return lock.tryAcquire();
        } catch (thrown) {
          error = thrown;
          return true;
        }
      },
      dump(lock, new Int32Array(8)),
    );
    expect(error).toBeInstanceOf(OwnerDiedError);
    lock.release();
  });

  it("and with onOwnerDeath 'recover' nobody is told", async () => {
    const lock = new Lock({ onOwnerDeath: 'recover' });
    await killHolder(lock);
    expect(await lock.acquire({ timeout: 60_000 })).toBe(true);
    lock.release();
  });

  it("and with onOwnerDeath 'ignore' it stays held until somebody releases it", async () => {
    const lock = new Lock({ onOwnerDeath: 'ignore' });
    await killHolder(lock);
    expect(lock.acquireSync({ timeout: 400 })).toBe(false);
    lock.release();
    expect(lock.acquireSync({ timeout: 0 })).toBe(true);
    lock.release();
  });

  it('and scoped forms release it again when they pass the news on', async () => {
    const lock = new Lock();
    await killHolder(lock);
    await expect(lock.withLock(() => 1, { timeout: 60_000 })).rejects.toThrow(OwnerDiedError);
    expect(lock.locked()).toBe(false);
  });
});

describe('a user of a Lock is killed at a step of its protocol', () => {
  it.each(
    // a thread that blocks sleeps on the lock itself: it registers nowhere
    ['mutex.acquired', 'mutex.marked', 'mutex.freed', 'mutex.reserved', 'waiting.registered', 'waiting.cleared'].flatMap((step) =>
      (step.startsWith('waiting') ? (['async'] as const) : (['sync', 'async'] as const)).map((form) => [step, form] as const),
    ),
  )('%s, %s: the others go on, one at a time', async (step, form) => {
    const lock = new Lock();
    const words = new RawArray('i', 16);
    const others = await Promise.all((['sync', 'async'] as const).map((each) => startVictim(PROGRAM, 'useLock', [lock, words, each])));
    const victims = await Promise.all(
      [1, 5].map((times, index) => startVictim(PROGRAM, 'useLock', [lock, words, form, OWN + index], { fault: `${step}:${times}` })),
    );
    // some steps are rare, and some are not taken at all in one of the forms: then the victim is killed from outside
    const isDone = (victim: Process, index: number): boolean => !victim.isAlive() || Atomics.load(words, OWN + index) > 5000;
    await until(() => victims.every(isDone), dump(lock, words));
    reportHits(step, form, victims);
    for (const victim of victims) victim.kill();
    const before = Atomics.load(words, OPERATIONS);
    await until(() => Atomics.load(words, OPERATIONS) > before + 200, dump(lock, words));
    Atomics.store(words, STOP, 1);
    await Promise.all([...others, ...victims].map((each) => each.join()));
    expect(words[VIOLATIONS]).toBe(0);
    expect(others.map((other) => other.exitCode)).toEqual([0, 0]);
  });
});

describe('users of a Lock are killed at random', () => {
  it('and the others go on, one at a time', async () => {
    const lock = new Lock();
    const words = new RawArray('i', 16);
    const kills = killCount(40);
    const forms = ['sync', 'sync', 'async', 'sync'];
    const users: Process[] = await Promise.all(forms.map((form) => startVictim(PROGRAM, 'useLock', [lock, words, form])));
    const gaps: number[] = [];
    for (let kill = 0; kill < kills; kill++) {
      const index = Math.floor(Math.random() * users.length);
      const start = Atomics.load(words, OPERATIONS);
      await until(() => Atomics.load(words, OPERATIONS) > start + Math.random() * 500, dump(lock, words));
      (users[index] as Process).kill();
      const [at, operations] = [performance.now(), Atomics.load(words, OPERATIONS)];
      await until(() => Atomics.load(words, OPERATIONS) > operations + 5, dump(lock, words));
      gaps.push(performance.now() - at);
      await (users[index] as Process).join();
      users[index] = await startVictim(PROGRAM, 'useLock', [lock, words, forms[index]]);
    }
    Atomics.store(words, STOP, 1);
    await Promise.all(users.map((user) => user.join()));
    gaps.sort((a, b) => a - b);
    console.log(
      `${kills} kills, ${words[OPERATIONS]} operations, ${words[RECOVERIES]} recoveries, ${words[VIOLATIONS]} violations; ` +
        `5 further operations after ${gaps[gaps.length >> 1]?.toFixed(1)} ms (median), ${gaps.at(-1)?.toFixed(1)} ms (longest)`,
    );
    expect(words[VIOLATIONS]).toBe(0);
    expect(users.map((user) => user.exitCode)).toEqual(forms.map(() => 0));
  }, 300_000);
});

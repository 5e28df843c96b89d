import { inspect } from 'node:util';
import { OwnerDiedError, type Process, Queue, RawArray, RLock } from 'forkful';
import { describe, expect, it } from 'vitest';
import { OPERATIONS, OWN, RECOVERIES, STOP, VIOLATIONS } from '../fixtures/crash/rlock-user.mjs';
import { killCount, reportHits, startVictim, until } from '../helpers/victims.js';

const PROGRAM = 'crash/rlock-user.mjs';
const WAIT_MS = 60_000;
const dump = (lock: RLock, words: Int32Array) => () => `${inspect(lock)} ${words}`;

/** One that holds the lock three times. */
async function startKeeper(lock: RLock, form: 'sync' | 'tasks'): Promise<Process> {
  const ready = new Queue();
  const keeper = await startVictim('sync/rlocks.mjs', 'keep', [lock, ready, form]);
  await ready.get({ timeout: WAIT_MS });
  expect(inspect(lock)).toContain('depth=3');
  return keeper;
}

describe.each(['sync', 'tasks'] as const)('the owner of an RLock is killed while holding it three times: %s', (form) => {
  it('and the next one is told, holds it once, and frees it by one release', async () => {
    const lock = new RLock();
    for (const next of ['acquire', 'acquireSync'] as const) {
      const keeper = await startKeeper(lock, form);
      keeper.kill();
      const killed = performance.now();
      await expect((async () => await lock[next]({ timeout: WAIT_MS }))()).rejects.toThrow(OwnerDiedError);
      console.log(`${next}: held ${(performance.now() - killed).toFixed(1)} ms after the kill (200 promised)`);
      expect(inspect(lock)).toBe(`<RLock owner=pid ${process.pid}>`);
      expect(lock.tryAcquire()).toBe(true);
      lock.release();
      lock.release();
      expect(lock.locked()).toBe(false);
      await keeper.join();
    }
  });

  it('and of the tasks that wait already the first is told, and the others go on', async () => {
    const lock = new RLock();
    const keeper = await startKeeper(lock, form);
    const first = lock.withLock(() => expect.unreachable(), { timeout: WAIT_MS });
    const others = [1, 2].map(() => lock.withLock(() => inspect(lock), { timeout: WAIT_MS }));
    keeper.kill();
    await expect(first).rejects.toThrow(OwnerDiedError);
    expect(await Promise.all(others)).toEqual([1, 2].map(() => `<RLock owner=pid ${process.pid}>`));
    expect(lock.locked()).toBe(false);
    await keeper.join();
  });
});

describe('the owner of an RLock is killed', () => {
  it("and with onOwnerDeath 'recover' nobody is told; with 'ignore' nobody ever gets it", async () => {
    const [lock, lost] = [new RLock({ onOwnerDeath: 'recover' }), new RLock({ onOwnerDeath: 'ignore' })];
    const keepers = [await startKeeper(lock, 'sync'), await startKeeper(lost, 'sync')];
    for (const keeper of keepers) keeper.kill();
    expect(await lock.withLock(() => inspect(lock), { timeout: WAIT_MS })).toBe(`<RLock owner=pid ${process.pid}>`);
    await Promise.all(keepers.map((keeper) => keeper.join()));
    expect([lost.tryAcquire(), lost.acquireSync({ timeout: 300 }), lost.locked()]).toEqual([false, false, true]);
    expect(() => lost.release()).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_NOT_OWNER' }));
  });
});

describe('a user of an RLock is killed at a step of its protocol', () => {
  it.each(['mutex.acquired', 'mutex.marked', 'mutex.freed', 'mutex.reserved', 'waiting.registered', 'waiting.cleared'])(
    '%s: the others go on, one at a time, at the right depth',
    async (step) => {
      const [lock, words] = [new RLock(), new RawArray('i', 16)];
      const start = (form: string, own?: number, fault?: string): Promise<Process> =>
        startVictim(PROGRAM, 'useRLock', [lock, words, form, own], { fault });
      const others = await Promise.all(['sync', 'async', 'tasks'].map((form) => start(form)));
      // a thread that blocks sleeps on the lock itself: it registers nowhere
      const forms = step.startsWith('waiting') ? ['async', 'tasks'] : ['sync', 'tasks'];
      const victims = await Promise.all(forms.map((form, index) => start(form, OWN + index, `${step}:${1 + 4 * index}`)));
      const isDone = (victim: Process, index: number): boolean => !victim.isAlive() || Atomics.load(words, OWN + index) > 3000;
      await until(() => victims.every(isDone), dump(lock, words));
      reportHits(step, forms.join(', '), victims);
      for (const victim of victims) victim.kill();
      const before = Atomics.load(words, OPERATIONS);
      await until(() => Atomics.load(words, OPERATIONS) > before + 200, dump(lock, words));
      Atomics.store(words, STOP, 1);
      await Promise.all([...others, ...victims].map((each) => each.join()));
      expect([words[VIOLATIONS], others.map((other) => other.exitCode)]).toEqual([0, [0, 0, 0]]);
    },
  );
});

describe('users of an RLock are killed at random', () => {
  it('and the others go on, one at a time', async () => {
    const [lock, words, kills] = [new RLock(), new RawArray('i', 16), killCount(12)];
    const forms = ['sync', 'async', 'tasks', 'sync'];
    const start = (form: string): Promise<Process> => startVictim(PROGRAM, 'useRLock', [lock, words, form]);
    const users = await Promise.all(forms.map(start));
    for (let kill = 0; kill < kills; kill++) {
      const index = Math.floor(Math.random() * users.length);
      const first = Atomics.load(words, OPERATIONS) + Math.random() * 300;
      await until(() => Atomics.load(words, OPERATIONS) > first, dump(lock, words));
      (users[index] as Process).kill();
      const next = Atomics.load(words, OPERATIONS) + 5;
      await until(() => Atomics.load(words, OPERATIONS) > next, dump(lock, words));
      await (users[index] as Process).join();
      users[index] = await start(forms[index] as string);
    }
    Atomics.store(words, STOP, 1);
    await Promise.all(users.map((user) => user.join()));
    console.log(`${kills} kills, ${words[OPERATIONS]} operations, ${words[RECOVERIES]} recoveries, ${words[VIOLATIONS]} violations`);
    expect([words[VIOLATIONS], users.map((user) => user.exitCode)]).toEqual([0, [0, 0, 0, 0]]);
  });
});

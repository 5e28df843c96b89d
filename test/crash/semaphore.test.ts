import { inspect } from 'node:util';
import { BoundedSemaphore, type Process, Queue, RawArray, Semaphore } from 'forkful';
import { describe, expect, it } from 'vitest';
import { OPERATIONS, OWN, PLACES, STOP, VIOLATIONS } from '../fixtures/crash/semaphore-user.mjs';
import { killCount, reportHits, startVictim, until } from '../helpers/victims.js';

const PROGRAM = 'crash/semaphore-user.mjs';
const WAIT_MS = 60_000;
const TRACKED = {
  'Semaphore with recover': (value: number) => new Semaphore(value, { recover: true }),
  BoundedSemaphore: (value: number) => new BoundedSemaphore(value),
};
const dump = (semaphore: Semaphore, words: Int32Array) => () => `${inspect(semaphore)} ${words}`;

/** One that has taken `n` permits. */
async function startKeeper(semaphore: Semaphore, n: number): Promise<Process> {
  const ready = new Queue();
  const keeper = await startVictim('sync/semaphores.mjs', 'keep', [semaphore, n, ready]);
  await ready.get({ timeout: WAIT_MS });
  return keeper;
}

describe.each(Object.keys(TRACKED) as (keyof typeof TRACKED)[])('the holder of permits of a %s is killed', (kind) => {
  it.each(['acquire', 'acquireSync', 'tryAcquire'] as const)('and they are free for %s', async (form) => {
    const semaphore = TRACKED[kind](2);
    const keeper = await startKeeper(semaphore, 2);
    expect([semaphore.getValue(), semaphore.locked()]).toEqual([0, true]);
    keeper.kill();
    const killed = performance.now();
    if (form === 'tryAcquire')
      await until(
        () => semaphore.tryAcquire(),
        () => inspect(semaphore),
      );
    else expect(await semaphore[form]({ timeout: WAIT_MS })).toBe(true);
    console.log(`${form}: had a permit ${(performance.now() - killed).toFixed(1)} ms after the kill (200 promised)`);
    expect(semaphore.getValue()).toBe(1);
    expect([semaphore.tryAcquire(), semaphore.tryAcquire()]).toEqual([true, false]);
    semaphore.release(2);
    await keeper.join();
    expect(semaphore.getValue()).toBe(2);
  });

  it('while others wait already, by promises and by blocking', async () => {
    const [semaphore, reports] = [TRACKED[kind](3), new Queue<string>()];
    const keeper = await startKeeper(semaphore, 3);
    const other = await startVictim('sync/semaphores.mjs', 'waitFor', [semaphore, 'sync', reports]);
    expect(await reports.get({ timeout: WAIT_MS })).toBe('waits');
    const mine = [semaphore.acquire({ timeout: WAIT_MS }), semaphore.acquire({ timeout: WAIT_MS })];
    keeper.kill();
    expect(await Promise.all(mine)).toEqual([true, true]);
    expect(await reports.get({ timeout: WAIT_MS })).toBe('has it');
    await Promise.all([keeper.join(), other.join()]);
    expect(semaphore.getValue()).toBe(1);
  });
});

describe('the holder of permits of a plain Semaphore is killed', () => {
  it('and they stay taken until somebody releases them', async () => {
    const semaphore = new Semaphore(3);
    const keeper = await startKeeper(semaphore, 2);
    keeper.kill();
    await keeper.join();
    expect([semaphore.getValue(), semaphore.tryAcquire(), semaphore.acquireSync({ timeout: 300 })]).toEqual([1, true, false]);
    semaphore.release(3);
    expect(semaphore.getValue()).toBe(3);
  });
});

describe('a user of a semaphore is killed at a step of its protocol', () => {
  const STEPS = ['semaphore.taken', 'semaphore.given', 'semaphore.reserved', 'waiting.registered', 'waiting.bumped', 'waiting.cleared'];

  it.each([...STEPS.map((step) => ['tracked', step] as const), ...STEPS.slice(0, 3).map((step) => ['plain', step] as const)])(
    'a %s one, %s: the others go on, and no more are inside than there are permits',
    async (kind, step) => {
      const permits = step === 'semaphore.taken' ? 3 : 1; // of a plain one a victim takes one along there
      const semaphore = new Semaphore(permits, { recover: kind !== 'plain' });
      const words = new RawArray('i', 16);
      const start = (form: string, own?: number, fault?: string): Promise<Process> =>
        startVictim(PROGRAM, 'useSemaphore', [semaphore, words, permits, form, own], { fault });
      const others = await Promise.all(['sync', 'async', 'sync'].map((form) => start(form)));
      const victims = await Promise.all([start('sync', OWN, `${step}:1`), start('async', OWN + 1, `${step}:5`)]);
      // some steps are rare: then the victim is killed from outside, or, since it would take its permit along, told to end
      const isDone = (victim: Process, index: number): boolean => !victim.isAlive() || Atomics.load(words, OWN + index) > 2000;
      await until(() => victims.every(isDone), dump(semaphore, words));
      reportHits(step, kind, victims);
      if (kind === 'tracked') for (const victim of victims) victim.kill();
      const before = Atomics.load(words, OPERATIONS);
      await until(() => Atomics.load(words, OPERATIONS) > before + 200, dump(semaphore, words));
      Atomics.store(words, STOP, 1);
      await Promise.all([...others, ...victims].map((each) => each.join()));
      expect([words[VIOLATIONS], others.map((other) => other.exitCode)]).toEqual([0, [0, 0, 0]]);
      if (kind === 'tracked' || step !== 'semaphore.taken') expect(semaphore.getValue()).toBe(permits);
      else expect(semaphore.getValue()).toBe(permits - victims.filter((victim) => victim.exitCode !== 0).length);
      const free = semaphore.getValue();
      for (let i = 0; i < free; i++) expect(semaphore.acquireSync({ timeout: WAIT_MS })).toBe(true);
      expect(semaphore.tryAcquire()).toBe(false);
    },
  );
});

describe('users of a BoundedSemaphore are killed at random', () => {
  it('and the others go on; all permits are there in the end', async () => {
    const [semaphore, words, kills] = [new BoundedSemaphore(2), new RawArray('i', 16), killCount(12)];
    const forms = ['sync', 'async', 'sync', 'async'];
    const start = (form: string): Promise<Process> => startVictim(PROGRAM, 'useSemaphore', [semaphore, words, 2, form]);
    const users = await Promise.all(forms.map(start));
    for (let kill = 0; kill < kills; kill++) {
      const index = Math.floor(Math.random() * users.length);
      const first = Atomics.load(words, OPERATIONS) + Math.random() * 300;
      await until(() => Atomics.load(words, OPERATIONS) > first, dump(semaphore, words));
      (users[index] as Process).kill();
      const next = Atomics.load(words, OPERATIONS) + 5;
      await until(() => Atomics.load(words, OPERATIONS) > next, dump(semaphore, words));
      await (users[index] as Process).join();
      users[index] = await start(forms[index] as string);
    }
    Atomics.store(words, STOP, 1);
    await Promise.all(users.map((user) => user.join()));
    console.log(`${kills} kills, ${words[OPERATIONS]} operations, ${words[VIOLATIONS]} violations`);
    expect([words[VIOLATIONS], semaphore.getValue(), users.map((user) => user.exitCode)]).toEqual([0, 2, [0, 0, 0, 0]]);
    expect([...words.subarray(PLACES)].filter((id) => id !== 0).length).toBeLessThanOrEqual(2);
    semaphore.acquireSync();
    semaphore.acquireSync();
    expect(semaphore.tryAcquire()).toBe(false);
  });
});

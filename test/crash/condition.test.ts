import { inspect } from 'node:util';
import { Condition, Lock, OwnerDiedError, type Process, Queue, RawArray, RLock } from 'forkful';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BEGUN, OPERATIONS, RECOVERIES, repair, type Shelf, STOP, VIOLATIONS } from '../fixtures/crash/condition-user.mjs';
import { killCount, reportHits, startVictim, until } from '../helpers/victims.js';
import { untilWaiting, waiters } from '../helpers/waiters.js';
import { withWatchdog } from '../helpers/watchdog.js';

const PROGRAM = 'crash/condition-user.mjs';
const FORMS = ['sync', 'async'] as const;
const ROLES = ['produce', 'consume'] as const;

const wait = (condition: Condition): Promise<boolean> => condition.withLock(() => condition.wait());
const notify = (condition: Condition): Promise<void> => condition.withLock(() => condition.notify());
const soon = <T>(condition: Condition, promise: Promise<T>): Promise<T> => withWatchdog(60_000, () => condition, promise);

describe('a waiter of a Condition', () => {
  it.each(FORMS)('that was killed is passed over, %s', async (form) => {
    const condition = new Condition();
    const victim = await startVictim(PROGRAM, 'waitOnce', [condition, new Queue(), form]);
    await untilWaiting(condition, 1);
    const mine = wait(condition);
    await untilWaiting(condition, 2);
    victim.kill();
    await victim.join();
    expect(waiters(condition)).toBe(1);
    await notify(condition);
    expect(await soon(condition, mine)).toBe(true);
  });

  it.each(FORMS)('that is stopped is not waited for, and when it is killed the next one has its notification, %s', async (form) => {
    const condition = new Condition();
    const told = new Queue<string>();
    const victim = await startVictim(PROGRAM, 'waitOnce', [condition, told, form]);
    await untilWaiting(condition, 1);
    await condition.withLock(() => {}); // it has let go of the lock
    process.kill(victim.pid as number, 'SIGSTOP');
    const [second, third] = [wait(condition), wait(condition)];
    await untilWaiting(condition, 3);
    await notify(condition); // of the one that is stopped
    expect(waiters(condition)).toBe(2);
    await notify(condition);
    expect(await soon(condition, second)).toBe(true);
    expect(waiters(condition)).toBe(1);
    victim.kill();
    await victim.join();
    expect(await soon(condition, third)).toBe(true);
    expect(told.empty()).toBe(true);
  });

  it.each(FORMS)('that is stopped, and goes on, has its notification, %s', async (form) => {
    const condition = new Condition();
    const told = new Queue<string>();
    const victim = await startVictim(PROGRAM, 'waitOnce', [condition, told, form]);
    await untilWaiting(condition, 1);
    await condition.withLock(() => {}); // it has let go of the lock
    process.kill(victim.pid as number, 'SIGSTOP');
    await notify(condition);
    expect(await condition.withLock(() => condition.wait({ timeout: 300 }))).toBe(false);
    process.kill(victim.pid as number, 'SIGCONT');
    expect(await soon(condition, told.get())).toBe('notified');
    await victim.join();
  });

  it.each([
    ['wait', 'an RLock', () => new RLock(), 3],
    ['waitSync', 'an RLock', () => new RLock(), 3],
    ['wait', 'a Lock', () => new Lock(), 1],
    ['waitSync', 'a Lock', () => new Lock(), 1],
  ] as const)(
    'is told by %s when the owner of %s is killed before it has it back, and holds it then as before',
    async (form, _, make, depth) => {
      const condition = new Condition(make());
      for (let i = 0; i < depth; i++) condition.acquireSync();
      const victim = await startVictim(PROGRAM, 'notifyAndDie', [condition]);
      const waiting = (async () => await condition[form]())();
      await expect(soon(condition, waiting)).rejects.toThrow(OwnerDiedError);
      expect(inspect(condition.getLock())).toContain(`owner=pid ${process.pid}`);
      expect(() => condition.notify()).not.toThrow();
      for (let i = 0; i < depth; i++) condition.release();
      expect(condition.getLock().locked()).toBe(false);
      expect(waiters(condition)).toBe(0);
      await victim.join();
    },
  );

  it('that is told of the death of an owner leaves its notification to the next', async () => {
    const condition = new Condition();
    const first = wait(condition).catch((error: unknown) => error);
    const second = wait(condition);
    await untilWaiting(condition, 2);
    const victim = await startVictim(PROGRAM, 'notifyAndDie', [condition]);
    expect(await soon(condition, first)).toBeInstanceOf(OwnerDiedError);
    expect(await soon(condition, second)).toBe(true);
    await victim.join();
  });
});

function makeShelf(): Shelf {
  const lock = new Lock();
  return { lock, notEmpty: new Condition(lock), notFull: new Condition(lock) };
}

const start = (shelf: Shelf, words: Int32Array, role: string, form: string, fault?: string): Promise<Process> =>
  startVictim(PROGRAM, 'useShelf', [shelf, words, role, form], { fault });

const dump = (shelf: Shelf, words: Int32Array) => () => inspect([shelf, words]);

/** What a program does that learns of the end of one of its processes: if that one held the lock, all look again. */
async function lookAfter(shelf: Shelf, words: Int32Array): Promise<void> {
  try {
    await shelf.lock.acquire({ timeout: 60_000 });
  } catch (error) {
    repair(shelf, words, error);
  }
  shelf.lock.release();
}

async function stop(shelf: Shelf, words: Int32Array, users: readonly Process[]): Promise<void> {
  Atomics.store(words, STOP, 1);
  await lookAfter(shelf, words);
  await shelf.lock.withLock(() => {
    shelf.notEmpty.notifyAll();
    shelf.notFull.notifyAll();
  });
  await withWatchdog(60_000, dump(shelf, words), Promise.all(users.map((user) => user.join())));
}

const goesOn = (shelf: Shelf, words: Int32Array, operations: number): Promise<void> => {
  const end = Atomics.load(words, OPERATIONS) + operations;
  return until(() => Atomics.load(words, OPERATIONS) > end, dump(shelf, words));
};

describe('a user of a Condition is killed at a step of its protocol', () => {
  const shelf = makeShelf();
  const words = new RawArray('i', 16);
  let others: Process[] = [];
  beforeAll(async () => {
    others = await Promise.all(ROLES.flatMap((role) => FORMS.map((form) => start(shelf, words, role, form))));
    await until(() => Atomics.load(words, BEGUN) === others.length, dump(shelf, words));
  });
  afterAll(async () => {
    await stop(shelf, words, others);
    expect(words[VIOLATIONS]).toBe(0);
    expect(others.map((other) => other.exitCode)).toEqual(others.map(() => 0));
  });

  it.each(
    [
      'condition.entered',
      'condition.notified',
      'mutex.acquired',
      'mutex.marked',
      'mutex.freed',
      'waiting.registered',
      'waiting.bumped',
    ].flatMap((step) => FORMS.map((form) => [step, form] as const)),
  )('%s, %s: the others go on, and no notification is lost', async (step, form) => {
    const begun = Atomics.load(words, BEGUN) + 2;
    const victims = await Promise.all(ROLES.map((role, index) => start(shelf, words, role, form, `${step}:${index === 0 ? 1 : 20}`)));
    await until(() => Atomics.load(words, BEGUN) === begun, dump(shelf, words));
    const end = performance.now() + 3000; // some steps are rare: then the victim is killed from outside
    while (victims.some((victim) => victim.isAlive()) && performance.now() < end) {
      await goesOn(shelf, words, 20);
      await lookAfter(shelf, words);
    }
    reportHits(step, form, victims);
    for (const victim of victims) victim.kill();
    await Promise.all(victims.map((victim) => victim.join()));
    await lookAfter(shelf, words);
    await goesOn(shelf, words, 200);
  });
});

describe('users of a Condition are killed at random', () => {
  it('and the others go on, and no notification is lost', async () => {
    const shelf = makeShelf();
    const words = new RawArray('i', 16);
    const kills = killCount(20);
    const kinds = ROLES.flatMap((role) => FORMS.map((form) => [role, form] as const));
    const users = await Promise.all(kinds.map(([role, form]) => start(shelf, words, role, form)));
    for (let kill = 0; kill < kills; kill++) {
      const index = Math.floor(Math.random() * users.length);
      await goesOn(shelf, words, Math.random() * 300);
      const [victim, [role, form]] = [users[index] as Process, kinds[index] as (typeof kinds)[number]];
      victim.kill();
      await victim.join();
      await lookAfter(shelf, words);
      users[index] = await start(shelf, words, role, form);
    }
    await goesOn(shelf, words, 200);
    await stop(shelf, words, users);
    console.log(`${kills} kills, ${words[OPERATIONS]} operations, ${words[RECOVERIES]} recoveries, ${words[VIOLATIONS]} violations`);
    expect(words[VIOLATIONS]).toBe(0);
    expect(users.map((user) => user.exitCode)).toEqual(kinds.map(() => 0));
  }, 300_000);
});

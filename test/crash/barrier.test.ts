import { inspect } from 'node:util';
import { Barrier, type Process, Queue, RawArray } from 'forkful';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ACTIONS, BEGUN, BROKEN, countAction, dieInAction, ROUNDS, STOP, VIOLATIONS } from '../fixtures/crash/barrier-user.mjs';
import { killCount, reportHits, startVictim, until } from '../helpers/victims.js';
import { untilArrived } from '../helpers/waiters.js';
import { withWatchdog } from '../helpers/watchdog.js';

const PROGRAM = 'crash/barrier-user.mjs';
const FORMS = ['sync', 'async'] as const;
const CODE = 'ERR_FORKFUL_BROKEN_BARRIER';
const soon = <T>(barrier: Barrier, promise: Promise<T>): Promise<T> => withWatchdog(60_000, () => barrier, promise);

describe('a party of a Barrier', () => {
  it('that is killed while it waits breaks it for the others, threads and promises', async () => {
    const barrier = new Barrier(4);
    const told = new Queue<[unknown, number]>();
    const moment = new RawArray('d', 1);
    const others = await Promise.all(FORMS.map((form) => startVictim(PROGRAM, 'meetOnce', [barrier, form, told])));
    const victim = await startVictim(PROGRAM, 'arriveAndDie', [barrier, 3, moment]);
    for (const _ of others) {
      const [outcome, at] = await soon(barrier, told.get());
      expect(outcome).toBe(CODE);
      console.log(`known ${(at - (moment[0] as number)).toFixed(1)} ms after the kill (200 promised)`);
    }
    await Promise.all([...others, victim].map((each) => each.join()));
    expect(barrier.broken).toBe(true);
    barrier.reset();
    const again = [0, 1, 2, 3].map(() => barrier.wait());
    expect((await soon(barrier, Promise.all(again))).toSorted()).toEqual([0, 1, 2, 3]);
  });

  it.each(['wait', 'waitSync'] as const)('that is killed while this process is in %s breaks it here', async (form) => {
    const barrier = new Barrier(3);
    const victim = await startVictim(PROGRAM, 'arriveAndDie', [barrier, 2, new RawArray('d', 1)]);
    await expect(soon(barrier, (async () => await barrier[form]())())).rejects.toMatchObject({ code: CODE });
    await victim.join();
  });

  it.each(FORMS)('that is killed while it runs the action breaks it for the others, %s', async (form) => {
    const barrier = new Barrier(2, { action: dieInAction });
    const first = expect(barrier.wait()).rejects.toMatchObject({ code: CODE });
    await untilArrived(barrier, 1);
    const victim = await startVictim(PROGRAM, 'meetOnce', [barrier, form]);
    await soon(barrier, first);
    await victim.join();
    expect(victim.exitCode).toBe(-9);
  });

  it.each(['SIGSTOP', 'SIGKILL'] as const)(
    'that comes last and gets %s before it does anything does not hold the others',
    async (signal) => {
      const barrier = new Barrier(3);
      const told = new Queue<[unknown, number]>();
      const other = await startVictim(PROGRAM, 'meetOnce', [barrier, 'sync', told]);
      await untilArrived(barrier, 1);
      const mine = barrier.wait();
      const victim = await startVictim(PROGRAM, 'arriveAndSignal', [barrier, signal]);
      expect(await soon(barrier, mine)).toBe(1);
      expect((await soon(barrier, told.get()))[0]).toBe(0);
      expect(barrier.broken).toBe(false);
      victim.kill();
      await Promise.all([other, victim].map((each) => each.join()));
    },
  );

  it('that is stopped while it waits holds nobody: the others go on when all have come', async () => {
    const barrier = new Barrier(3);
    const told = new Queue<[unknown, number]>();
    const stopped = await startVictim(PROGRAM, 'meetOnce', [barrier, 'sync', told]);
    await untilArrived(barrier, 1);
    process.kill(stopped.pid as number, 'SIGSTOP');
    expect((await soon(barrier, Promise.all([barrier.wait(), barrier.wait()]))).toSorted()).toEqual([1, 2]);
    const next = [barrier.wait(), barrier.wait()];
    process.kill(stopped.pid as number, 'SIGCONT');
    expect((await soon(barrier, told.get()))[0]).toBe(0);
    barrier.abort();
    for (const each of next) await expect(each).rejects.toMatchObject({ code: CODE });
    await stopped.join();
  });
});

const start = (barrier: Barrier, words: Int32Array, form: string, breaks: boolean, fault?: string): Promise<Process> =>
  startVictim(PROGRAM, 'meetOften', [barrier, words, form, breaks], { fault });

const goesOn = (barrier: Barrier, words: Int32Array, rounds: number): Promise<void> => {
  const end = Atomics.load(words, ROUNDS) + rounds;
  return until(
    () => Atomics.load(words, ROUNDS) > end,
    () => inspect([barrier, words]),
  );
};

async function stop(barrier: Barrier, words: Int32Array, users: readonly Process[]): Promise<void> {
  Atomics.store(words, STOP, 1);
  const ended = Promise.all(users.map((user) => user.join()));
  let isOver = false;
  void ended.then(() => (isOver = true));
  // one that looked before may come, and mend it, and wait
  const sendAway = async (): Promise<void> => {
    for (; !isOver; await new Promise((resolve) => setTimeout(resolve, 5))) barrier.abort();
  };
  await withWatchdog(60_000, () => [barrier, words], Promise.all([ended, sendAway()]));
}

describe('a party of a Barrier is killed at a step of its protocol', () => {
  const barrier = new Barrier(3);
  const words = new RawArray('i', 16);
  let others: Process[] = [];
  beforeAll(async () => {
    others = await Promise.all((['sync', 'async', 'sync'] as const).map((form) => start(barrier, words, form, false)));
    await until(
      () => Atomics.load(words, BEGUN) === others.length,
      () => inspect(words),
    );
  });
  afterAll(async () => {
    await stop(barrier, words, others);
    expect(words[VIOLATIONS]).toBe(0);
    expect(others.map((other) => other.exitCode)).toEqual([0, 0, 0]);
  });

  it.each([
    ...['barrier.arrived', 'barrier.opened', 'barrier.broken', 'barrier.ended', 'waiting.registered'].flatMap((step) =>
      FORMS.map((form) => [step, form] as const),
    ),
    // a thread tells all, and has nobody to pass a notification on to
    ...['waiting.bumped', 'waiting.cleared'].map((step) => [step, 'async'] as const),
  ])('%s, %s: its round is complete or broken, and the others go on', async (step, form) => {
    const begun = Atomics.load(words, BEGUN) + 2;
    const victims = await Promise.all([1, 20].map((times) => start(barrier, words, form, true, `${step}:${times}`)));
    await until(
      () => Atomics.load(words, BEGUN) === begun,
      () => inspect(words),
    );
    const end = performance.now() + 3000; // some steps are rare: then the victim is killed from outside
    while (victims.some((victim) => victim.isAlive()) && performance.now() < end) await goesOn(barrier, words, 20);
    reportHits(step, form, victims);
    for (const victim of victims) victim.kill();
    await Promise.all(victims.map((victim) => victim.join()));
    await goesOn(barrier, words, 200);
  });
});

describe('parties of a Barrier are killed at random', () => {
  it.each([
    ['an action', { action: countAction }],
    ['no action', {}],
  ] as const)(
    'and the others go on, with %s',
    async (_, options) => {
      const barrier = new Barrier(3, options);
      const words = new RawArray('i', 16);
      const kills = killCount(10);
      const forms = ['sync', 'async', 'sync', 'async'];
      const users = await Promise.all(forms.map((form) => start(barrier, words, form, false)));
      for (let kill = 0; kill < kills; kill++) {
        const index = Math.floor(Math.random() * users.length);
        await goesOn(barrier, words, Math.random() * 200);
        (users[index] as Process).kill();
        await (users[index] as Process).join();
        await goesOn(barrier, words, 5);
        users[index] = await start(barrier, words, forms[index] as string, false);
      }
      await goesOn(barrier, words, 100);
      await stop(barrier, words, users);
      console.log(`${kills} kills, ${words[ROUNDS]} waits, ${words[BROKEN]} broken, ${words[ACTIONS]} actions`);
      expect(words[VIOLATIONS]).toBe(0);
      // each party of a complete round has counted it, but for those that were killed or stopped in between
      if ('action' in options) expect(3 * (words[ACTIONS] as number)).toBeGreaterThanOrEqual(words[ROUNDS] as number);
      expect(users.map((user) => user.exitCode)).toEqual(forms.map(() => 0));
    },
    300_000,
  );
});

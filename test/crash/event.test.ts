import { inspect } from 'node:util';
import { Event, type Process, Queue, RawArray } from 'forkful';
import { describe, expect, it } from 'vitest';
import { OWN, SETS, STOP, WAITS } from '../fixtures/crash/event-user.mjs';
import { killCount, reportHits, startVictim, until } from '../helpers/victims.js';
import { untilWaitedFor } from '../helpers/waiters.js';

const PROGRAM = 'crash/event-user.mjs';
const WAIT_MS = 60_000;
const dump = (event: Event, words: Int32Array) => () => `${inspect(event)} ${words}`;

describe('one that sets an Event is killed before it could wake anybody', () => {
  it('and all who wait go on, though it is cleared afterwards', async () => {
    const [event, reports] = [new Event(), new Queue<unknown>()];
    const waiters = await Promise.all(['sync', 'async'].map((form) => startVictim('sync/events.mjs', 'waitFor', [event, form, reports])));
    for (const _ of waiters) expect(await reports.get({ timeout: WAIT_MS })).toBe('waits');
    const mine = event.wait({ timeout: WAIT_MS });
    await untilWaitedFor(event, 2);
    const setter = await startVictim('sync/events.mjs', 'set', [event], { fault: 'event.set:1' });
    await setter.join();
    reportHits('event.set', 'set', [setter]);
    expect([setter.exitCode, event.isSet()]).toEqual([-9, true]);
    event.clear();
    expect(await mine).toBe(true);
    for (const _ of waiters) expect(await reports.get({ timeout: WAIT_MS })).toBe(true);
    await Promise.all(waiters.map((waiter) => waiter.join()));
  });
});

describe('a user of an Event is killed at a step of its protocol', () => {
  it.each([
    ['event.set', 'setOften'],
    ['waiting.registered', 'waitOften'],
  ])('%s, in %s: the others are woken as ever', async (step, name) => {
    const [event, words] = [new Event(), new RawArray('i', 16)];
    const others = await Promise.all([
      startVictim(PROGRAM, 'setOften', [event, words]),
      startVictim(PROGRAM, 'waitOften', [event, words, 'sync']),
      startVictim(PROGRAM, 'waitOften', [event, words, 'async']),
    ]);
    const victims = await Promise.all(
      ['sync', 'async'].map((form, index) => {
        const args = name === 'setOften' ? [event, words, OWN + index] : [event, words, form, OWN + index];
        return startVictim(PROGRAM, name, args, { fault: `${step}:${1 + index * 9}` });
      }),
    );
    const isDone = (victim: Process, index: number): boolean => !victim.isAlive() || Atomics.load(words, OWN + index) > 1000;
    await until(() => victims.every(isDone), dump(event, words));
    reportHits(step, name, victims);
    for (const victim of victims) victim.kill();
    const [sets, waits] = [Atomics.load(words, SETS), Atomics.load(words, WAITS)];
    await until(() => Atomics.load(words, SETS) > sets + 100 && Atomics.load(words, WAITS) > waits + 100, dump(event, words));
    Atomics.store(words, STOP, 1);
    await Promise.all([...others, ...victims].map((each) => each.join()));
    expect(others.map((other) => other.exitCode)).toEqual([0, 0, 0]);
  });
});

describe('users of an Event are killed at random', () => {
  it('and the others are woken as ever', async () => {
    const [event, words, kills] = [new Event(), new RawArray('i', 16), killCount(10)];
    const roles = [['setOften'], ['waitOften', 'sync'], ['waitOften', 'async'], ['setOften']];
    const start = ([name = '', ...rest]: string[]): Promise<Process> => startVictim(PROGRAM, name, [event, words, ...rest]);
    const users = await Promise.all(roles.map(start));
    for (let kill = 0; kill < kills; kill++) {
      const index = Math.floor(Math.random() * users.length);
      const first = Atomics.load(words, WAITS) + Math.random() * 300;
      await until(() => Atomics.load(words, WAITS) > first, dump(event, words));
      (users[index] as Process).kill();
      const next = Atomics.load(words, WAITS) + 5;
      await until(() => Atomics.load(words, WAITS) > next, dump(event, words));
      await (users[index] as Process).join();
      users[index] = await start(roles[index] as string[]);
    }
    Atomics.store(words, STOP, 1);
    await Promise.all(users.map((user) => user.join()));
    console.log(`${kills} kills, ${words[SETS]} times set, ${words[WAITS]} waits`);
    expect(users.map((user) => user.exitCode)).toEqual([0, 0, 0, 0]);
  });
});

import { Condition, getAllStartMethods, Lock, Process, Queue, RLock, type StartMethod, Value } from 'forkful';
import { describe, expect, it } from 'vitest';
import { grid } from '../helpers/grid.js';
import { untilWaiting } from '../helpers/waiters.js';
import { withWatchdog } from '../helpers/watchdog.js';

const module = new URL('../fixtures/sync/condition.mjs', import.meta.url).href;
const start = (method: StartMethod, name: string, args: unknown[]): Promise<Process> =>
  new Process({ target: { module, name }, args, method }).start();
const FORMS = ['sync', 'async'] as const;

async function end(condition: Condition, ...agents: Process[]): Promise<void> {
  await withWatchdog(60_000, () => [condition, ...agents], Promise.all(agents.map((agent) => agent.join())));
  expect(agents.map((agent) => agent.exitCode)).toEqual(agents.map(() => 0));
}

describe.each([
  ['a Lock', () => new Lock()],
  ['an RLock', () => new RLock()],
  ['a lock of its own', (): undefined => undefined],
] as const)('a Condition over %s', (_, make) => {
  grid('arrives with its lock, nested in an argument', {}, async (method) => {
    const condition = new Condition(make());
    const lock = condition.getLock();
    const told = new Queue();
    const waiting = lock.withLock(() => condition.wait());
    await untilWaiting(condition, 1);
    const agent = await start(method, 'tellLock', [{ nested: [condition] }, lock, told]);
    expect(await told.get()).toEqual([true, lock.constructor.name]);
    expect(await withWatchdog(60_000, () => condition, waiting)).toBe(true);
    await end(condition, agent);
  });
});

grid('conditions that share a lock go through a queue and come back as the same', {}, async (method) => {
  const lock = new Lock();
  const conditions = [new Condition(lock), new Condition(lock)];
  const [requests, replies] = [new Queue(), new Queue()];
  const agent = await start(method, 'notifyAllOf', [requests, replies]);
  const waiting = conditions.map((condition) => lock.withLock(() => condition.wait()));
  for (const condition of conditions) await untilWaiting(condition, 1);
  await requests.put({ conditions, lock });
  const reply = (await replies.get()) as { conditions: Condition[]; lock: Lock; isTheSame: boolean[] };
  expect(reply.isTheSame).toEqual([true, true]);
  expect(reply.lock).toBe(lock);
  for (const index of [0, 1]) expect(reply.conditions[index]).toBe(conditions[index]);
  expect(await Promise.all(waiting)).toEqual([true, true]);
  await end(conditions[0] as Condition, agent);
});

describe.each(getAllStartMethods())('a Condition between agents started by %s', (method) => {
  it('notifies those that have waited longest, threads and promises alike', async () => {
    const condition = new Condition();
    const told = new Queue<string>();
    const agents: Process[] = [];
    const mine: Promise<void>[] = [];
    const names = ['a', 'b', 'c', 'd', 'e'];
    for (const [index, name] of names.entries()) {
      if (name === 'c')
        mine.push(
          condition.withLock(async () => {
            if (await condition.wait()) await told.put(name);
          }),
        );
      else agents.push(await start(method, 'waitOften', [condition, told, name, FORMS[index % 2]]));
      await untilWaiting(condition, index + 1);
    }
    for (const name of names) {
      await condition.withLock(() => condition.notify());
      expect(await withWatchdog(60_000, () => condition, told.get())).toBe(name);
    }
    expect(told.empty()).toBe(true);
    await Promise.all(mine);
    await end(condition, ...agents);
  });

  it.each(FORMS)('hands turns to and fro, %s', async (form) => {
    const [condition, value] = [new Condition(), new Value('i', 0)];
    const agents = await Promise.all([0, 1].map((parity) => start(method, 'countUp', [condition, value, parity, 400, form])));
    await end(condition, ...agents);
    expect(value.value).toBe(400);
  });

  it('gives back an RLock at the depth it had', async () => {
    const condition = new Condition();
    const told = new Queue<unknown>();
    const agent = await start(method, 'waitDeep', [condition, told, 4]);
    expect(await told.get()).toBe('waits');
    await untilWaiting(condition, 1);
    await condition.withLock(() => condition.notify());
    expect(await told.get()).toBe(4);
    await end(condition, agent);
  });
});

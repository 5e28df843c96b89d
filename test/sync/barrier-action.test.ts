/** A Barrier's action in whichever agent comes last. */
import { Barrier, Process, Queue, RawArray, type StartMethod } from 'forkful';
import { expect, it } from 'vitest';
import { currentAgent } from '../../src/arena/agent.js';
import { payloadWord } from '../../src/memory/block.js';
import { handleOf } from '../../src/serialize/passable.js';
import { OtherAgent } from '../fixtures/arena/other-agent.js';
import { count, countSlowly, fail, useWords } from '../fixtures/sync/barrier.mjs';
import { grid } from '../helpers/grid.js';
import { untilArrived } from '../helpers/waiters.js';
import { withWatchdog } from '../helpers/watchdog.js';

interface Told {
  readonly places: (number | string)[];
}

const module = new URL('../fixtures/sync/barrier.mjs', import.meta.url).href;
const start = (method: StartMethod, name: string, args: unknown[]): Promise<Process> =>
  new Process({ target: { module, name }, args, method }).start();
const ONLY_ELSEWHERE = { notFor: { fork: 'a copy has the function itself, exported or not' } };

async function end(barrier: Barrier, agent: Process): Promise<void> {
  await withWatchdog(60_000, () => [barrier, agent], agent.join());
  expect(agent.exitCode).toBe(0);
}

for (const [action, form] of [
  [count, 'sync'],
  [count, 'async'],
  [countSlowly, 'async'],
] as const)
  grid(`${action.name}, exported, runs in a child that comes last by ${form}`, {}, async (method) => {
    const [barrier, told, words] = [new Barrier(2, { action }), new Queue<Told>(), new RawArray('i', 1)];
    if (method === 'fork') useWords(words); // the copy runs this very function
    const first = barrier.wait();
    const agent = await start(method, 'meet', [barrier, told, 1, form, words]);
    expect(await withWatchdog(60_000, () => barrier, first)).toBe(0);
    expect(Atomics.load(words, 0)).toBe(1);
    expect((await told.get()).places).toEqual([1]);
    await end(barrier, agent);
  });

grid('an action runs here when this process comes last', {}, async (method) => {
  let runs = 0;
  // in a copy the function need not be exported; elsewhere it must be
  const action = method === 'fork' ? () => void runs++ : count;
  const [barrier, told] = [new Barrier(2, { action }), new Queue<Told>()];
  const agent = await start(method, 'meet', [barrier, told, 1, 'sync']);
  await untilArrived(barrier, 1);
  expect(await barrier.wait()).toBe(1);
  expect((await told.get()).places).toEqual([0]);
  expect(runs).toBe(method === 'fork' ? 1 : 0);
  await end(barrier, agent);
});

grid('an action that throws breaks the barrier, wherever it runs', {}, async (method) => {
  const [barrier, told] = [new Barrier(2, { action: fail }), new Queue<Told>()];
  const first = expect(barrier.wait()).rejects.toMatchObject({ code: 'ERR_FORKFUL_BROKEN_BARRIER' });
  const agent = await start(method, 'meet', [barrier, told, 1, 'sync']);
  await withWatchdog(60_000, () => barrier, first);
  expect((await told.get()).places).toEqual(['from the action']);
  await end(barrier, agent);
});

grid('an action that no module exports is refused at each start of a process', ONLY_ELSEWHERE, async (method) => {
  const barrier = new Barrier(2, { action: function unexported() {} });
  for (let attempt = 0; attempt < 2; attempt++)
    await expect(start(method, 'meet', [barrier, new Queue(), 1, 'sync'])).rejects.toMatchObject({
      code: 'ERR_FORKFUL_TARGET',
      message: expect.stringMatching(/^action function unexported .*(export|Export|Write)/),
    });
  expect([barrier.nWaiting, barrier.broken]).toEqual([0, false]);
});

grid(
  'an action that no module exports runs in a child that comes last',
  { notFor: { forkserver: 'only a copy has it', spawn: 'only a copy has it', thread: 'only a copy has it' } },
  async (method) => {
    const words = new RawArray('i', 1);
    const [barrier, told] = [new Barrier(2, { action: () => void Atomics.add(words, 0, 1) }), new Queue<Told>()];
    const first = barrier.wait();
    const agent = await start(method, 'meet', [barrier, told, 1, 'sync']);
    expect(await withWatchdog(60_000, () => barrier, first)).toBe(0);
    expect((await told.get()).places).toEqual([1]);
    expect(Atomics.load(words, 0)).toBe(1);
    await end(barrier, agent);
  },
);

for (const [name, make] of [
  ['exported', () => count],
  ['unexported', () => () => {}],
] as const)
  grid(`an action that is ${name}, of a barrier that came through a queue`, name === 'exported' ? {} : ONLY_ELSEWHERE, async (method) => {
    const [barrier, queue, told] = [new Barrier(2, { action: make() }), new Queue<unknown>(), new Queue<Told>()];
    const agent = await start(method, 'meetWhatComes', [queue, told, 1, 'async']);
    const first = barrier.wait();
    await untilArrived(barrier, 1);
    const outcome = first.catch((error: { code: string }) => error.code);
    await queue.put({ nested: [barrier] });
    const { places } = await withWatchdog(60_000, () => barrier, told.get());
    expect([places[0], await outcome]).toEqual(name === 'exported' ? [1, 0] : ['ERR_FORKFUL_ACTION', 'ERR_FORKFUL_BROKEN_BARRIER']);
    await end(barrier, agent);
  });

it('that cannot be sent is no matter of a process that does not get the barrier', async () => {
  const barrier = new Barrier(2, { action: () => {} });
  const queue = new Queue<Barrier>();
  queue.putSync(barrier);
  const target = { module, name: 'useWords' };
  const agent = await new Process({ target, args: [0] }).start();
  await end(barrier, agent);
  expect(queue.getSync()).toBe(barrier);
});

/** Of a barrier (src/sync/barrier.ts): the action's state, and who looks for its name. */
const ACTION = 6;
const NAMER = 7;
const BEING_NAMED = 2;

for (const [state, options, code] of [
  ['lives, is waited for until the time is over', { timeout: 50 }, 'ERR_FORKFUL_BROKEN_BARRIER'],
  ['has ended, is not waited for', {}, 'ERR_FORKFUL_ACTION'],
] as const)
  grid(`one that looks for the name of an action and ${state}`, ONLY_ELSEWHERE, async (method) => {
    const [barrier, queue, told, namer] = [
      new Barrier(2, { action: count }),
      new Queue<unknown>(),
      new Queue<Told>(),
      await OtherAgent.start(),
    ];
    const { words } = currentAgent().region;
    const at = payloadWord(barrier[handleOf]().offset);
    await withWatchdog(120_000, () => words[at + ACTION], named(words, at));
    [words[at + ACTION], words[at + NAMER]] = [BEING_NAMED, namer.id];
    if (code === 'ERR_FORKFUL_ACTION') await namer.end();
    const agent = await start(method, 'meetOnce', [queue, told, options]);
    const first = expect(barrier.wait()).rejects.toMatchObject({ code: 'ERR_FORKFUL_BROKEN_BARRIER' });
    await untilArrived(barrier, 1);
    await queue.put({ nested: [barrier] });
    expect((await told.get()).places).toEqual([code]);
    await first;
    await end(barrier, agent);
    if (code !== 'ERR_FORKFUL_ACTION') await namer.end();
  });

/** When the export that the action is has been found: asking for the handle begins that. */
async function named(words: Int32Array, at: number): Promise<void> {
  while (words[at + ACTION] === BEING_NAMED) await new Promise((resolve) => setImmediate(resolve));
}

import { Barrier, getAllStartMethods, Process, Queue, type StartMethod } from 'forkful';
import { describe, expect, it } from 'vitest';
import { grid } from '../helpers/grid.js';
import { untilArrived } from '../helpers/waiters.js';
import { withWatchdog } from '../helpers/watchdog.js';

interface Told {
  readonly places: (number | string)[];
}

const module = new URL('../fixtures/sync/barrier.mjs', import.meta.url).href;
const start = (method: StartMethod, name: string, args: unknown[]): Promise<Process> =>
  new Process({ target: { module, name }, args, method }).start();
const FORMS = ['sync', 'async'] as const;

async function end(barrier: Barrier, ...agents: Process[]): Promise<void> {
  await withWatchdog(60_000, () => [barrier, ...agents], Promise.all(agents.map((agent) => agent.join())));
  expect(agents.map((agent) => agent.exitCode)).toEqual(agents.map(() => 0));
}

describe.each(getAllStartMethods())('a Barrier between agents started by %s', (method) => {
  it('has a place for each in every round, threads and promises alike', async () => {
    const [barrier, told, rounds] = [new Barrier(3), new Queue<Told>(), 200];
    const agents = await Promise.all(FORMS.map((form) => start(method, 'meet', [barrier, told, rounds, form])));
    const mine: number[] = [];
    for (let i = 0; i < rounds; i++) mine.push(await withWatchdog(60_000, () => barrier, barrier.wait()));
    await end(barrier, ...agents);
    const all = [mine, (await told.get()).places, (await told.get()).places];
    for (let i = 0; i < rounds; i++) expect(all.map((places) => places[i]).toSorted()).toEqual([0, 1, 2]);
    expect([barrier.nWaiting, barrier.broken]).toEqual([0, false]);
  });

  it.each(['abort', 'reset'] as const)('sends those who wait elsewhere away by %s', async (how) => {
    const [barrier, told] = [new Barrier(3), new Queue<Told>()];
    const agents = await Promise.all(FORMS.map((form) => start(method, 'meet', [barrier, told, 1, form])));
    await untilArrived(barrier, 2);
    barrier[how]();
    for (const _ of agents) expect((await told.get()).places).toEqual(['ERR_FORKFUL_BROKEN_BARRIER']);
    await end(barrier, ...agents);
    expect([barrier.nWaiting, barrier.broken]).toEqual([0, how === 'abort']);
  });

  it('is reset and aborted from elsewhere', async () => {
    const [barrier, told] = [new Barrier(2), new Queue()];
    const waiting = expect(barrier.wait()).rejects.toMatchObject({ code: 'ERR_FORKFUL_BROKEN_BARRIER' });
    const agents = [await start(method, 'call', [barrier, 'abort', told])];
    expect(await told.get()).toEqual([2, 0, true]);
    await waiting;
    agents.push(await start(method, 'call', [barrier, 'reset', told]));
    expect(await told.get()).toEqual([2, 0, false]);
    const again = barrier.wait();
    expect(barrier.waitSync()).toBe(1);
    expect(await again).toBe(0);
    await end(barrier, ...agents);
  });

  it('of two parties serves more agents than that', async () => {
    const [barrier, told] = [new Barrier(2), new Queue<Told>()];
    const agents = await Promise.all([0, 1, 2].map((index) => start(method, 'meet', [barrier, told, 1e9, FORMS[index % 2]])));
    for (let i = 0; i < 50; i++) expect([0, 1]).toContain(await withWatchdog(60_000, () => barrier, barrier.wait()));
    barrier.abort();
    for (const _ of agents) {
      const { places } = await told.get();
      expect(places.pop()).toBe('ERR_FORKFUL_BROKEN_BARRIER');
      expect(places.every((place) => place === 0 || place === 1)).toBe(true);
    }
    await end(barrier, ...agents);
  });
});

grid('a barrier goes through a queue and comes back as the same', {}, async (method) => {
  const [barrier, queue, told] = [new Barrier(2), new Queue<{ nested: Barrier[] }>(), new Queue<Told>()];
  const agent = await start(method, 'meetWhatComes', [queue, told, 1, 'sync']);
  await queue.put({ nested: [barrier] });
  const place = await withWatchdog(60_000, () => barrier, barrier.wait());
  expect((await told.get()).places).toEqual([1 - place]);
  expect((await queue.get()).nested[0]).toBe(barrier);
  await end(barrier, agent);
});

/**
 * Barriers as CPython's tests have them: `_TestBarrier`, and `test_barrier` of `TestSyncManagerTypes`, of test/_test_multiprocessing.py, under every start
 * method; of the five parties four are processes and one is this one. What is compared is listed in docs/conformance.md.
 */
import { Barrier, Process, Queue, RawArray, type StartMethod } from 'forkful';
import { expect } from 'vitest';
import { action, useCounter } from '../fixtures/conformance/meetings.mjs';
import * as own from '../fixtures/conformance/meetings.mjs';
import { grid } from '../helpers/grid.js';
import { untilArrived } from '../helpers/waiters.js';
import { withWatchdog } from '../helpers/watchdog.js';

const module = new URL('../fixtures/conformance/meetings.mjs', import.meta.url);
const WAIT_MS = 60_000;
const PARTIES = 5;
const BROKEN = 'ERR_FORKFUL_BROKEN_BARRIER';

const start = (method: StartMethod, name: string, args: unknown[]): Promise<Process> =>
  new Process({ target: { module, name }, args, method }).start();

type Body = (...args: unknown[]) => Promise<void>;

/** Runs it in four processes, some by promises, and here. What each of them has put into the queue, `times` each. */
async function five<T>(method: StartMethod, name: string, outcomes: Queue<T>, args: (form: string) => unknown[], times = 1): Promise<T[]> {
  const processes = await Promise.all([0, 1, 2, 3].map((index) => start(method, name, args(index % 2 === 0 ? 'sync' : 'async'))));
  const mine = (own as unknown as Record<string, Body>)[name] as Body;
  const all = Promise.all([mine(...args('async')), ...processes.map((p) => p.join())]);
  await withWatchdog(WAIT_MS, () => [args('async'), processes], all);
  expect(processes.map((p) => p.exitCode)).toEqual([0, 0, 0, 0]);
  return Array.from({ length: PARTIES * times }, () => outcomes.getSync({ timeout: WAIT_MS }));
}

for (const [what, rounds] of [
  ['in one round of two steps', 1],
  ['in ten rounds of two steps', 10],
] as const)
  grid(`nobody passes before all have come, ${what}`, {}, async (method) => {
    const [barrier, words, outcomes] = [new Barrier(PARTIES), new RawArray('i', 2 * rounds + 1), new Queue<boolean>()];
    const all = await five(method, 'lockstep', outcomes, (form) => [barrier, words, rounds, form, outcomes]);
    expect(all).toEqual(Array(PARTIES).fill(true));
    expect([barrier.nWaiting, barrier.broken]).toEqual([0, false]);
  });

grid('exactly one of those who meet is told 0', {}, async (method) => {
  const [barrier, outcomes] = [new Barrier(PARTIES), new Queue<number>()];
  const all = await five(method, 'tellPlace', outcomes, (form) => [barrier, form, outcomes]);
  expect(all.toSorted()).toEqual([0, 1, 2, 3, 4]);
});

grid('the action has run once when anybody goes on', {}, async (method) => {
  const [barrier, counter, outcomes] = [new Barrier(PARTIES, { action }), new RawArray('i', 1), new Queue<number>()];
  useCounter(counter);
  const all = await five(method, 'tellAction', outcomes, (form) => [barrier, form, counter, outcomes]);
  expect(all).toEqual(Array(PARTIES).fill(1));
  expect([barrier.nWaiting, barrier.broken]).toEqual([0, false]);
});

grid('when one aborts the others are told, nobody passes, and it stays broken', {}, async (method) => {
  const [barrier, outcomes] = [new Barrier(PARTIES), new Queue<string>()];
  const all = await five(method, 'abortOrMeet', outcomes, (form) => [barrier, form, outcomes]);
  expect(all.toSorted()).toEqual([BROKEN, BROKEN, BROKEN, BROKEN, 'aborts'].toSorted());
  expect([barrier.nWaiting, barrier.broken]).toEqual([0, true]);
});

grid('a reset while four wait sends them away, and then all five pass', {}, async (method) => {
  const [barrier, outcomes] = [new Barrier(PARTIES), new Queue<string | number>()];
  const processes = await Promise.all(
    [0, 1, 2, 3].map((index) => start(method, 'tellPlace', [barrier, index % 2 === 0 ? 'sync' : 'async', outcomes])),
  );
  await untilArrived(barrier, 4);
  barrier.reset();
  await withWatchdog(WAIT_MS, () => [barrier, processes], Promise.all(processes.map((p) => p.join())));
  expect(processes.map(() => outcomes.getSync())).toEqual(Array(4).fill(BROKEN));
  expect((await five(method, 'tellPlace', outcomes, (form) => [barrier, form, outcomes])).toSorted()).toEqual([0, 1, 2, 3, 4]);
});

grid('a broken barrier works again after a reset while all are at another one', {}, async (method) => {
  const [barrier, other, outcomes] = [new Barrier(PARTIES), new Barrier(PARTIES), new Queue<string | number>()];
  const all = await five(method, 'abortResetMeet', outcomes, (form) => [barrier, other, form, outcomes], 2);
  expect(all.filter((outcome) => outcome === BROKEN)).toHaveLength(5);
  expect(all.filter((outcome) => outcome !== BROKEN).toSorted()).toEqual([0, 1, 2, 3, 4]);
  expect([barrier.broken, other.broken]).toEqual([false, false]);
});

grid('when one is late all five are told', {}, async (method) => {
  const [barrier, outcomes, go] = [new Barrier(PARTIES), new Queue<string>(), new Queue<number>()];
  const all = five(method, 'beLate', outcomes, (form) => [barrier, form, outcomes, go]);
  await withWatchdog(WAIT_MS, () => barrier, untilBroken(barrier));
  await go.put(0);
  expect(await all).toEqual(Array(PARTIES).fill(BROKEN));
});

grid('a barrier is disposed of twice', {}, () => {
  const barrier = new Barrier(PARTIES);
  barrier[Symbol.dispose]();
  barrier[Symbol.dispose]();
});

grid('a child reads the parties of a barrier, and resets it', {}, async (method) => {
  const [barrier, outcomes] = [new Barrier(PARTIES), new Queue<number>()];
  barrier.abort();
  const p = await start(method, 'tellPartiesAndReset', [barrier, outcomes]);
  await withWatchdog(WAIT_MS, () => p, p.join());
  expect([p.exitCode, outcomes.getSync(), barrier.broken]).toEqual([0, PARTIES, false]);
});

async function untilBroken(barrier: Barrier): Promise<void> {
  while (!barrier.broken) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** The programs that show locks and their like, and what they guard. The numbers in brackets are those of examples/README.md. */
import { getAllStartMethods } from 'forkful';
import { expect, test } from 'vitest';
import { runExample, skipIf } from '../helpers/examples.js';

const NO_FORK_METHOD = (getAllStartMethods() as string[]).includes('fork') ? undefined : "start method 'fork' is not there";

test('lock: each copy has a balance of its own, and it is 0 (000-6)', skipIf(NO_FORK_METHOD), async () => {
  const round = ['in the child: 0', 'in the child: 0', '0'];
  expect(await runExample('seeds/lock.mjs')).toEqual([...round, ...round, ...round]);
});

test('lock-shared: a balance that both change is 0 with the lock (000-6)', async () => {
  expect(await runExample('seeds/lock-shared.mjs')).toEqual(['0']);
  expect(await runExample('seeds/lock-shared.mjs', { args: ['--no-lock'] })).toEqual([expect.stringMatching(/^-?\d+$/)]);
});

test('rlock: no deadlock, and nobody comes between the lines of one who has the lock (000-7)', skipIf(NO_FORK_METHOD), async () => {
  const lines = await runExample('seeds/rlock.mjs');
  expect(lines).toHaveLength(40);
  const pairs = lines.flatMap((line, i) => (i % 2 === 0 ? [`${line} ${lines[i + 1]}`] : []));
  const both = (name: string) => [`${name} get mutexA... ${name} get mutexB...`, `${name} get mutexB... ${name} get mutexA...`];
  expect(pairs.toSorted()).toEqual(
    Array.from({ length: 10 }, (_, i) => both(`MyThread-${i + 1}`))
      .flat()
      .toSorted(),
  );
});

test('semaphore: never more than five inside (000-14)', async () => {
  const lines = await runExample('seeds/semaphore.mjs');
  expect(lines.at(-1)).toBe('0 inside, 5 may come in');
  const entries = lines.slice(0, -1).map((line) => /^(\d+) get semaphores, ([1-5]) inside$/.exec(line)?.[1]);
  expect(entries.map(Number).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

const attempts = (conn: string, count: number) => Array.from({ length: count }, (_, i) => `${conn} attempt ${i + 1} to connect`);
const conns = Array.from({ length: 10 }, (_, i) => `conn${i}`);
const linesOf = (conn: string, lines: readonly string[]) => lines.filter((line) => line.startsWith(`${conn} `));

test('event: those that are still trying when it is set connect (000-15)', async () => {
  const lines = await runExample('seeds/event.mjs', { stderr: /^$|Error: Connection timeout\.\.\./ });
  for (const conn of conns) {
    const own = linesOf(conn, lines);
    const connected = own.includes(`${conn} connect successfully`);
    // how often it tried depends on when it was started
    const tries = connected ? own.length - 2 : 3;
    const end = connected ? [`${conn} connect successfully`, `${conn} exit code 0`] : [`${conn} exit code 1`];
    expect(own).toEqual([...attempts(conn, tries), ...end]);
    expect(tries).toBeLessThanOrEqual(3);
  }
});

test('event --no-checker: nobody sets it, and all give up after three attempts (000-15)', async () => {
  const lines = await runExample('seeds/event.mjs', { args: ['--no-checker'], stderr: /(Error: Connection timeout\.\.\.\n.*?){10}/s });
  for (const conn of conns) expect(linesOf(conn, lines)).toEqual([...attempts(conn, 3), `${conn} exit code 1`]);
});

test('primitives: what each is for (003-11)', async () => {
  expect(await runExample('seeds/primitives.mjs')).toEqual([
    'Lock: 2000 additions',
    'Event: seen by 2',
    'Condition: turn 2',
    'Semaphore: never more than 2 inside: true',
    'RLock: taken again 5 times',
    'Barrier: 6 arrivals, 0 too early',
  ]);
});

test('barrier: neither of the two is let go before both have come (003-12)', async () => {
  const lines = await runExample('seeds/barrier.mjs');
  expect(lines).toHaveLength(4);
  for (const name of ['p3', 'p4']) expect(lines).toContainEqual(expect.stringMatching(`^process ${name} - testWithoutBarrier ----> \\d+$`));
  const times = lines.map((line) => /^process p[12] - testWithBarrier ----> came at (\d+), let go at (\d+)$/.exec(line)).filter(Boolean);
  expect(times).toHaveLength(2);
  const [came, letGo] = [1, 2].map((group) => times.map((match) => Number(match?.[group])));
  expect(Math.min(...(letGo as number[]))).toBeGreaterThanOrEqual(Math.max(...(came as number[])));
});

test('value-array: one element from each of two children (001-29)', async () => {
  const lines = await runExample('seeds/value-array.mjs');
  expect(lines[0]).toBe('Value SharedArray true');
  const children = lines.slice(1, 5);
  expect(children.filter((line) => line.endsWith(' 3.14')).toSorted()).toEqual(['child 1 3.14', 'child 2 3.14']);
  // the other one may have written already, or not yet
  expect(children).toContainEqual(expect.stringMatching(/^child 1 10,(1|10),2,3,4,5,6,7,8,9$/));
  expect(children).toContainEqual(expect.stringMatching(/^child 2 (0|10),10,2,3,4,5,6,7,8,9$/));
  expect(lines.slice(5)).toEqual(['parent 3.14', 'parent 10,10,2,3,4,5,6,7,8,9', 'No Except']);
});

test('type-codes: all of them (001-30)', async () => {
  const lines = await runExample('seeds/type-codes.mjs');
  expect(lines.map((line) => line.split(' ')[0])).toEqual([...'cubBhHiIlLqQfd']);
  expect(lines.filter((line) => !line.endsWith(' bits true'))).toEqual([]);
});

test('increment: without a lock some may be lost (001-31)', async () => {
  const [, counted, made] = /^(\d+) of (\d+)$/.exec((await runExample('seeds/increment.mjs')).join()) ?? [];
  expect(Number(made)).toBe(100_000);
  expect(Number(counted)).toBeLessThanOrEqual(100_000);
});

test.each(['acquire', 'getLock', 'withLock', 'add'])('increment %s: none is lost (001-32)', async (form) => {
  expect(await runExample('seeds/increment.mjs', { args: [form] })).toEqual(['100000 of 100000']);
});

test('condition: a producer and two consumers', async () => {
  expect(await runExample('sync/condition.mjs')).toEqual(['20 put, 20 taken, their sum 210']);
});

test('bounded-semaphore: the permits of a killed process are free again', async () => {
  const rows = (name: string, after: boolean) => [`${name} while it is held: false`, `${name} after its holder was killed: ${after}`];
  expect(await runExample('sync/bounded-semaphore.mjs')).toEqual([
    ...rows('BoundedSemaphore', true),
    ...rows('Semaphore', true),
    ...rows('Semaphore', false),
    'ERR_FORKFUL_RELEASED_TOO_OFTEN',
  ]);
});

test('rlock-tasks: one async task at a time', async () => {
  const turns = ['Ada', 'Bob', 'Cid'].flatMap((name) => [`${name} comes in`, `${name} goes`]);
  expect(await runExample('sync/rlock-tasks.mjs')).toEqual([...turns, '<RLock owner=nobody>']);
});

test('event: set and cleared at once lets all go who wait', async () => {
  expect(await runExample('sync/event.mjs')).toEqual([
    'started: true',
    'started: true',
    'started: true',
    'a late one: false <Event unset>',
  ]);
});

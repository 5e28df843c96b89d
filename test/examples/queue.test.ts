/** The programs that show queues. The numbers in brackets are those of examples/README.md. */
import { backend } from 'forkful';
import { expect, test } from 'vitest';
import { itNative } from '../helpers/backends.js';
import { runExample } from '../helpers/examples.js';

const of = (lines: readonly string[], pattern: RegExp): number[] =>
  lines.flatMap((line) => {
    const match = pattern.exec(line);
    return match === null ? [] : [Number(match[1])];
  });

test('producer-consumer: four buns in order, and an end (000-8)', async () => {
  const lines = await runExample('seeds/producer-consumer.mjs');
  expect(of(lines, /^Producer Lyon has produced (\d) bun\.\.\.$/)).toEqual([1, 2, 3, 4]);
  expect(of(lines, /Consumer Kenneth has eaten (\d) bun\.\.\./)).toEqual([1, 2, 3, 4]);
  expect(lines.at(-1)).toBe('End of main process...');
});

test('queue-methods: each is there (000-9)', async () => {
  expect(await runExample('seeds/queue-methods.mjs')).toEqual([
    'qsize 2, empty false, full true',
    'putNowait: Full',
    'get: put',
    'getSync: putSync',
    'getNowait: Empty',
    'tryPut: true, tryGet: tried',
    'qsize 0, empty true, full false',
  ]);
});

test('queue-of-three: full, three items, empty (000-10)', async () => {
  expect(await runExample('seeds/queue-of-three.mjs')).toEqual(['true', 'First', 'Second', 'Third', 'true']);
});

test('queue-intro: the child does not get its own item back (001-18)', async () => {
  expect(await runExample('seeds/queue-intro.mjs')).toEqual(['[child] Dad, I am off', '[parent] Go, Pikachu!']);
});

test('queue-full: twice full, then three items out (001-19)', async () => {
  expect(await runExample('seeds/queue-full.mjs')).toEqual([
    'full: room for 3, 3 inside',
    'full: room for 3, 3 inside',
    'room for 3, 3 inside: [ 1, 2, 3, 4 ]',
    'room for 3, 2 inside: { a: 1, b: 2 }',
    'room for 3, 1 inside: Set(4) { 1, 2, 3, 4 }',
    'room for 3, 0 inside',
  ]);
});

test('queue-two-processes: question and answer by one queue (001-20)', async () => {
  const lines = await runExample('seeds/queue-two-processes.mjs');
  expect(lines.slice(0, 2).toSorted()).toEqual(
    [1, 2].map((i) => expect.stringMatching(`^\\[process ${i}\\] PPID=\\d+,PID=\\d+,GID=\\d+$`)),
  );
  expect(lines.slice(2)).toEqual(['[process 1] Ming, skewers tonight?', '[process 2] No, I have a date today']);
});

test('queue-writers-readers: six puts, nothing twice, and the queue outlives its readers (002-2)', async () => {
  const lines = await runExample('seeds/queue-writers-readers.mjs');
  expect(of(lines, /:Put (\d) to queue\.\.\.$/).toSorted()).toEqual([1, 2, 3, 4, 5, 6]);
  const got = [...of(lines, /:Get (\d) from queue\.$/), ...of(lines, /^Left: (\d)$/)];
  expect(got.length).toBe(new Set(got).size);
  expect(got.length).toBeGreaterThanOrEqual(4); // each of the two readers may have had one in its hands
  expect(lines.filter((line) => line.startsWith('a reader: exit code '))).toHaveLength(2);
  if (backend === 'native') expect(of(lines, /^a reader: exit code (-\d+)$/)).toEqual([-15, -15]);
  expect(lines.at(-1)).toBe('Left: still works');
});

test('queue-subclasses: ten items in order, and names that come from the classes (003-8)', async () => {
  const lines = await runExample('seeds/queue-subclasses.mjs');
  const put = of(lines, /^Process Producer : item (\d+) appended to queue producer-1$/);
  expect(put).toHaveLength(10);
  expect(of(lines, /^Process Consumer : item (\d+) popped by consumer-2$/)).toEqual(put);
  expect(of(lines, /^The size of queue is (\d+)$/)).toHaveLength(10);
  expect(lines.at(-1)).toBe('the queue is empty');
});

test('queue-joinable: all is done when it is joined (003-9)', async () => {
  expect(await runExample('seeds/queue-joinable.mjs')).toEqual(['all done: true, the sum is 5050']);
});

test('queue-writers-reader: what is got from each writer is what it put first (004-4)', async () => {
  const lines = await runExample('seeds/queue-writers-reader.mjs');
  expect(of(lines, /^Put url_(\d) to queue\.\.\.$/).toSorted()).toEqual([1, 2, 3, 4, 5, 6]);
  const got = of(lines, /^Get url_(\d) from queue\.$/);
  for (const own of [
    [1, 2, 3],
    [4, 5, 6],
  ]) {
    const ofOne = got.filter((url) => own.includes(url));
    expect(ofOne).toEqual(own.slice(0, ofOne.length));
  }
});

test('queue-waiting: for ever, for a while, and not at all (004-6)', async () => {
  expect(await runExample('seeds/queue-waiting.mjs')).toEqual([
    'empty, for a while: ERR_FORKFUL_EMPTY',
    'empty, blocking for a while: ERR_FORKFUL_EMPTY',
    'empty, not at all: ERR_FORKFUL_EMPTY',
    'empty, until there is something: something',
    'full, for a while: ERR_FORKFUL_FULL',
    'full, blocking for a while: ERR_FORKFUL_FULL',
    'full, not at all: ERR_FORKFUL_FULL',
    'full, until there is room: full put more',
    'given up by a signal: TimeoutError',
  ]);
});

itNative('joinable: a tree of tasks is joined although a worker is killed', async () => {
  expect(await runExample('queue/joinable.mjs')).toEqual(['joined: true', '510 pages visited, 1 lost', 'killed: 1']);
});

/** The programs that show pipes. The numbers in brackets are those of examples/README.md. */
import { expect, test } from 'vitest';
import { runExample } from '../helpers/examples.js';

const digits = [...Array(10).keys()];

test('pipe-methods: all that an end can do (000-11)', async () => {
  expect(await runExample('seeds/pipe-methods.mjs')).toEqual([
    'true',
    "{ from: 'left' }",
    "{ from: 'right' }",
    'true',
    'false false',
    'true world',
    '3 ..abc.....',
    'true EOFError',
  ]);
});

test('pipe: ten buns in order, and the end of the pipe ends the consumer (000-12)', async () => {
  expect(await runExample('seeds/pipe.mjs')).toEqual([...digits.map((i) => `c1 got ${i} buns...`), 'End of main process...']);
});

test('pipe-dialogue: first the child, then the parent (001-14)', async () => {
  expect(await runExample('seeds/pipe-dialogue.mjs')).toEqual([expect.stringMatching(/^\[child\]/), expect.stringMatching(/^\[parent\]/)]);
});

test('pipe-one-way: one line (001-15)', async () => {
  expect(await runExample('seeds/pipe-one-way.mjs')).toEqual([expect.stringMatching(/^\[child\]/)]);
});

test('pipe-two-jobs: the question, then the answer (001-16)', async () => {
  expect(await runExample('seeds/pipe-two-jobs.mjs')).toEqual([expect.stringMatching(/^\[Ming\]/), expect.stringMatching(/^\[Zhang\]/)]);
});

test('pipe-stages: squares in order, and the end (003-10)', async () => {
  expect(await runExample('seeds/pipe-stages.mjs')).toEqual([...digits.map((i) => `${i * i}`), 'End']);
});

test('pipe-urls: sent and received in order, each by one process (004-5)', async () => {
  const lines = await runExample('seeds/pipe-urls.mjs');
  const urls = digits.map((i) => `url_${i}`);
  for (const what of ['send', 'rev']) {
    const own = lines.filter((line) => line.includes(`) ${what}: `));
    expect(own.map((line) => line.split(': ')[1])).toEqual(urls);
    expect(new Set(own.map((line) => line.split(' ')[0])).size).toBe(1);
  }
  expect(lines).toHaveLength(20);
});

test('pipe-or-queue: what is said when there is nothing, no room, or nobody (004-6)', async () => {
  expect(await runExample('seeds/pipe-or-queue.mjs')).toEqual([
    'put with a timeout: Full',
    'put without waiting: Full',
    'get: item',
    'get with a timeout: Empty',
    'get without waiting: Empty',
    'both ways: there and back',
    'send by the end that receives: StateError',
    'recv with a timeout: TimeoutError',
    'recv: last',
    'recv at the end: EOFError',
  ]);
});

test('wait: every result, every complaint and every end is heard of once', async () => {
  const results = [0, 1, 2, 4, 5, 6, 8].map((n) => `${n} squared is ${n * n}`);
  const ends = ['Process-1 has ended with 0', 'Process-2 has ended with 0', 'Process-3 has ended with 7'];
  expect(await runExample('connection/wait.mjs')).toEqual(
    [...results, '3 cannot be worked on', '7 cannot be worked on', ...ends].toSorted(),
  );
});

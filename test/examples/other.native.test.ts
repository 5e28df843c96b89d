/** The programs without forkful: Python's subprocess with node:child_process, generators. They depend on no backend. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { expect, test } from 'vitest';
import { runExample } from '../helpers/examples.js';

test('subprocess-run: the command prints by itself (001-9)', async () => {
  const lines = await runExample('seeds/subprocess-run.mjs');
  expect(lines.at(-1)).toBe("{ args: [ 'ls', '-al' ], status: 0 }");
  const names = lines.slice(0, -1).map((line) => line.split(' ').at(-1));
  expect(names).toEqual(expect.arrayContaining(['.', '..', ...(await readdir('.'))]));
});

test('subprocess-mapping: each name of Python has its counterpart (001-10)', async () => {
  expect(await runExample('seeds/subprocess-mapping.mjs')).toEqual([
    "run, capture_output: { stdout: 'out\\n', stderr: 'err\\n', status: 3 }",
    'input: hello',
    'timeout: ETIMEDOUT',
    'check: 1',
    'check_returncode: the command ended with exit code 1',
    'DEVNULL: null',
    'STDOUT: true',
    'call: 1',
    'check_call: 1',
    'check_output: out',
    'getoutput: 42',
    "getstatusoutput: [ 3, 'out' ]",
    'Popen: hello 0',
  ]);
});

test('subprocess-no-capture: the result has no stdout (001-11)', async () => {
  expect(await runExample('seeds/subprocess-no-capture.mjs')).toEqual(['pong', 'null']);
  expect(await runExample('seeds/subprocess-no-capture.mjs', { args: ['echo', 'another', 'command'] })).toEqual([
    'another command',
    'null',
  ]);
});

test('subprocess-communicate: out has hello; who takes too long is not ended by that (001-12)', async () => {
  const text = (await runExample('seeds/subprocess-communicate.mjs')).join('\n');
  const [inTime, tooLate, ...more] = text.split('The time is over. Still running: true\n');
  expect(inTime).toMatch(/^Out:.*> hello\n.*\nErr:\n$/s);
  expect(tooLate).toMatch(/^Out:.*\nErr:$/s);
  expect(more).toEqual([]);
});

test('subprocess-pipeline: every line has the word (001-13)', async ({ skip }) => {
  skip(!isInPath('ps'), 'no ps here');
  // its own command line has that word
  const lines = await runExample('seeds/subprocess-pipeline.mjs', { args: ['subprocess-pipeline'] });
  expect(lines.length).toBeGreaterThan(0);
  expect(lines.filter((line) => !line.includes('subprocess-pipeline'))).toEqual([]);
  const bashes = (await runExample('seeds/subprocess-pipeline.mjs')).filter((line) => line !== '');
  expect(bashes.filter((line) => !line.includes('bash'))).toEqual([]);
});

test('subprocess-popen: null while it runs, 0 when it is done; what was typed in is no program (002-4)', async () => {
  expect(await runExample('seeds/subprocess-popen.mjs')).toEqual([
    'pid is a number: true exit code: null',
    'exit code: 0',
    'exit code: null signal: SIGTERM',
    'hello Ada',
    'I run on your machine',
    'hello Ada; echo I run on your machine',
  ]);
});

test('generators: producer and consumer take turns (002-10)', async () => {
  const turn = (n: number) => [`[PRODUCER] Producing ${n}...`, `[CONSUMER] Consuming ${n}...`, '[PRODUCER] Consumer return: 200 OK'];
  expect(await runExample('seeds/generators.mjs')).toEqual([1, 2, 3, 4, 5].flatMap(turn));
});

function isInPath(command: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, command)));
}

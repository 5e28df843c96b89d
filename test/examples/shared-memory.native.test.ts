/** The programs that share memory: with one in Python, and structures among processes. */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { runExample, skipIf } from '../helpers/examples.js';
import { segmentNames } from '../helpers/segments.js';

/** The lists of 3.8 are others. */
const hasPython = spawnSync('python3', ['-c', 'import _posixshmem, sys; sys.exit(sys.version_info < (3, 9))']).status === 0;

test(
  'shared-memory: Node and Python change one list and one block of numbers',
  skipIf(hasPython ? undefined : 'no python3 since 3.9 here'),
  async () => {
    const before = segmentNames();
    expect(await runExample('shared-memory/main.mjs')).toEqual([
      'Node: Grüße and 1000 numbers',
      'Python: Grüße 1 2.5 True None',
      'Node: Python ended with exit code 0',
      'Node: Hello 42 2.5 true false',
      'Node: 2 1998',
    ]);
    expect(segmentNames()).toEqual(before);
  },
);

test('struct: what each process has moved', async () => {
  expect(await runExample('struct.mjs')).toEqual([
    'a particle takes 48 bytes, its name is at byte 32',
    'a 100 0 100',
    'b 100 100 100',
    'c 100 200 100',
    'd 100 300 100',
    '400',
  ]);
});

/** The program that shares semaphores with one in Python. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { runExample, skipIf } from '../helpers/examples.js';

const hasPython = spawnSync('python3', ['-c', 'import ctypes']).status === 0;

test('named-semaphore: Node and Python take turns', skipIf(hasPython ? undefined : 'no python3 with ctypes here'), async () => {
  expect(await runExample('named-semaphore/main.mjs')).toEqual([
    ...[1, 2, 3].flatMap((turn) => [`Node: ${turn}`, `Python: ${turn}`]),
    'Python ended with exit code 0',
  ]);
  expect(readdirSync('/dev/shm').filter((file) => file.startsWith('sem.forkful-example-'))).toEqual([]);
});

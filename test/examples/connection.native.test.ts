/** The program that talks to clients in Node and in Python. */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { runExample, skipIf } from '../helpers/examples.js';

const hasPython = spawnSync('python3', ['-c', 'import hmac']).status === 0;

test(
  'connection: a server, a client in Node, one without the key, and one in Python',
  skipIf(hasPython ? undefined : 'no python3 here'),
  async () => {
    expect(await runExample('connection/main.mjs')).toEqual([
      'Node: how many? 2',
      'AuthenticationError, AuthenticationError',
      'Python: the sum is 6',
      'Python ended with exit code 0',
    ]);
  },
);

/** SIGUSR1 in a forked child, which lacks the thread by which Node listens for it. */
import { describe, expect, test } from 'vitest';
import { describeForks, FORK_METHODS, PROGRAM_MS, resultOf } from '../helpers/fork-cases.js';

describe.each(FORK_METHODS)('SIGUSR1 in a child of %s', (method) => {
  describeForks('that', () => {
    test.each([
      ['waits', 'a port'],
      ['listens itself', 'heard by the program'],
      ['listens later', 'heard by the program'],
      ['is a copy of a child', 'a port'],
    ])(
      '%s: %s',
      async (what, answer) => {
        expect(await resultOf('fork/usr1.mjs', [method, what])).toMatchObject({ answer });
      },
      PROGRAM_MS,
    );
  });
});

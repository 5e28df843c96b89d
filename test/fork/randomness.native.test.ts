/** Siblings are copies of one process, and draw different numbers all the same. */
import { beforeAll, describe, expect, test } from 'vitest';
import { describeForks, FORK_METHODS, PROGRAM_MS, resultOf } from '../helpers/fork-cases.js';
import { runChild } from '../helpers/watchdog.js';

const SOURCES = [
  'Math.random',
  'Math.random, taken before the fork',
  'Math.random of Workers',
  'crypto.randomUUID',
  'crypto.randomUUID, imported before the fork',
  'crypto.randomUUID of Workers',
  'crypto.randomInt',
  'crypto.randomInt, imported before the fork',
  'crypto.randomBytes',
  'crypto.getRandomValues',
  'globalThis.crypto.getRandomValues',
  'key generation',
  'a temporary folder',
];
const PRIMED = ['not drawn from before', 'primed'];

describe.each(FORK_METHODS.flatMap((method) => PRIMED.map((primed) => [method, primed] as const)))('%s, %s', (method, primed) => {
  describeForks('six children draw', () => {
    let drawn: Record<string, unknown[]> = {};
    beforeAll(async () => {
      drawn = await resultOf('fork/randomness.mjs', [method, primed]);
    }, PROGRAM_MS);
    // in a process that forks itself V8's generator is seeded: only what goes through `Math` can be told apart
    const sources = SOURCES.filter((source) => method === 'forkserver' || !source.startsWith('Math.random, taken'));
    test.each(sources)('twelve values by %s', (source) => {
      const values = drawn[source] ?? [];
      expect(values.length).toBeGreaterThanOrEqual(12);
      expect(new Set(values).size).toBe(values.length);
    });
  });
});

describeForks('a child of the fork server that has drawn and forks itself', () => {
  test(
    'has copies that draw something else, each',
    async () => {
      const { stdout, exitCode } = await runChild('fork/random-copies.mjs', { timeoutMs: PROGRAM_MS });
      expect(exitCode).toBe(0);
      const values = (JSON.parse(stdout) as unknown[][]).flat();
      expect(values).toHaveLength(12);
      expect(new Set(values).size).toBe(12);
    },
    PROGRAM_MS,
  );
});

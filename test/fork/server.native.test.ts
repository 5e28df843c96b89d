/** The life of the fork server: whom it outlives, who outlives it, and what children have of it. */
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { describeForks, PROGRAM_MS, resultOf } from '../helpers/fork-cases.js';
import { runChild } from '../helpers/watchdog.js';

describeForks('a fork server', () => {
  test(
    'that is killed leaves its children alone; the next child has a new one',
    async () => {
      const { code, ...rest } = await resultOf<{ code: number }>('fork/server.mjs', ['killed']);
      expect(rest).toEqual({ wasAlive: true, isOther: true, next: 0 });
      expect([7, 255]).toContain(code); // as far as the system tells
    },
    PROGRAM_MS,
  );

  test.each([
    ['serves children of children too', 'nested', { exitCode: 0, isSame: true, isServer: true }],
    ['that is gone is replaced for a child that outlived it', 'orphan', { exitCode: true, isOther: true }],
    ['has 200 children alive at once', 'many', { distinct: 200, alive: 200, codes: [3] }],
    [
      'leaves one socket to its children, by which they come back to it, and the same number of files in each',
      'files',
      { counts: 1, shared: 1 },
    ],
    ['outlives a Ctrl+C that its client outlives; children do not', 'interrupted', { interrupted: -2, next: 0, isSame: true }],
  ])(
    '%s',
    async (_, scenario, result) => {
      expect(await resultOf('fork/server.mjs', [scenario])).toEqual(result);
    },
    PROGRAM_MS,
  );

  test(
    'ends with its client, and so do daemons',
    async () => {
      const { stdout, signal } = await runChild('fork/server.mjs', { args: ['abandoned'], timeoutMs: PROGRAM_MS });
      expect(signal).toBe('SIGKILL');
      const { pid, server } = JSON.parse(stdout) as { pid: number; server: number };
      // `runChild` has waited until nobody of the group was left
      expect([pid, server].map((one) => existsSync(`/proc/${one}/exe`))).toEqual([false, false]);
    },
    PROGRAM_MS,
  );
});

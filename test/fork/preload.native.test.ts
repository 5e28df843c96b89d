/** What modules that the fork server loads may leave behind: children work, as copies or as fresh processes, whatever it is. */
import { expect, test } from 'vitest';
import { describeForks, PROGRAM_MS } from '../helpers/fork-cases.js';
import { type ChildOptions, runChild } from '../helpers/watchdog.js';

interface Report {
  readonly children: readonly { exitCode: number; told: Record<string, unknown> | null }[];
  readonly warnings: readonly { code: string; message: string }[];
}

async function preload(module: string, target = 'target', options: ChildOptions = {}): Promise<Report & { stdout: string }> {
  const { stdout, exitCode } = await runChild('fork/preload.mjs', { args: [module, target], timeoutMs: PROGRAM_MS, ...options });
  expect(exitCode).toBe(0);
  return { stdout, ...(JSON.parse(stdout.trimEnd().split('\n').at(-1) as string) as Report) };
}

const twice = <T>(one: T): T[] => [one, one];

describeForks('a preloaded module', () => {
  test.each([
    ['quiet', 'quiet'],
    ['logs', 'logs'],
    ['pool', 'pool'],
    ['timer', 'timer'],
    ['starts-child', 'ERR_FORKFUL_BOOTSTRAPPING'],
  ])(
    'of this kind is shared by the children: %s',
    async (module, preloaded) => {
      const { children, warnings } = await preload(module);
      expect(children).toEqual(twice({ exitCode: 0, told: { isCopy: true, preloaded, threadId: 0 } }));
      expect(warnings).toEqual([]);
    },
    PROGRAM_MS,
  );

  test(
    'that fails is left to the children: none of what it did is theirs',
    async () => {
      const { children, warnings } = await preload('throws');
      expect(children).toEqual(twice({ exitCode: 0, told: { isCopy: true, preloaded: null, threadId: 0 } }));
      expect(warnings).toEqual([]);
    },
    PROGRAM_MS,
  );

  test(
    'logs once, not once per child',
    async () => {
      const { stdout } = await preload('logs');
      expect(stdout.match(/a line of the preloaded module/g)).toHaveLength(1);
    },
    PROGRAM_MS,
  );

  test.each([
    ['worker', /left a thread \(.*\) behind/],
    ['exits', /the fork server has ended while it started, 3 times/],
    ['never-settles', /was not loaded: it awaits something that does not come/],
  ])(
    'of this kind makes children fresh processes, with one warning that says why: %s',
    async (module, message) => {
      const { children, warnings } = await preload(module);
      expect(children).toEqual(twice({ exitCode: 0, told: { isCopy: false, preloaded: null, threadId: 0 } }));
      expect(warnings).toEqual([{ code: 'FORKFUL_FORKSERVER_FALLBACK', message: expect.stringMatching(message) }]);
    },
    PROGRAM_MS,
  );
});

describeForks("the target's own module", () => {
  test.each(['target-with-worker', 'target-with-server'])(
    'that leaves something behind is not loaded by the server: %s',
    async (target) => {
      const { children, warnings } = await preload('nothing', target);
      expect(children).toEqual(twice({ exitCode: 0, told: { isCopy: true, preloaded: null, threadId: 0 } }));
      expect(warnings).toEqual([]);
    },
    PROGRAM_MS,
  );

  test(
    'may need a loader of execArgv, whatever that means for forks',
    async () => {
      const { children } = await preload('nothing', 'typed.ts', { execArgv: ['--import', 'tsx'] });
      expect(children).toEqual(twice({ exitCode: 0, told: { kind: 'by a loader' } }));
    },
    PROGRAM_MS,
  );
});

describeForks('FORKFUL_FORK=off', () => {
  test(
    'makes children fresh processes, silently',
    async () => {
      const { children, warnings } = await preload('quiet', 'target', { env: { FORKFUL_FORK: 'off' } });
      expect(children).toEqual(twice({ exitCode: 0, told: { isCopy: false, preloaded: null, threadId: 0 } }));
      expect(warnings).toEqual([]);
    },
    PROGRAM_MS,
  );
});

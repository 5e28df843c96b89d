/** Every way in which a forked child ends: its exit code, what it wrote, and what Node says of an error. None of them hangs. */
import { beforeAll, describe, expect, test } from 'vitest';
import { describeForks, FORK_METHODS, PROGRAM_MS, resultOf } from '../helpers/fork-cases.js';

const MANY = 2 ** 20;
const ANYTHING = /^/;

/** An uncaught error, as Node prints it, once, below the name of the process: where, the line of source, what, the stack. */
function uncaught(line: string, what: string): RegExp {
  const escaped = [line, what].map((text) => text.replace(/[()'{}]/g, '\\$&'));
  return new RegExp(
    `^Process Ada:\\n\\n?file://.*:\\d+\\n *${escaped[0]}\\n *\\^+\\n\\n?${escaped[1]}\\n(    at .*\\n)*\\nNode\\.js v.*\\n$`,
  );
}

const ENDS: readonly [way: string, exitCode: number, stdout?: string, stderr?: RegExp | string][] = [
  ['nothing', 0],
  ['a listener of exit', 0, 'exit listener 0\n'],
  ['process.exit(3)', 3, 'exit listener 3\n'],
  ['process.exit(300)', 44],
  ['process.exitCode = 4', 4, 'exit listener 4\n'],
  ['process.exit() after process.exitCode = 5', 5],
  ['a late process.exit(6)', 6, 'exit listener 6\n'],
  ['process.exit(7) in a listener of exit', 7],
  ['process.exitCode = 8 in a listener of exit', 8],
  ['process.exit(9) in a listener of beforeExit', 9, 'exit listener 9\n'],
  ['process.exit(9) in a promise', 9],
  ['process.reallyExit(11)', 11],
  ['beforeExit twice', 0, 'beforeExit 1\nmore to do\nbeforeExit 2\nexit listener 0\n'],
  ['work that outlasts the target', 0, 'done later\n'],
  ['an error thrown at once', 1, 'exit listener 1\n', uncaught('throw error;', 'RangeError: thrown at once')],
  ['an error thrown in a timer', 1, '', uncaught("throw new RangeError('thrown in a timer');", 'RangeError: thrown in a timer')],
  ['a value thrown', 1, '', uncaught('throw error;', "{ not: 'an error' }")],
  ['a rejection', 1, '', uncaught('throw error;', 'RangeError: rejected')],
  [
    'an unhandled rejection',
    1,
    'exit listener 1\n',
    uncaught("void Promise.reject(new RangeError('nobody handles it'));", 'RangeError: nobody handles it'),
  ],
  [
    'an error thrown in a listener of exit',
    1,
    '',
    uncaught("throw new RangeError('thrown in a listener of exit');", 'RangeError: thrown in a listener of exit'),
  ],
  ['a listener of uncaughtException', 0, 'caught it\n'],
  [
    'a listener of uncaughtException that throws',
    7,
    '',
    /^file:.*\n.*\n *\^\n\nRangeError: thrown by the listener\n( {4}at .*\n)*\nNode\.js v.*\n$/,
  ],
  ['a listener of unhandledRejection', 0, 'caught it\n'],
  [
    'a promise that never settles',
    13,
    'exit listener 0\n',
    'Process Ada: its target returned a promise that never settles, and nothing is left to wait for\n',
  ],
  ['a promise that never settles, and process.exitCode = 5', 5],
  ['a megabyte to stdout', 0, `[${MANY} o]`],
  ['a megabyte to stdout, and process.exit()', 2, `[${MANY} o]`],
  ['a megabyte to stderr, and an error', 1, '', /^\[1048576 e\]Process Ada:\n(.*\n)+RangeError: after a megabyte\n/],
  ['a megabyte by console.log in a listener of exit', 0, `[${MANY - 1} o]\n`],
  ['process.abort()', -6, '', ANYTHING],
  ['SIGSEGV', -11, '', ANYTHING],
  ['SIGKILL', -9],
  ['SIGTERM', -15],
  ['SIGINT', -2],
  ['SIGHUP', -1],
  ['SIGPIPE is ignored', 0],
  ['a listener of SIGTERM', 0, 'heard SIGTERM 15\n'],
  ['a listener of SIGINT', 0, 'heard SIGINT 2\n'],
  ['a listener of SIGUSR1', 0, 'heard SIGUSR1 10\n'],
  ['a listener of SIGUSR2', 0, 'heard SIGUSR2 12\n'],
  ['a listener of SIGTERM that was taken back', -15],
  ['no memory left', -6, 'anything', /JavaScript heap out of memory/],
];

describe.each(FORK_METHODS)('%s', (method) => {
  describeForks('ends', () => {
    let ends: Record<string, { exitCode: number | string; stdout: string; stderr: string }> = {};
    beforeAll(async () => {
      ends = await resultOf('fork/exits.mjs', [method], { execArgv: ['--max-old-space-size=60'] });
    }, PROGRAM_MS);

    test('each way is known here', () => {
      expect(Object.keys(ends).sort()).toEqual(ENDS.map(([way]) => way).sort());
    });

    test.each(ENDS)('%s: %i', (way, exitCode, stdout = '', stderr = '') => {
      expect(ends[way]).toEqual({
        exitCode,
        stdout: stdout === 'anything' ? expect.any(String) : stdout,
        stderr: typeof stderr === 'string' ? stderr : expect.stringMatching(stderr),
      });
    });
  });
});

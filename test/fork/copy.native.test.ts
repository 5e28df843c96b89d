/** What a copy of a busy process has of it, and what it has not; and that the process is none the worse for it. */
import { expect, test } from 'vitest';
import { describeForks, PROGRAM_MS } from '../helpers/fork-cases.js';
import { runChild } from '../helpers/watchdog.js';

const RUNNING =
  "ERR_FORKFUL_CANNOT_FORK: Cannot fork: a Worker is running, which a copy of this process would lack; end it first, or use 'forkserver'";
const FINE = (told: unknown) => ({ exitCode: 0, told });

const FACTS: readonly [fact: string, scenario: string, result: unknown][] = [
  ['runs closures over a private copy of the heap', 'closures', { told: ['2', '1', '42'], here: 1 }],
  ['gets 0 from fork(), its parent the pid', 'raw', { told: { parent: true, isOther: true }, isPid: true, same: true }],
  ['has time from its first attempt on: what it waits for its turn does not count', 'lateTurn', { isPid: true }],
  ['drops timers and immediates, which fire once in the parent', 'timers', { copy: FINE(0), here: [1, 1, 1] }],
  [
    'sees no promise settle that depends on what it dropped: a target that waits for one ends with 13',
    'promises',
    { copy: FINE('it never settles'), exitCode: 13, here: 'settled' },
  ],
  ['uses the thread pool while the parent does', 'reading', { copy: FINE(true), here: true }],
  ['is not told what the thread pool has done for the parent', 'finished', { copies: Array(5).fill(FINE(0)), here: true }],
  ["leaves output and exit codes of the parent's children to the parent", 'children', { copies: [0, 0], code: 3, lines: 12 }],
  [
    'takes nothing from servers, kept-alive connections, sockets, datagrams and watches of the parent, and has its own',
    'sockets',
    {
      results: Array(3).fill(FINE({ theirs: [0, 0, 0, 0], answer: 'mine' })),
      own: true,
      served: 10,
      udp: 9,
      watched: 9,
      echoed: 'xxxxxxxxx',
    },
  ],
  ['drops listeners of process, and with them what signals do', 'listeners', { copy: FINE([0, 0]), killed: -12, heard: 1 }],
  ['is refused while a Worker lives, also an unref’d one', 'worker', { whileAlive: RUNNING, unrefd: RUNNING, afterwards: 'works' }],
  [
    'is refused while a Worker lives that was started before forkful was loaded',
    'earlyWorker',
    { whileAlive: RUNNING, afterwards: 'works' },
  ],
  [
    'is refused in a Worker',
    'inWorker',
    { message: 'ERR_FORKFUL_CANNOT_FORK: Cannot fork: this is a Worker; only the main thread of a process can be forked' },
  ],
  ['works while the thread pool of the parent is busy', 'busyPool', { isFine: true }],
  ['works while the parent makes garbage and code', 'pressure', { ends: 20 }],
  ["has no IPC channel: that is the parent's", 'channel', { messages: [['undefined', 'undefined', false]], code: 0 }],
];

describeForks('a copy', () => {
  test.each(FACTS)(
    '%s',
    async (_, scenario, result) => {
      const { stdout, stderr, exitCode } = await runChild('fork/copy.mjs', { args: [scenario], timeoutMs: PROGRAM_MS });
      expect({ stderr: stderr.replace(/^Process expected to fail: .*\n/, ''), exitCode }).toEqual({ stderr: '', exitCode: 0 });
      expect(JSON.parse(stdout)).toEqual(result);
    },
    PROGRAM_MS,
  );
});

/** Logging across processes: names and levels of children, what forkful says itself, whole lines. */
import { getAllStartMethods } from 'forkful';
import { describe, expect, test } from 'vitest';
import { itNative } from '../helpers/backends.js';
import { skipFor } from '../helpers/grid.js';
import { runChild, startChild, waitForLine } from '../helpers/watchdog.js';

const lines = (text: string) => text.split('\n').slice(0, -1);
const AS_IT_IS = { fork: 'a copy is what its parent is when it is made, soon after start() was called' };
const NO_TARGET = { fork: 'a copy is told nothing: it has the function' };
const run = (...args: string[]) => runChild('process/log.mjs', { args });

describe.each(getAllStartMethods())('%s', (method) => {
  test('children and theirs print with their own names', async () => {
    const { stderr, exitCode } = await run(method, 'names');
    expect(lines(stderr)).toEqual([
      '[WARNING/MainProcess] before',
      '[WARNING/Ada] Ada speaks',
      '[WARNING/Process-1:1] Process-1:1 speaks',
      '[WARNING/Process-2] Process-2 speaks',
    ]);
    expect(exitCode).toBe(0);
  });

  test('a child that changes its name logs under the new one', async () => {
    const { stderr } = await run(method, 'rename');
    expect(lines(stderr)).toEqual([
      '[INFO/Ada] child process calling self.run()',
      '[INFO/Grace] renamed',
      '[INFO/Grace] process exiting with exitcode 0',
      '[INFO/Grace] process shutting down',
      '[INFO/MainProcess] process shutting down',
    ]);
  });

  test('a child has the level of its parent, set or not; what it sets itself stays with it', async () => {
    const { stdout, stderr } = await run(method, 'levels');
    expect(JSON.parse(stdout)).toEqual([[0, 30], [32, 32], [32, 32], 32]);
    expect(stderr).toBe(''); // nobody asked for it
  });

  test('a child has the level that was set when start() was called', skipFor(method, AS_IT_IS), async () => {
    const { stderr, exitCode } = await run(method, 'captured');
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
  });

  test('a subscriber in a child sees its records, without anything on stderr', async () => {
    const { stdout, stderr } = await run(method, 'records');
    const info = { level: 20, levelName: 'INFO', processName: 'Ada', pid: true, time: expect.any(Number) };
    expect(lines(stdout).map((line) => JSON.parse(line))).toEqual([
      { ...info, message: 'x is 1' },
      { ...info, message: 'process exiting with exitcode 0' },
      { ...info, message: 'process shutting down' },
    ]);
    expect(stderr).toBe('');
  });

  test('lines of four children at once are whole, and all there', async () => {
    const { stderr } = await run(method, 'chatter');
    const seen = lines(stderr).filter((line) => !/MainProcess|child process calling|process exiting|process shutting/.test(line));
    const expected = [1, 2, 3, 4].flatMap((who) =>
      Array.from({ length: 200 }, (_, i) => `[INFO/C${who}] ${who} ${i + 1} ${'~'.repeat((i + 1) * 19)}`),
    );
    expect(seen.sort()).toEqual(expected.sort());
  });

  test('an exit code is told', async () => {
    const { stderr, exitCode } = await run(method, 'end', 'exit');
    expect(lines(stderr).slice(1, -1)).toEqual(['[INFO/Ada] process exiting with exitcode 3', '[INFO/Ada] process shutting down']);
    expect(exitCode).toBe(3);
  });

  test('an uncaught error stays in one piece, and its exit code is told once', async () => {
    const { stderr, exitCode } = await run(method, 'end', 'throw');
    expect(stderr.match(/^\[INFO\/Ada\] process exiting with exitcode 1$/gm)).toHaveLength(1);
    expect(stderr.match(/^\[INFO\/Ada\] process shutting down$/gm)).toHaveLength(1);
    expect(stderr.slice(stderr.indexOf('Process Ada:'), stderr.indexOf('RangeError: it broke'))).not.toContain('[INFO');
    expect(exitCode).toBe(1);
  });

  test('the exit code of a target that never settles is told', async () => {
    const { stderr } = await run(method, 'end', 'never');
    expect(lines(stderr)).toContain('[INFO/Ada] process exiting with exitcode 13');
  });

  test('a parent says whom it waits for at its exit', async () => {
    const { stderr } = await run(method, 'exits');
    expect(lines(stderr).filter((line) => line.includes('MainProcess'))).toEqual([
      '[INFO/MainProcess] process shutting down',
      '[INFO/MainProcess] calling join() for process Ada',
    ]);
    expect(lines(stderr)).toContain('[WARNING/Ada] Ada speaks');
  });

  test('at DEBUG a parent says what becomes of its children', async () => {
    const { stdout, stderr } = await run(method, 'debug');
    expect(lines(stderr).filter((line) => line.startsWith('[DEBUG/MainProcess]'))).toEqual([
      `[DEBUG/MainProcess] started child Ada with pid ${stdout.trim()}`,
      '[DEBUG/MainProcess] child Ada ended with exit code 0',
    ]);
  });

  test('at SUBDEBUG a parent says what its children run', skipFor(method, NO_TARGET), async () => {
    const { stderr } = await run(method, 'subDebug');
    const module = new URL('../fixtures/process/log.mjs', import.meta.url).href;
    expect(lines(stderr)[0]).toBe(`[SUBDEBUG/MainProcess] child Ada is to run tellLevel of ${module}`);
  });
});

test('the example prints what CPython 3.13 does', async () => {
  const { stdout, stderr, exitCode } = await runChild('../../examples/logging/main.mjs');
  expect(lines(stdout)).toEqual(['true', 'test']);
  expect(lines(stderr)).toEqual([
    '[INFO/MainProcess] of any level',
    '[INFO/MainProcess] info test',
    '[WARNING/MainProcess] warning test',
    '[ERROR/MainProcess] error test',
    '[INFO/Process-1] child process calling self.run()',
    '[INFO/Process-1] process exiting with exitcode 0',
    '[INFO/Process-1] process shutting down',
    '[INFO/MainProcess] process shutting down',
  ]);
  expect(exitCode).toBe(0);
});

test('a closed stderr is no error', async () => {
  const child = startChild('process/log.mjs', { args: ['thread', 'deaf'] });
  child.process.stderr?.destroy();
  await waitForLine(child, /^and it does no harm$/);
  expect((await child.ended).exitCode).toBe(0);
});

itNative('a daemon that has to be killed is told of', async () => {
  const { stderr } = await run('spawn', 'stubborn');
  expect(lines(stderr)).toEqual([
    '[INFO/MainProcess] process shutting down',
    '[INFO/MainProcess] calling terminate() for daemon Ada',
    '[INFO/MainProcess] calling join() for process Ada',
    '[SUBWARNING/MainProcess] daemon Ada has not ended 1000 ms after SIGTERM: killing it',
  ]);
});

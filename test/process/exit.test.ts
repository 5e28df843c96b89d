/** How children end with their parents, and what is printed when they fail. */
import { getAllStartMethods } from 'forkful';
import { describe, expect, test } from 'vitest';
import { skipFor } from '../helpers/grid.js';
import { runChild, startChild, waitForLine } from '../helpers/watchdog.js';

const SIGNALLED = { thread: 'it gets no signals, and ends with its process' };
const OUTLIVES = { thread: 'it ends with its process' };

const lines = (text: string) =>
  text
    .trim()
    .replaceAll(/child \d+/g, 'child')
    .split('\n');

describe.each(getAllStartMethods())('%s', (method) => {
  test('a parent that has nothing left to do waits for its child', async () => {
    const { stdout, exitCode } = await runChild('process/ending.mjs', { args: [method, 'end', 'child'] });
    expect(lines(stdout)).toEqual(['child runs', 'child finishes', 'parent exits 0']);
    expect(exitCode).toBe(0);
  });

  test.each([
    ['exit', 5],
    ['throw', 1],
  ])('a parent that ends by %s waits for its child', async (way, expected) => {
    const { stdout, exitCode } = await runChild('process/ending.mjs', { args: [method, way, 'child'] });
    expect(lines(stdout)).toEqual(['child runs', `parent exits ${expected}`, 'child finishes']);
    expect(exitCode).toBe(expected);
  });

  test.each([
    ['end', 0],
    ['exit', 5],
    ['throw', 1],
  ])('a daemon is ended with its parent (%s)', async (way, expected) => {
    const { stdout, exitCode } = await runChild('process/ending.mjs', { args: [method, way, 'daemon'] });
    expect(lines(stdout)).toEqual(['child runs', `parent exits ${expected}`]);
    expect(exitCode).toBe(expected);
  });

  test('a parent that joins a daemon waits', async () => {
    const child = startChild('process/ending.mjs', { args: [method, 'join', 'daemon'] });
    await waitForLine(child, /^child \d+ runs$/);
    expect(child.stdout).not.toContain('parent exits');
    child.kill();
    expect((await child.ended).signal).toBe('SIGKILL');
  });

  test.each(['throw', 'timer', 'reject', 'stray'])('an uncaught error is printed under the name of the process (%s)', async (kind) => {
    const { stderr, exitCode } = await runChild('process/uncaught.mjs', { args: [method, kind] });
    expect(stderr).toMatch(/^Process Ada:\n/);
    expect(stderr).toContain('RangeError: it broke\n    at work (');
    expect(stderr.split('\nRangeError: it broke')).toHaveLength(2);
    expect(exitCode).toBe(1);
  });

  test('what was printed before process.exit() arrives, however much', async () => {
    const { stdout, exitCode } = await runChild('process/ending.mjs', { args: [method, 'join', 'talker'] });
    // the parent's own lines may stand in between
    expect(stdout.split('~')).toHaveLength(300_001);
    expect(exitCode).toBe(0);
  });

  test('a target whose promise never settles is told of', async () => {
    const { stderr, exitCode } = await runChild('process/uncaught.mjs', { args: [method, 'never'] });
    expect(stderr).toBe('Process Ada: its target returned a promise that never settles, and nothing is left to wait for\n');
    expect(exitCode).toBe(13);
  });
});

describe.each(getAllStartMethods())('%s', (method) => {
  test('a daemon that ignores SIGTERM is killed after a second', skipFor(method, SIGNALLED), async () => {
    let said: string[] = [];
    // on a busy machine it may be killed before it has had its turn
    for (let tries = 0; said.length === 0 && tries < 5; tries++) {
      const { stdout, exitCode } = await runChild('process/ending.mjs', { args: [method, 'exit', 'stubborn'] });
      expect(lines(stdout).slice(0, 2)).toEqual(['child runs', 'parent exits 5']);
      expect(exitCode).toBe(5);
      said = lines(stdout).slice(2);
    }
    expect(said).toEqual(['child ignores SIGTERM']);
  });

  test('a daemon dies with a parent that is killed', skipFor(method, SIGNALLED), async () => {
    const parent = startChild('process/ending.mjs', { args: [method, 'wait', 'stubborn'] });
    await waitForLine(parent, /^child \d+ runs$/);
    parent.kill();
    // rejects when the daemon lives on
    expect((await parent.ended).signal).toBe('SIGKILL');
  });

  test('a child that is no daemon lives on, and learns that its parent was killed', skipFor(method, OUTLIVES), async () => {
    const parent = startChild('process/ending.mjs', { args: [method, 'wait', 'watcher'] });
    await waitForLine(parent, /^child \d+ runs$/);
    parent.kill();
    const { stdout } = await parent.ended;
    expect(lines(stdout)).toEqual(['parent is alive: true, false, false', 'child runs', 'parent is alive: false']);
  });

  test('a parent with nothing left to do ends its daemon first, then waits for its other child', async () => {
    const { stdout, exitCode } = await runChild('process/daemon-and-other.mjs', { args: [method] });
    expect(lines(stdout)).toEqual(['the daemon is gone', 'parent exits 0']);
    expect(exitCode).toBe(0);
  });
});

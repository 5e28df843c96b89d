/** Segments whose makers are killed at any step, or end without removing them: no name stays, and nobody else's is removed. */
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SharedMemory } from 'forkful';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { freshName, isThere, segmentNames } from '../helpers/segments.js';
import { killCount, until } from '../helpers/victims.js';
import { type ChildOptions, killGroup, type RunningChild, startChild, waitForLine } from '../helpers/watchdog.js';

const PROGRAM = 'crash/segment-user.mjs';
const folder = mkdtempSync(join(tmpdir(), 'forkful-segments-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const MARK = `FORKFUL_TEST_SEGMENTS=${process.pid}`;
const running: RunningChild[] = [];
const gone = (...names: string[]): Promise<void> =>
  until(
    () => !names.some(isThere),
    () => segmentNames().join(),
  );

function run(args: string[], { env, ...options }: ChildOptions = {}): RunningChild {
  const child = startChild(PROGRAM, { args, env: { ...env, FORKFUL_TEST_SEGMENTS: String(process.pid) }, ...options });
  running.push(child);
  return child;
}

/** The keepers of the programs of this file, known by their environment. Those that were killed and that nobody reaps have none. */
function keepers(): string[] {
  const isOurs = (pid: string): boolean => {
    try {
      const names = readFileSync(`/proc/${pid}/comm`, 'utf8') === 'forkful-keeper\n';
      return names && readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(MARK);
    } catch {
      return false; // it ended meanwhile
    }
  };
  return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && isOurs(pid));
}

const noKeeper = (): Promise<void> =>
  until(
    () => keepers().length === 0,
    () => `keepers ${keepers()}`,
  );

afterEach(async () => {
  for (const child of running.splice(0)) killGroup(child.pid);
  await noKeeper();
  expect(segmentNames()).toEqual([]);
});

describe('the maker of a segment', () => {
  it.each(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGSEGV'] as const)('is ended by %s: the names go, within moments', async (signal) => {
    const child = run(['make', freshName()]);
    const [, first, second] = await waitForLine(child, /^made (\S+) (\S+)$/);
    expect([isThere(first as string), isThere(second as string), keepers().length]).toEqual([true, true, 1]);
    child.kill(signal);
    const killed = performance.now();
    await gone(first as string, second as string);
    console.log(`${signal}: gone ${(performance.now() - killed).toFixed(1)} ms after it`);
    expect(await child.ended).toMatchObject({ signal, stderr: '' });
  });

  it.each([
    ['normally', 0],
    ['exit', 3],
    ['throw', 1],
  ])('ends (%s) without removing it: the names go', async (end, exitCode) => {
    const child = run(['make', '', end]);
    const [, first, second] = await waitForLine(child, /^made (psm_\w+) (psm_\w+)$/);
    expect(await child.ended).toMatchObject({ exitCode });
    await gone(first as string, second as string);
  });

  it('has asked that nobody removes it: it stays', async () => {
    const name = freshName();
    expect(await run(['untracked', name]).ended).toMatchObject({ exitCode: 0, stderr: '' });
    expect(keepers()).toEqual([]);
    using memory = new SharedMemory({ name });
    memory.unlink();
  });

  it('is another program than one that attaches and ends, or is killed: it stays', async () => {
    const name = freshName();
    using memory = new SharedMemory({ name, create: true, size: 10 });
    for (const options of [{}, { env: { FORKFUL_FAULT: 'block.taken:1' } }]) await run(['attach', name], options).ended;
    expect([isThere(name), memory.size]).toEqual([true, 10]);
    memory.unlink();
  });
});

describe('the maker of a segment is killed at a step', () => {
  it.each(['segment.kept', 'segment.listed', 'segment.created', 'segment.unlinked'])('%s: no name stays', async (step) => {
    const name = freshName();
    const child = run(['tryToMake', name], { env: { FORKFUL_FAULT: `${step}:1` } });
    expect(await child.ended).toMatchObject({ signal: 'SIGKILL', stdout: '' });
    await gone(name);
  });

  it.each(['segment.kept', 'segment.listed'])('%s, of a name that another program has: that stays', async (step) => {
    const name = freshName();
    writeFileSync(`/dev/shm/${name}`, 'somebody else');
    const child = run(['tryToMake', name], { env: { FORKFUL_FAULT: `${step}:1` } });
    expect(await child.ended).toMatchObject({ signal: 'SIGKILL' });
    await noKeeper();
    expect(readFileSync(`/dev/shm/${name}`, 'utf8')).toBe('somebody else');
    expect((await run(['tryToMake', name]).ended).stdout).toBe('EEXIST\n');
    await noKeeper();
    expect(readFileSync(`/dev/shm/${name}`, 'utf8')).toBe('somebody else');
    unlinkSync(`/dev/shm/${name}`);
  });

  it('long after another program has removed the name and taken it: that stays', async () => {
    const name = freshName();
    const child = run(['make', name]);
    await waitForLine(child, /^made/);
    unlinkSync(`/dev/shm/${name}`);
    writeFileSync(`/dev/shm/${name}`, 'somebody else');
    child.kill();
    await child.ended;
    await noKeeper();
    expect(readFileSync(`/dev/shm/${name}`, 'utf8')).toBe('somebody else');
    unlinkSync(`/dev/shm/${name}`);
  });
});

describe('a family', () => {
  it.each(['spawn', 'forkserver', 'fork'])(
    'whose first process is killed keeps the segment until the last one has ended [%s]',
    async (method) => {
      const [name, signal] = [freshName(), join(folder, method)];
      const parent = run(['family', name, method], { env: { FORKFUL_TEST_SIGNAL: signal } });
      const [, pid] = await waitForLine(parent, /^child (\d+)$/);
      parent.kill();
      await once(parent.process, 'exit');
      expect([isThere(name), process.kill(Number(pid), 0)]).toEqual([true, true]);
      expect(keepers()).toHaveLength(1);
      writeFileSync(signal, '');
      await gone(name);
      await parent.ended;
    },
  );

  it.each(['spawn', 'forkserver', 'fork'])(
    'keeps what a child has made that ended, and loses it when it is killed [%s]',
    async (method) => {
      const name = freshName();
      const parent = run(['childMakes', name, method]);
      await waitForLine(parent, /^attached 10$/);
      expect(isThere(name)).toBe(true);
      parent.kill();
      await gone(name);
      await parent.ended;
    },
  );

  it('that makes and removes segments in all its processes is killed, again and again: no name stays', async () => {
    for (let kill = 0; kill < killCount(4); kill++) {
      const prefix = freshName();
      const child = run(['many', prefix]);
      await waitForLine(child, /^started$/);
      await until(
        () => segmentNames().length > 50 + 200 * Math.random(),
        () => `${segmentNames().length}`,
      );
      killGroup(child.pid);
      await until(
        () => segmentNames().length === 0,
        () => segmentNames().join(),
      );
      await child.ended;
    }
  });

  it('whose keeper is killed has another one from the next segment on', async () => {
    const [first, second] = [freshName(), freshName()];
    const child = run(['keeperKilled', first, second]);
    await waitForLine(child, /^ready/);
    const [keeper] = keepers();
    process.kill(Number(keeper), 'SIGKILL');
    await noKeeper();
    child.write('go\n');
    await waitForLine(child, /^second$/);
    expect(keepers()).toHaveLength(1);
    child.kill();
    await gone(first, second);
    await child.ended;
  });
});

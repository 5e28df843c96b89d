/** A semaphore that has a name, shared with programs that know nothing of this package: one in C, one in Python. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { NamedSemaphore } from 'forkful';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { skipIf } from '../helpers/examples.js';
import { until } from '../helpers/victims.js';
import { withWatchdog } from '../helpers/watchdog.js';

const LIMIT_MS = 60_000;
const ROUNDS = 100;
const fixture = (file: string): string => fileURLToPath(new URL(`../fixtures/interop/${file}`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'forkful-interop-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Partner {
  readonly language: string;
  readonly command: readonly string[];
  readonly whyNot?: string;
}

const made: NamedSemaphore[] = [];
const running: ChildProcess[] = [];
let names = 0;

afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
  for (const semaphore of made.splice(0)) {
    semaphore.unlink();
    semaphore.close();
  }
});

function freshName(): string {
  return `/forkful-interop-${process.pid}-${names++}`;
}

function make(): NamedSemaphore {
  const semaphore = new NamedSemaphore(freshName(), { create: true, exclusive: true, value: 0 });
  made.push(semaphore);
  return semaphore;
}

describe.each([inC(), inPython()])('a NamedSemaphore and a program in $language', ({ command, whyNot }) => {
  const [program, ...first] = command as [string, ...string[]];

  test('wait for each other, by promises and blocking', skipIf(whyNot), async () => {
    const [to, from] = [make(), make()];
    const child = spawn(program, [...first, 'answer', to.name, from.name, String(ROUNDS + 1)], { stdio: ['ignore', 'pipe', 'inherit'] });
    running.push(child);
    const ended = once(child, 'close');
    await withWatchdog(LIMIT_MS, () => child, once(createInterface(child.stdout), 'line'));
    child.stdout.resume();
    // it blocks before the first permit has come, and has not answered
    await until(
      () => stateOf(child) === 'S',
      () => stateOf(child),
    );
    expect(from.tryAcquire()).toBe(false);
    const answer = from.acquire();
    to.release();
    expect(await withWatchdog(LIMIT_MS, () => from, answer)).toBe(true);
    for (let round = 0; round < ROUNDS; round++) {
      to.release();
      if (round % 2 === 0) expect(from.acquireSync({ timeout: LIMIT_MS })).toBe(true);
      else expect(await from.acquire({ timeout: LIMIT_MS })).toBe(true);
    }
    expect(await withWatchdog(LIMIT_MS, () => child, ended)).toEqual([0, null]);
    expect([to.value, from.value]).toEqual([0, 0]);
  });

  test('find each other when the other one made it', skipIf(whyNot), () => {
    const name = freshName();
    const makeIt = () => spawnSync(program, [...first, 'make', name, '3'], { encoding: 'utf8', timeout: LIMIT_MS });
    expect(makeIt()).toMatchObject({ status: 0, stderr: '' });
    const semaphore = new NamedSemaphore(name);
    made.push(semaphore);
    expect(semaphore.value).toBe(3);
    expect(() => new NamedSemaphore(name, { create: true, exclusive: true })).toThrow(expect.objectContaining({ code: 'EEXIST' }));
    const second = makeIt();
    expect(second.status).toBe(1);
    expect(second.stderr).toMatch(/File ?exists/i);
  });
});

function inC(): Partner {
  const program = join(folder, 'semaphore');
  for (const compiler of ['cc', 'gcc', 'g++', 'clang']) {
    const result = spawnSync(compiler, ['-x', 'c', fixture('semaphore.c'), '-o', program, '-pthread'], { encoding: 'utf8' });
    if (result.error !== undefined) continue;
    if (result.status !== 0) throw new Error(`${compiler} does not compile semaphore.c: ${result.stderr}`);
    return { language: 'C', command: [program] };
  }
  return { language: 'C', command: [program], whyNot: 'no C compiler here' };
}

function inPython(): Partner {
  const command = ['python3', fixture('semaphore.py')];
  const isThere = spawnSync('python3', ['-c', 'import ctypes']).status === 0;
  return isThere ? { language: 'Python', command } : { language: 'Python', command, whyNot: 'no python3 with ctypes here' };
}

/** `S`: asleep. */
function stateOf({ pid }: ChildProcess): string {
  return /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1] ?? 'unknown';
}

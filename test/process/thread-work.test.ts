/** What tells a thread that hangs from one that is slow: by files as the kernel has them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { watchWork } from '../../src/process/thread-work.js';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'thread-work-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

/** As much of the files as is looked at: state and page faults; nanoseconds on a processor and in queues for one. */
function set(thread: string, state: string, faults = 0, ran = 0, queued = 0): void {
  mkdirSync(join(folder, thread), { recursive: true });
  writeFileSync(join(folder, thread, 'stat'), `${thread} (R) D (node) ${state} 1 1 1 0 -1 0 ${faults}\n`);
  writeFileSync(join(folder, thread, 'schedstat'), `${ran} ${queued} 1\n`);
}

test('threads that are asleep, and were at the last look, do not work', () => {
  set('7', 'S');
  set('8', 'S');
  const works = watchWork(folder);
  expect([works(), works()]).toEqual([false, false]);
});

test.each([
  ['ran', 'S', 0, 1, 0],
  ['had page faults', 'S', 1, 0, 0],
  ['was in a queue for a processor', 'S', 0, 0, 1],
] as const)('a thread that %s has worked, once', (_, state, faults, ran, queued) => {
  set('7', 'S');
  set('8', 'S');
  const works = watchWork(folder);
  set('8', state, faults, ran, queued);
  expect([works(), works()]).toEqual([true, false]);
});

test.each(['R', 'D'])('a thread in state %s works as long as it is, without ever getting a processor', (state) => {
  set('7', state);
  const works = watchWork(folder);
  expect([works(), works()]).toEqual([true, true]);
});

test('a stopped thread does not work', () => {
  set('7', 'T');
  expect(watchWork(folder)()).toBe(false);
});

test('only the threads that are meant count', () => {
  set('7', 'S');
  set('8', 'R');
  const works = watchWork(folder, (thread) => thread === '7');
  expect(works()).toBe(false);
  set('8', 'R', 1, 1, 1);
  expect(works()).toBe(false);
});

test('a process that has ended does not work', () => {
  expect(watchWork(join(folder, 'nothing'))()).toBe(false);
});

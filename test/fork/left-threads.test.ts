/** Which threads a fork server takes for ones that a module has left behind: by files as the kernel has them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { watchThreads } from '../../src/process/fork-server/left-threads.js';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'left-threads-'));
  set('1', 'node', 'S');
});

afterEach(() => rmSync(folder, { recursive: true }));

function set(thread: string, name: string, state: string): void {
  mkdirSync(join(folder, thread), { recursive: true });
  writeFileSync(join(folder, thread, 'comm'), `${name}\n`);
  writeFileSync(join(folder, thread, 'stat'), `${thread} (${name}) ${state} 1 1 1 0 -1 0 0\n`);
}

test('threads that were there before are not left behind', async () => {
  expect(await watchThreads(folder)()).toEqual([]);
});

test.each(['S', 'R'])('a thread that stays is left behind: in state %s', async (state) => {
  const left = watchThreads(folder, 3);
  set('2', 'node', state);
  expect(await left()).toEqual(['node']);
});

test('a thread that was joined, and has not left the kernel yet, is not left behind', async () => {
  const left = watchThreads(folder);
  set('2', 'node', 'R');
  const told = left();
  rmSync(join(folder, '2'), { recursive: true });
  expect(await told).toEqual([]);
});

test("a thread of the addon's pool that has not run yet, and has no name, is not left behind", async () => {
  const left = watchThreads(folder);
  set('2', 'node', 'R');
  const told = left();
  set('2', 'forkful-v8', 'S');
  expect(await told).toEqual([]);
});

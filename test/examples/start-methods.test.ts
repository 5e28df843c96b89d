/** The programs that choose a start method, or need one. */
import * as mp from 'forkful';
import { expect, test } from 'vitest';
import { itNative } from '../helpers/backends.js';
import { runExample, skipIf } from '../helpers/examples.js';

const NO_FORK_FUNCTION = 'fork' in mp && mp.backend === 'native' ? undefined : 'forkful has no fork() yet';
const NO_FORK_METHOD = (mp.getAllStartMethods() as string[]).includes('fork') ? undefined : "start method 'fork' is not there";
const NO_REUSE_PORT = hasReusePort() ? undefined : `reusePort needs Node 22.12, this is ${process.version}`;

for (const [name, id] of [
  ['set-start-method', '001-24'],
  ['get-context', '001-25'],
])
  itNative(`${name}: spawn (${id})`, async () => {
    expect(await runExample(`seeds/${name}.mjs`)).toEqual(['hello']);
  });

test('os-fork: returns twice (004-1)', skipIf(NO_FORK_FUNCTION), async () => {
  const lines = await runExample('seeds/os-fork.mjs');
  expect(lines).toHaveLength(3);
  const all = lines.join('\n');
  const start = /^current process \((\d+)\) start \.\.\.$/m.exec(all);
  const parent = /^I\((\d+)\) created a child process \((\d+)\)\.$/m.exec(all);
  const child = /^I am child process\((\d+)\) and my parent process is \((\d+)\)$/m.exec(all);
  expect(parent?.[1]).toBe(start?.[1]);
  expect(child?.slice(1)).toEqual([parent?.[2], parent?.[1]]);
});

test('prefork-server: children accept from a socket of their parent (002-9)', skipIf(NO_FORK_METHOD), async () => {
  expectAnswers(await runExample('seeds/prefork-server.mjs', { args: ['20'] }), 'ForkProcess', 20);
});

test('prefork-reuse-port: children share a port (002-9)', skipIf(NO_REUSE_PORT), async () => {
  expectAnswers(await runExample('seeds/prefork-reuse-port.mjs', { args: ['20'] }), 'Process', 20);
});

/** Every request has an answer, from one of three children. */
function expectAnswers(lines: readonly string[], name: string, requests: number): void {
  const counts = lines.slice(0, 3).map((line, i) => Number(new RegExp(`^${name}-${i + 1} answered (\\d+) requests$`).exec(line)?.[1]));
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(requests);
  expect(lines.slice(3)).toEqual(['the parent answered 0 requests']);
}

function hasReusePort(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return mp.backend === 'native' && (major > 22 || (major === 22 && minor >= 12));
}

/** Descriptors that are sent to other processes, as CPython's `_TestConnection` has them: test_fd_transfer, test_large_fd_transfer, test_missing_fd_transfer. */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Connection, connection, Pipe, Process, type StartMethod } from 'forkful';
import { expect } from 'vitest';
import { grid } from '../helpers/grid.js';
import { withWatchdog } from '../helpers/watchdog.js';

const module = new URL('../fixtures/conformance/handles.mjs', import.meta.url);
const WAIT_MS = 60_000;

/** Runs a function of the fixtures with one end in a child, and `body` with the other one here. */
async function withChild(method: StartMethod, name: string, args: unknown[], body: (end: Connection) => Promise<void>): Promise<void> {
  const [ours, theirs] = Pipe();
  const child = await new Process({ target: { module, name }, args: [theirs, ...args], method }).start();
  theirs.close();
  await body(ours);
  await withWatchdog(WAIT_MS, () => child, child.join());
  expect(child.exitCode).toBe(0);
  ours.close();
}

async function withFile(body: (path: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'handles-'));
  try {
    await body(join(folder, 'file'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

grid('a descriptor that is sent to a child is written to by it', {}, async (method) => {
  await withFile(async (path) => {
    const fd = openSync(path, 'w');
    await withChild(method, 'writeToReceived', ['foo', false], async (end) => {
      await connection.sendHandle(end, fd);
      closeSync(fd);
    });
    expect(readFileSync(path, 'utf8')).toBe('foo');
  });
});

grid('a descriptor with a number above 255 is sent, and received as another one', {}, async (method) => {
  await withFile(async (path) => {
    const others: number[] = [];
    while ((others.at(-1) ?? 0) < 255) others.push(openSync('/dev/null', 'r'));
    const fd = openSync(path, 'w');
    for (const other of others) closeSync(other);
    expect(fd).toBeGreaterThan(255);
    await withChild(method, 'writeToReceived', ['bar', method !== 'thread'], (end) => connection.sendHandle(end, fd));
    closeSync(fd);
    expect(readFileSync(path, 'utf8')).toBe('bar');
  });
});

grid('a message without a descriptor is refused where one is expected', {}, async (method) => {
  await withChild(method, 'sendNothing', [], async (end) => {
    await expect(connection.recvHandle(end)).rejects.toMatchObject({ code: 'ERR_FORKFUL_NO_HANDLE' });
  });
});

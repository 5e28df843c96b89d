/** A child of a fork server that is slow to tell of its end, and of one that does not tell: the test is the server. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, readFileSync } from 'node:fs';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Datagrams } from '../../src/platform/platform.js';
import { platform } from '../../src/platform/select.js';
import { ForkServerClient } from '../../src/process/fork-server/client.js';
import type { ServedChild } from '../../src/process/fork-server/served-child.js';
import { describeNative } from '../helpers/backends.js';

const STARTED = 1;
const ENDED = 2;

describeNative('a child that has ended', () => {
  let client: ForkServerClient;
  let server: number;
  /** Nobody takes its child's exit status, since it stops itself. */
  let parent: ChildProcess;
  let pid: number;
  let child: ServedChild;
  const heard: number[] = [];

  beforeEach(async () => {
    const datagrams = platform.datagrams as Datagrams;
    const [ours, theirs] = datagrams.pair();
    [client, server] = [new ForkServerClient(ours), theirs];
    const code = `
      const child = require('node:child_process').spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
      process.stdout.write(child.pid + '\\n', () => process.kill(process.pid, 'SIGSTOP'));`;
    parent = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(parent.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
    pid = Number(String(line));
    while (stateOf(parent.pid as number) !== 'T') await sleep(1);
    heard.length = 0;
    const launched = client.launch('', false, [1, 2], (exitCode) => heard.push(exitCode));
    const pidfd = platform.processes.openPidfd(pid);
    tell(STARTED, pid, 0, [pidfd]);
    closeSync(pidfd);
    child = await launched;
    process.kill(pid, 'SIGKILL');
    while (stateOf(pid) !== 'Z') await sleep(1);
  });

  afterEach(async () => {
    client.close();
    (platform.datagrams as Datagrams).close(server);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
  });

  function tell(kind: number, of: number, status: number, fds: readonly number[] = []): void {
    const bytes = Buffer.alloc(16);
    bytes.writeUInt32LE(kind, 0);
    bytes.writeUInt32LE(1, 4);
    bytes.writeInt32LE(of, 8);
    bytes.writeInt32LE(status, 12);
    (platform.datagrams as Datagrams).send(server, bytes, fds);
  }

  it('is told of by a join whose time is over before the server has got a processor', () => {
    const { receive } = client;
    client.receive = (timeoutMs) => {
      if (timeoutMs > 0) tell(ENDED, pid, -9);
      return receive.call(client, timeoutMs);
    };
    expect(child.wait(0)).toBe(-9);
    expect(heard).toEqual([-9]);
  });

  it('is told of by a join whose time is over before the server has died', () => {
    const { receive } = client;
    client.receive = (timeoutMs) => {
      if (timeoutMs > 0) client.close();
      return receive.call(client, timeoutMs);
    };
    expect(child.wait(0)).toBe(255);
  });

  it('seems alive while its server is stopped, which blocks those who ask only once', () => {
    const { receive } = client;
    let blocked = 0;
    client.receive = (timeoutMs) => {
      if (timeoutMs > 0) blocked++;
      return receive.call(client, timeoutMs);
    };
    expect(child.wait(0)).toBe(null);
    const before = blocked;
    expect(before).toBeGreaterThan(0);
    expect(child.wait(0)).toBe(null);
    expect(blocked).toBe(before);
    tell(ENDED, pid, -9);
    expect(child.wait(0)).toBe(-9);
  });
});

function stateOf(pid: number): string | undefined {
  return readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/.*\) /s, '')[0];
}

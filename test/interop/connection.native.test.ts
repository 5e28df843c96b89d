/** Listener and Client on one side, CPython's on the other: every version from 3.6 on that this machine has, in both roles. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { AuthenticationError, type Connection, connection } from 'forkful';
import { afterEach, describe, expect, test } from 'vitest';
import { skipIf } from '../helpers/examples.js';
import { pythons } from '../helpers/pythons.js';
import { withWatchdog } from '../helpers/watchdog.js';

const LIMIT_MS = 60_000;
const fixture = fileURLToPath(new URL('../fixtures/interop/connection.py', import.meta.url));
const found = pythons();
const versions = found.length > 0 ? found : [{ version: '3', path: '' }];
const noPython = skipIf(found.length > 0 ? undefined : 'no CPython from 3.6 on here');

type Family = 'AF_INET' | 'AF_UNIX';
const FAMILIES: readonly Family[] = ['AF_INET', 'AF_UNIX'];
const KEYS = [
  { authkey: undefined, literal: 'None', what: 'no key' },
  { authkey: 'secret', literal: "b'secret'", what: 'a key' },
  { authkey: '', literal: "b''", what: 'an empty key' },
  { authkey: Uint8Array.from({ length: 200 }, (_, i) => i), literal: pythonBytes(200), what: 'a long key' },
] as const;
/** Around the size from which on CPython writes header and payload apart, and one of several buffers of the system's. */
const SIZES = [0, 1, 16_383, 16_384, 16_385, 70_000, 5 << 20];

const running: ChildProcess[] = [];
const open: { close(): void }[] = [];

afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
  for (const one of open.splice(0)) one.close();
});

interface Partner {
  readonly lines: AsyncIterableIterator<string>;
  /** The last line it printed. */
  outcome(): Promise<string>;
}

function python(path: string, ...args: string[]): Partner {
  const child = spawn(path, [fixture, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  running.push(child);
  const seen: string[] = [];
  const lines = createInterface(child.stdout);
  lines.on('line', (line) => seen.push(line));
  const closed = once(child, 'close');
  return {
    lines: lines[Symbol.asyncIterator]() as AsyncIterableIterator<string>,
    outcome: () => withWatchdog(LIMIT_MS, () => seen, closed).then(() => seen.at(-1) ?? ''),
  };
}

function listen(family: Family, authkey?: connection.AuthKey): connection.Listener {
  const listener = new connection.Listener({ family, authkey });
  open.push(listener);
  return listener;
}

function literal(address: string | [string, number]): string {
  return typeof address === 'string' ? JSON.stringify(address) : `(${JSON.stringify(address[0])}, ${address[1]})`;
}

/** What Python's repr shows. */
function addressIn(line: string): connection.Address {
  const [, host, port] = /^\('(.*)', (\d+)\)$/.exec(line) ?? [];
  return host === undefined ? line.slice(1, -1) : [host, Number(port)];
}

async function checkEcho(conn: Connection): Promise<void> {
  open.push(conn);
  for (const size of SIZES) {
    const message = Buffer.alloc(size, 'forkful');
    const [answer] = await withWatchdog(LIMIT_MS, () => `${size} bytes`, Promise.all([conn.recvBytes(), conn.sendBytes(message)]));
    expect(Buffer.compare(answer, message), `${size} bytes`).toBe(0);
  }
  conn.sendBytesSync(Buffer.from('blocking'));
  expect(Buffer.from(conn.recvBytesSync({ timeout: LIMIT_MS })).toString()).toBe('blocking');
}

describe.each(versions)('CPython $version', { ...noPython, timeout: 3 * LIMIT_MS }, ({ path, version }) => {
  describe.each(FAMILIES)('over %s', (family) => {
    test.each(KEYS)('as client sends and receives, with $what', async ({ authkey, literal: key }) => {
      const listener = listen(family, authkey);
      const partner = python(path, 'connect', family, literal(listener.address), key);
      const conn = await listener.accept({ timeout: LIMIT_MS });
      await checkEcho(conn);
      conn.close();
      expect(await partner.outcome()).toBe('done');
    });

    // before 3.13 a listener takes an empty key for none
    const listenerKeys = KEYS.filter(({ authkey }) => authkey !== '' || Number(version.split('.')[1]) >= 13);

    test.each(listenerKeys)('as listener sends and receives, with $what', async ({ authkey, literal: key }) => {
      const partner = python(path, 'listen', family, key);
      const address = addressIn((await partner.lines.next()).value);
      const conn = await connection.Client(address, { authkey, timeout: LIMIT_MS });
      await checkEcho(conn);
      conn.close();
      expect(await partner.outcome()).toBe('done');
    });

    test('as client with another key is refused, and the listener goes on', async () => {
      const listener = listen(family, 'secret');
      const wrong = python(path, 'connect', family, literal(listener.address), "b'public'");
      await expect(listener.accept({ timeout: LIMIT_MS })).rejects.toThrow(AuthenticationError);
      expect(await wrong.outcome()).toBe('AuthenticationError');
      const right = python(path, 'connect', family, literal(listener.address), "b'secret'");
      await checkEcho(listener.acceptSync({ timeout: LIMIT_MS }));
      for (const one of open.splice(0)) one.close();
      expect(await right.outcome()).toBe('done');
    });

    test('as listener with another key refuses', async () => {
      const partner = python(path, 'listen', family, "b'public'");
      const address = addressIn((await partner.lines.next()).value);
      const connecting = connection.Client(address, { authkey: 'secret', timeout: LIMIT_MS });
      await expect(connecting).rejects.toThrow(AuthenticationError);
      expect(await partner.outcome()).toBe('AuthenticationError');
    });
  });

  test('is accepted and connected to by the blocking forms', async () => {
    const listener = listen('AF_INET', 'secret');
    const client = python(path, 'connect', 'AF_INET', literal(listener.address), "b'secret'");
    await checkEcho(listener.acceptSync({ timeout: LIMIT_MS }));
    for (const one of open.splice(0)) one.close();
    expect(await client.outcome()).toBe('done');
    const partner = python(path, 'listen', 'AF_UNIX', "b'secret'");
    const address = addressIn((await partner.lines.next()).value);
    await checkEcho(connection.ClientSync(address, { authkey: 'secret', timeout: LIMIT_MS }));
    for (const one of open.splice(0)) one.close();
    expect(await partner.outcome()).toBe('done');
  });

  test('sends many messages in one go, and each arrives as it was', async () => {
    const listener = listen('AF_UNIX');
    const partner = python(path, 'send', 'AF_UNIX', literal(listener.address), 'None', '300');
    const conn = await listener.accept({ timeout: LIMIT_MS });
    open.push(conn);
    for (let size = 0; size < 300; size++) expect((await conn.recvBytes({ timeout: LIMIT_MS })).length).toBe(size);
    expect((await conn.recvBytes({ timeout: LIMIT_MS })).length).toBe(5 << 20);
    await expect(conn.recvBytes({ timeout: LIMIT_MS })).rejects.toMatchObject({ code: 'ERR_FORKFUL_EOF' });
    expect(await partner.outcome()).toBe('done');
  });
});

/** As a literal: the bytes 0, 1, ... */
function pythonBytes(count: number): string {
  return `b'${Array.from({ length: count }, (_, i) => `\\x${i.toString(16).padStart(2, '0')}`).join('')}'`;
}

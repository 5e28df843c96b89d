/** Listener and Client: who may connect, what is told, and what is left when they go. */
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { inspect } from 'node:util';
import { type Connection, connection, Lock, Queue, SerializationError } from 'forkful';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { backend, itNative } from '../helpers/backends.js';
import { skipIf } from '../helpers/examples.js';
import { withWatchdog } from '../helpers/watchdog.js';

const { Client, ClientSync, Listener } = connection;
const LIMIT_MS = 60_000;
const folder = mkdtempSync(join(tmpdir(), 'forkful-listener-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let paths = 0;
const freshPath = () => join(folder, `socket-${paths++}`);

const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

function closedLater<T extends { close(): void }>(one: T): T {
  open.push(one);
  return one;
}

async function listen(options?: connection.ListenerOptions): Promise<connection.Listener> {
  return await closedLater(new Listener(options)).opened();
}

async function pair(listener: connection.Listener, options?: connection.ClientOptions): Promise<[Connection, Connection]> {
  const both = await soon(Promise.all([listener.accept(), Client(listener.address, options)]));
  open.push(...both);
  return both;
}

const soon = <T>(promise: Promise<T>): Promise<T> => withWatchdog(LIMIT_MS, () => 'two ends', promise);

const ADDRESSES: readonly [what: string, options: () => connection.ListenerOptions][] = [
  ['the default', () => ({})],
  ['a path', () => ({ address: freshPath() })],
  ['a name of the abstract namespace', () => ({ address: `\0${freshPath()}` })],
  ['AF_INET', () => ({ family: 'AF_INET' })],
  ['[host, port]', () => ({ address: ['127.0.0.1', 0] })],
  ['{ host, port }', () => ({ address: { host: 'localhost', port: 0 } })],
  ['AF_INET6', () => ({ family: 'AF_INET6' })],
];

describe.each(ADDRESSES)('at %s', (_, options) => {
  test('both ends send and receive, and see the end', async () => {
    const [a, b] = await pair(await listen(options()));
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      await from.sendBytes(Buffer.from('hello'));
      expect(await soon(to.poll(LIMIT_MS))).toBe(true);
      expect(Buffer.from(await to.recvBytes()).toString()).toBe('hello');
    }
    a.close();
    expect(await soon(b.poll(LIMIT_MS))).toBe(true);
    await expect(b.recvBytes()).rejects.toMatchObject({ code: 'ERR_FORKFUL_EOF' });
    await expect(b.sendBytes(Buffer.of(1))).rejects.toMatchObject({ code: 'ERR_FORKFUL_BROKEN_PIPE' });
  });

  test('objects are exchanged with a key', async () => {
    const [a, b] = await pair(await listen({ ...options(), authkey: 'k' }), { authkey: Buffer.from('k') });
    const value = {
      text: 'zażółć',
      list: [1, 2n, new Date(0)],
      map: new Map([['a', new Set([1])]]),
      bytes: new Uint8Array(10_000).fill(7),
    };
    await a.send(value);
    expect(await soon(b.recv())).toEqual(value);
    const large = new Float64Array(100_000).fill(0.5);
    const [received] = await soon(Promise.all([a.recv(), b.send(large)]));
    expect(received).toEqual(large);
  });
});

test('the default address is a path in a folder of its own, for this user only, which goes with the listener', async () => {
  const listener = await listen();
  const path = listener.address as string;
  expect([statSync(dirname(path)).mode & 0o777, listener.family, listener.lastAccepted]).toEqual([0o700, 'AF_UNIX', null]);
  listener.close();
  listener.close();
  expect([existsSync(path), existsSync(dirname(path)), listener.closed]).toEqual([false, false, true]);
});

test('it tells its port, and who was accepted', async () => {
  const listener = await listen({ address: ['localhost', 0] });
  const [host, port] = listener.address as [string, number];
  expect([host, port > 0]).toEqual(['127.0.0.1', true]);
  expect(inspect(listener)).toBe(`<Listener [ '127.0.0.1', ${port} ]>`);
  const [a, b] = await pair(listener);
  expect(listener.lastAccepted).toEqual(['127.0.0.1', expect.any(Number)]);
  expect([inspect(a), inspect(b)]).toEqual([
    expect.stringMatching(/^<Connection tcp 127.0.0.1:\d+>$/),
    `<Connection tcp 127.0.0.1:${port}>`,
  ]);
});

test('options can be arguments, as in Python', async () => {
  const path = freshPath();
  const listener = await closedLater(new Listener(path, 'AF_UNIX', 5, 'k')).opened();
  expect([listener.address, listener.family]).toEqual([path, 'AF_UNIX']);
  open.push(...(await soon(Promise.all([listener.accept(), Client(path, 'AF_UNIX', 'k')]))));
  open.push(...(await soon(Promise.all([listener.accept(), Client(path, null, Buffer.from('k'))]))));
  expect((await closedLater(new Listener(null, 'AF_INET')).opened()).family).toBe('AF_INET');
});

test.each([
  [{ backlog: -1 }, RangeError],
  [{ backlog: '1' }, TypeError],
  [{ authkey: 7 }, TypeError],
  [{ authkey: ['k'] }, TypeError],
  [{ family: 'AF_PIPE' }, RangeError],
  [{ family: 1 }, TypeError],
  [{ address: 7 }, TypeError],
  [{ handshakeTimeout: 0 }, RangeError],
  [{ maxMessageBytes: -1 }, RangeError],
  [{ adress: '/tmp/x' }, TypeError],
])('%j is refused', (options, error) => {
  expect(() => new Listener(options as never)).toThrow(error);
});

itNative('an address that cannot be had is told by the constructor', async () => {
  const listener = await listen({ address: ['localhost', 0] });
  expect(() => new Listener(listener.address)).toThrow(
    expect.objectContaining({ code: 'EADDRINUSE', message: expect.stringContaining('127.0.0.1') }),
  );
  const path = freshPath();
  writeFileSync(path, '');
  expect(() => new Listener(path)).toThrow(expect.objectContaining({ code: 'EADDRINUSE' }));
  expect(() => new Listener(join(path, 'below'))).toThrow(expect.objectContaining({ code: 'ENOTDIR' }));
  expect(() => new Listener(join(folder, 'no', 'folder'))).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  expect(existsSync(path)).toBe(true);
});

test('the JS backend tells when it is waited for', skipIf(backend === 'native' ? 'of the JS backend' : undefined), async () => {
  const listener = await listen({ address: ['localhost', 0] });
  const second = closedLater(new Listener(listener.address));
  await expect(second.accept()).rejects.toMatchObject({ code: 'EADDRINUSE' });
  await expect(second.opened()).rejects.toMatchObject({ code: 'EADDRINUSE' });
  expect(() => closedLater(new Listener({ family: 'AF_INET' })).address).toThrow(
    expect.objectContaining({ code: 'ERR_FORKFUL_NOT_BOUND' }),
  );
  expect(() => listener.acceptSync({ timeout: 0 })).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_BACKEND' }));
  expect(() => ClientSync(listener.address)).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_BACKEND' }));
});

test('to connect where nobody listens is told', async () => {
  const listener = await listen({ address: ['localhost', 0] });
  const { address } = listener;
  listener.close();
  await expect(Client(address)).rejects.toMatchObject({ code: 'ECONNREFUSED', message: expect.stringMatching(/nobody listens there/) });
  await expect(Client(freshPath())).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(Client(['no.such.name.invalid', 1])).rejects.toMatchObject({ name: 'SystemError', syscall: 'getaddrinfo' });
});

test('accept and Client end by their timeout and signal, and the listener goes on', async () => {
  const listener = await listen({ authkey: 'k' });
  await expect(listener.accept({ timeout: 0 })).rejects.toMatchObject({ code: 'ERR_FORKFUL_TIMEOUT' });
  await expect(listener.accept({ timeout: 10 })).rejects.toMatchObject({ code: 'ERR_FORKFUL_TIMEOUT' });
  await expect(listener.accept({ signal: AbortSignal.timeout(1) })).rejects.toMatchObject({ name: 'TimeoutError' });
  // nobody accepts: connected, but no challenge comes
  await expect(Client(listener.address, { authkey: 'k', timeout: 20 })).rejects.toMatchObject({ code: 'ERR_FORKFUL_TIMEOUT' });
  const aborter = new AbortController();
  const connecting = Client(listener.address, { authkey: 'k', signal: aborter.signal });
  aborter.abort('enough');
  await expect(connecting).rejects.toBe('enough');
  const client = Client(listener.address, { authkey: 'k' });
  // the one that was out of time is gone, and costs one accept
  await expect(soon(listener.accept())).rejects.toMatchObject({ code: 'ERR_FORKFUL_AUTHENTICATION' });
  open.push(await soon(listener.accept()), await soon(client));
});

test('promises that wait reject when the listener or the connection is closed', async () => {
  const listener = await listen();
  const accepting = listener.accept();
  listener.close();
  await expect(accepting).rejects.toMatchObject({ code: 'ERR_FORKFUL_CLOSED' });
  await expect(listener.accept()).rejects.toMatchObject({ code: 'ERR_FORKFUL_CLOSED' });
  expect(() => listener.address).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_CLOSED' }));
  const [a] = await pair(await listen());
  const waiting = [a.recvBytes(), a.poll({})];
  a.close();
  for (const one of waiting) await expect(one).rejects.toMatchObject({ code: 'ERR_FORKFUL_CLOSED' });
});

test('several accepts are served in their order', async () => {
  const listener = await listen({ backlog: 10 });
  const accepting = [listener.accept(), listener.accept(), listener.accept()];
  const clients: Connection[] = [];
  for (const name of ['one', 'two', 'three']) {
    const client = closedLater(await Client(listener.address));
    await client.sendBytes(Buffer.from(name));
    clients.push(client);
  }
  const accepted = await soon(Promise.all(accepting));
  open.push(...accepted);
  const names = await soon(Promise.all(accepted.map((conn) => conn.recvBytes())));
  expect(names.map((name) => Buffer.from(name).toString())).toEqual(['one', 'two', 'three']);
});

test('more clients than the queue takes all come through', async () => {
  const listener = await listen({ backlog: 1, authkey: 'k' });
  const clients = Array.from({ length: 20 }, () => Client(listener.address, { authkey: 'k' }));
  for (let i = 0; i < clients.length; i++) closedLater(await soon(listener.accept()));
  open.push(...(await soon(Promise.all(clients))));
});

test('without a key no objects are exchanged, and with one no shared objects', async () => {
  const [a] = await pair(await listen());
  for (const refused of [a.send(1), a.recv({ timeout: 0 })])
    await expect(refused).rejects.toMatchObject({ code: 'ERR_FORKFUL_AUTHENTICATION', message: expect.stringContaining('authkey') });
  const [c, d] = await pair(await listen({ authkey: '' }), { authkey: '' });
  const refused = c.send({ guards: [new Lock()] });
  await expect(refused).rejects.toBeInstanceOf(SerializationError);
  await expect(refused).rejects.toMatchObject({ path: '.guards[0]', message: expect.stringContaining('only within its family') });
  await c.send('still usable');
  expect(await soon(d.recv())).toBe('still usable');
});

test('a listener is not sent to another process, and the error says what to do', async () => {
  const sent = new Queue().put({ jobs: [await listen()] });
  await expect(sent).rejects.toMatchObject({
    name: 'SerializationError',
    path: '.jobs[0]',
    message: expect.stringMatching(/Send its address/),
  });
});

test('connection.wait sees listeners and connections', async () => {
  const [first, second] = [await listen(), await listen()];
  expect(await connection.wait([first, second], { timeout: 0 })).toEqual([]);
  const waiting = connection.wait([first, second], { timeout: LIMIT_MS });
  const client = closedLater(await Client(second.address));
  expect(await soon(waiting)).toEqual([second]);
  const accepted = closedLater(await second.accept());
  const messages = connection.wait([client, accepted, first], { timeout: LIMIT_MS });
  await client.sendBytes(Buffer.of(1));
  expect(await soon(messages)).toEqual([accepted]);
  expect((await accepted.recvBytes()).length).toBe(1);
});

test('a wait ends when what it waits for is closed', async () => {
  const listener = await listen();
  const [a] = await pair(listener);
  for (const one of [a, listener]) {
    const waiting = connection.wait([one], { timeout: LIMIT_MS });
    one.close();
    expect(await soon(waiting)).toEqual([one]);
  }
});

itNative('the blocking forms do all of it', async () => {
  for (const options of [{}, { family: 'AF_INET' as const, authkey: 'k' }]) {
    const listener = await listen(options);
    expect(() => listener.acceptSync({ timeout: 0 })).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_TIMEOUT' }));
    expect(() => listener.acceptSync({ timeout: 20 })).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_TIMEOUT' }));
    const authkey = 'authkey' in options ? options.authkey : undefined;
    // of one thread: in a handshake each end waits for the other one
    if (authkey === undefined) open.push(await Client(listener.address), listener.acceptSync({ timeout: LIMIT_MS }));
    else open.push(...(await soon(Promise.all([listener.accept(), Client(listener.address, { authkey })]))));
    const [a, b] = open.slice(-2) as [Connection, Connection];
    expect(b.pollSync(0)).toBe(false);
    expect(() => b.recvBytesSync({ timeout: 10 })).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_TIMEOUT' }));
    a.sendBytesSync(Buffer.from('hello'));
    expect([b.pollSync(LIMIT_MS), Buffer.from(b.recvBytesSync()).toString()]).toEqual([true, 'hello']);
    a.close();
    expect([b.pollSync({}), b.pollSync()]).toEqual([true, true]);
    expect(() => b.recvBytesSync()).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_EOF' }));
    expect(() => b.sendBytesSync(Buffer.of(1))).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_BROKEN_PIPE' }));
  }
  expect(() => ClientSync(freshPath())).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  expect(() => ClientSync(['no.such.name.invalid', 1])).toThrow(expect.objectContaining({ syscall: 'getaddrinfo' }));
});

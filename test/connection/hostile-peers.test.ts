/** Peers that are no honest ones: silent, slow, chatty, or talking something else. The listener goes on, and memory does not grow by what they claim. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type Connection, connection } from 'forkful';
import { afterEach, describe, expect, test } from 'vitest';
import { itNative } from '../helpers/backends.js';
import { withWatchdog } from '../helpers/watchdog.js';

const { Client, Listener } = connection;
const LIMIT_MS = 60_000;
const authkey = 'secret';
const open: { close(): void }[] = [];

afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

async function listen(options: connection.ListenerOptions = {}): Promise<connection.Listener> {
  const listener = new Listener({ backlog: 50, ...options });
  open.push(listener);
  return await listener.opened();
}

/** Connects without knowing anything of connections. */
async function stranger(listener: connection.Listener, greeting?: Uint8Array): Promise<Socket> {
  const { address } = listener;
  const socket = typeof address === 'string' ? connect(address) : connect(address[1], address[0]);
  open.push({ close: () => socket.destroy() });
  socket.on('error', () => {}); // a reset is what it deserves
  await once(socket, 'connect');
  if (greeting !== undefined) await new Promise((resolve) => socket.write(greeting, resolve));
  return socket;
}

async function accepted(listener: connection.Listener): Promise<Connection> {
  const conn = await soon(listener.accept());
  open.push(conn);
  return conn;
}

/** One that knows the key is let in. Where it has but a second, `isHasty`, it may have no processor for so long; then it comes again. */
async function checkGoesOn(listener: connection.Listener, isHasty = false): Promise<void> {
  const accepting = listener.accept();
  const [accepted, connected] = await soon(Promise.allSettled([accepting, Client(listener.address, { authkey })]));
  for (const one of [accepted, connected]) if (one.status === 'fulfilled') open.push(one.value);
  if (isHasty && accepted.status === 'rejected' && /did not answer in time/.test(String(accepted.reason)))
    return checkGoesOn(listener, true);
  const [a, b] = await Promise.all([accepting, connected.status === 'fulfilled' ? connected.value : Promise.reject(connected.reason)]);
  await a.send('welcome');
  expect(await soon(b.recv())).toBe('welcome');
}

const soon = <T>(promise: Promise<T>): Promise<T> => withWatchdog(LIMIT_MS, () => 'a peer', promise);

function frame(payload: string | Uint8Array, claimed = payload.length): Buffer {
  const header = Buffer.alloc(4);
  header.writeInt32BE(claimed | 0);
  return Buffer.concat([header, Buffer.from(payload)]);
}

const GREETINGS: readonly [what: string, bytes: Uint8Array][] = [
  ['a frame of 257 bytes', frame(Buffer.alloc(257))],
  ['a frame of 2 GiB, claimed', frame('', 0x7fffffff)],
  ['a frame of -2 bytes', frame('', -2)],
  ['a frame of 2^64 - 1 bytes, claimed', Buffer.from('ffffffffffffffffffffffff', 'hex')],
  ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
  ['a wrong answer', frame(`{sha256}${'x'.repeat(32)}`)],
  ['an answer by an unknown digest', frame(`{crc32}${'x'.repeat(32)}`)],
  ['an empty answer', frame('')],
  ['a challenge of its own', frame(`#CHALLENGE#{sha256}${'x'.repeat(40)}`)],
  ['what would be welcome', frame('#WELCOME#')],
];

describe.each(['AF_UNIX', 'AF_INET'] as const)('a listener with a key, over %s', (family) => {
  test.each(GREETINGS)('refuses %s, and goes on', async (_, bytes) => {
    const listener = await listen({ family, authkey });
    const socket = await stranger(listener, bytes);
    await expect(soon(listener.accept())).rejects.toMatchObject({ code: 'ERR_FORKFUL_AUTHENTICATION' });
    const closed = new Promise((resolve) => socket.once('close', resolve)); // by a reset or not
    socket.resume();
    await soon(closed);
    await checkGoesOn(listener);
  });

  test('refuses one that leaves at once, or in the midst of an answer', async () => {
    const listener = await listen({ family, authkey });
    for (const bytes of [undefined, Buffer.of(0, 0), frame('{sha256}abc', 40)]) {
      (await stranger(listener, bytes)).end();
      await expect(soon(listener.accept())).rejects.toMatchObject({ code: 'ERR_FORKFUL_AUTHENTICATION' });
    }
    await checkGoesOn(listener);
  });

  test('is not held up by any number of silent ones, nor by one that sends a byte now and then', async () => {
    const listener = await listen({ family, authkey, handshakeTimeout: 3_600_000 });
    for (let i = 0; i < 20; i++) await stranger(listener);
    const slow = await stranger(listener);
    const accepting = listener.accept();
    for (const byte of frame('{sha256}').subarray(0, 6)) slow.write(Buffer.of(byte));
    const client = await soon(Client(listener.address, { authkey }));
    open.push(client, await soon(accepting));
    await checkGoesOn(listener);
  });

  test('refuses a silent one when its time is over', async () => {
    const listener = await listen({ family, authkey, handshakeTimeout: 1000 });
    await stranger(listener);
    await expect(soon(listener.accept())).rejects.toThrow(/did not answer in time/);
    await checkGoesOn(listener, true);
  });
});

itNative('acceptSync is held up by silent ones no more than accept, and counts their time', async () => {
  const listener = await listen({ authkey, handshakeTimeout: 1000 });
  await stranger(listener);
  await stranger(listener);
  for (let i = 0; i < 2; i++) expect(() => listener.acceptSync({ timeout: LIMIT_MS })).toThrow(/did not answer in time/);
  await checkGoesOn(listener, true);
});

test('time in which nobody accepts is not counted against a peer', async () => {
  const listener = await listen({ authkey, handshakeTimeout: 3_600_000 });
  const connecting = Client(listener.address, { authkey });
  await connection.wait([listener]);
  // takes it in, and does no more
  await expect(listener.accept({ timeout: 0 })).rejects.toMatchObject({ code: 'ERR_FORKFUL_TIMEOUT' });
  const { now } = performance;
  performance.now = () => now.call(performance) + 3_700_000;
  try {
    open.push(await soon(listener.accept()), await soon(connecting));
  } finally {
    performance.now = now;
  }
});

describe('a connection without a key', () => {
  test('refuses a message that is longer than maxMessageBytes before it is read, and nothing more is received', async () => {
    const listener = await listen({ maxMessageBytes: 100 });
    await stranger(listener, Buffer.concat([frame(Buffer.alloc(100)), frame('', 101)]));
    const conn = await accepted(listener);
    expect((await soon(conn.recvBytes())).length).toBe(100);
    expect(await soon(conn.poll(LIMIT_MS))).toBe(true);
    await expect(soon(conn.recvBytes())).rejects.toMatchObject({ code: 'ERR_FORKFUL_MESSAGE_TOO_LONG' });
    await expect(conn.recvBytes()).rejects.toMatchObject({ code: 'ERR_FORKFUL_DIRECTION' });
    await conn.sendBytes(Buffer.from('one can still send'));
  });

  test('claims no memory for what is only announced', async () => {
    const listener = await listen();
    const before = process.memoryUsage().arrayBuffers;
    const conns: Connection[] = [];
    for (let i = 0; i < 20; i++) {
      await stranger(listener, frame(Buffer.alloc(1000), 2 ** 30));
      conns.push(await accepted(listener));
    }
    await Promise.all(conns.map((conn) => expect(conn.recvBytes({ timeout: 50 })).rejects.toMatchObject({ code: 'ERR_FORKFUL_TIMEOUT' })));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20 * 500_000);
  });

  test('keeps what has come of a message when a wait for it ends, and says when the rest never comes', async () => {
    const listener = await listen();
    const socket = await stranger(listener, frame('hel', 5));
    const conn = await accepted(listener);
    await expect(conn.recvBytes({ timeout: 20 })).rejects.toMatchObject({ code: 'ERR_FORKFUL_TIMEOUT' });
    expect(await conn.poll(0)).toBe(false);
    socket.write('lo');
    expect(Buffer.from(await soon(conn.recvBytes())).toString()).toBe('hello');
    socket.end(frame('hel', 5));
    await expect(soon(conn.recvBytes())).rejects.toMatchObject({ code: 'ERR_FORKFUL_MESSAGE_TRUNCATED' });
  });

  test('a peer that does not read makes a send wait; given up in the midst of a message it is the last', async () => {
    const listener = await listen();
    const socket = await stranger(listener);
    socket.pause();
    const conn = await accepted(listener);
    const message = Buffer.alloc(64 << 20);
    const [first, behind] = [conn.sendBytes(message, 0, undefined, { timeout: 50 }), conn.sendBytes(Buffer.of(1))];
    await expect(first).rejects.toMatchObject({ code: 'ERR_FORKFUL_TIMEOUT' });
    await expect(behind).rejects.toMatchObject({ code: 'ERR_FORKFUL_BROKEN_PIPE' });
    await expect(conn.sendBytes(Buffer.of(1))).rejects.toMatchObject({
      code: 'ERR_FORKFUL_BROKEN_PIPE',
      message: expect.stringMatching(/given up/),
    });
  });
});

test('bytes that are no object are a SerializationError, and the connection goes on', async () => {
  const listener = await listen({ authkey });
  const [a, b] = await soon(Promise.all([listener.accept(), Client(listener.address, { authkey })]));
  open.push(a, b);
  for (const bytes of [Buffer.alloc(0), Buffer.from('garbage'), Buffer.of(0, 0xd0, 0)]) {
    await a.sendBytes(bytes);
    await expect(soon(b.recv())).rejects.toMatchObject({ code: 'ERR_FORKFUL_SERIALIZATION' });
  }
  await a.send(1);
  expect(await soon(b.recv())).toBe(1);
});

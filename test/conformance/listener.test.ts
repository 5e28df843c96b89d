/**
 * Listeners, clients and their handshake as CPython's tests have them: `_TestListener`, `_TestListenerClient`, `_TestPoll` over sockets, `OtherTest`,
 * `ChallengeResponseTest`, `TestInvalidFamily` and `TestIgnoreEINTR.test_ignore_listener` of test/_test_multiprocessing.py. Where objects are sent there is a
 * key, which CPython does without. What is compared, and what is not, is listed in docs/conformance.md.
 */
import { readFileSync } from 'node:fs';
import { AuthenticationError, type Connection, connection, Process, Queue, type StartMethod } from 'forkful';
import { afterEach, expect, test } from 'vitest';
import { createAnswer, refusalOf } from '../../src/connection/auth.js';
import { grid, inThreads } from '../helpers/grid.js';
import { until } from '../helpers/victims.js';
import { withWatchdog } from '../helpers/watchdog.js';

const { Client, families, Listener } = connection;
const module = new URL('../fixtures/conformance/listener.mjs', import.meta.url);
const WAIT_MS = 60_000;
const authkey = 'supadupasecretkey';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

const soon = <T>(promise: Promise<T>): Promise<T> => withWatchdog(WAIT_MS, () => 'a connection', promise);
const start = (method: StartMethod, name: string, args: unknown[]): Promise<Process> =>
  new Process({ target: { module, name }, args, method }).start();

async function end(p: Process): Promise<void> {
  await soon(p.join());
  expect(p.exitCode).toBe(0);
}

async function listen(options: connection.ListenerOptions): Promise<connection.Listener> {
  const listener = new Listener(options);
  open.push(listener);
  return await listener.opened();
}

async function accept(listener: connection.Listener): Promise<Connection> {
  const conn = await soon(listener.accept());
  open.push(conn);
  return conn;
}

const textOf = async (conn: Connection): Promise<string> => Buffer.from(await soon(conn.recvBytes())).toString();

test.each(families)('a second listener at an address of %s is refused', async (family) => {
  const listener = await listen({ family });
  const second = async () => {
    const other = new Listener(listener.address, family);
    open.push(other);
    await other.opened();
  };
  await expect(second()).rejects.toMatchObject({ code: 'EADDRINUSE' });
});

test('listener, client and accepted connection are closed by their scopes', async () => {
  const ends: (Connection | connection.Listener)[] = [];
  {
    await using listener = await new Listener({ authkey }).opened();
    const [conn, client] = await soon(Promise.all([listener.accept(), Client(listener.address, { authkey })]));
    using d = conn;
    using c = client;
    await c.send(1729);
    expect(await soon(d.recv())).toBe(1729);
    ends.push(listener, c, d);
  }
  expect(ends.map(({ closed }) => closed)).toEqual([true, true, true]);
  await expect((ends[0] as connection.Listener).accept()).rejects.toMatchObject({ code: 'ERR_FORKFUL_CLOSED' });
});

test('an empty key authenticates on both sides', async () => {
  const listener = await listen({ authkey: new Uint8Array(0) });
  const [d, c] = await soon(Promise.all([listener.accept(), Client(listener.address, { authkey: new Uint8Array(0) })]));
  open.push(d, c);
  await c.send(1729);
  expect(await soon(d.recv())).toBe(1729);
});

test('an address that starts with a zero leaves no file behind', async () => {
  const address = `\0forkful-something-${process.pid}`;
  const listener = await listen({ address, authkey });
  expect(listener.address).toBe(address);
  const [d, c] = await soon(Promise.all([listener.accept(), Client(listener.address, { authkey })]));
  open.push(d, c);
  await c.send(1729);
  expect(await soon(d.recv())).toBe(1729);
});

grid('a child connects and sends, the parent accepts and receives, in every family', {}, async (method) => {
  for (const family of families) {
    const listener = await listen({ family, authkey });
    const p = await start(method, 'sayHello', [listener.address, authkey]);
    expect(await soon((await accept(listener)).recv())).toBe('hello');
    await end(p);
  }
});

grid('what a client wrote before it left, and before it was accepted, is received', {}, async (method) => {
  const listener = await listen({});
  const client = await Client(listener.address);
  await client.sendBytes(Buffer.from('hello'));
  client.close();
  expect(await textOf(await accept(listener))).toBe('hello');
  // with a key it cannot leave before it is accepted
  const keyed = await listen({ authkey });
  const p = await start(method, 'sayHello', [keyed.address, authkey]);
  const conn = await accept(keyed);
  await end(p);
  expect(await soon(conn.recv())).toBe('hello');
});

test.each(families)("what the acceptor sends makes the client's poll true, over %s", async (family) => {
  const listener = await listen({ family });
  const c = await Client(listener.address);
  open.push(c);
  await (await accept(listener)).sendBytes(Buffer.from('hello'));
  expect(await soon(c.poll(WAIT_MS))).toBe(true);
});

test('an empty message makes poll true, repeatedly', async () => {
  const listener = await listen({});
  const b = await Client(listener.address);
  const a = await accept(listener);
  open.push(b);
  expect(await a.poll()).toBe(false);
  await b.sendBytes(new Uint8Array(0));
  for (let i = 0; i < 2; i++) expect(await soon(a.poll(WAIT_MS))).toBe(true);
  expect(await textOf(a)).toBe('');
});

grid('messages, empty ones too, are polled for and received in order', {}, async (method) => {
  const strings = ['hello', '', 'a', 'b', '', 'bye', '', 'lop'];
  const listener = await listen({});
  const p = await start(method, 'sendStrings', [listener.address, strings]);
  const a = await accept(listener);
  for (const text of strings) {
    expect(await soon(a.poll(WAIT_MS))).toBe(true);
    expect(await textOf(a)).toBe(text);
    await a.sendBytes(new Uint8Array(0));
  }
  await end(p);
});

grid('messages that are sent at once stay apart, and poll is true until all are received', {}, async (method) => {
  const listener = await listen({});
  const p = await start(method, 'sendAtOnce', [listener.address, ['a', 'b', 'cd']]);
  const a = await accept(listener);
  for (const text of ['a', 'b', 'cd']) {
    for (let i = 0; i < 2; i++) expect(await soon(a.poll(WAIT_MS))).toBe(true);
    expect(await textOf(a)).toBe(text);
  }
  expect(await a.poll()).toBe(false);
  await a.sendBytes(new Uint8Array(0));
  await end(p);
});

function isAsleep(pid: number): boolean {
  return /\) S/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

/** Answers what it is told, whatever it is asked. */
function fakeConnection(...answers: string[]): Connection {
  return { sendBytes: async () => {}, recvBytes: async () => Buffer.from(answers.shift() ?? '') } as unknown as Connection;
}

test('a bogus answer to a challenge, and a bogus verdict, are authentication errors', async () => {
  await expect(connection.deliverChallenge(fakeConnection('something bogus'), 'abc')).rejects.toThrow(AuthenticationError);
  await expect(connection.answerChallenge(fakeConnection('#CHALLENGE#', 'something bogus'), 'abc')).rejects.toThrow(AuthenticationError);
  await expect(connection.answerChallenge(fakeConnection(`#CHALLENGE#${'x'.repeat(20)}`, 'something bogus'), 'abc')).rejects.toThrow(
    AuthenticationError,
  );
});

test.each(['', '{md5}', '{sha256}'])("an answer to a challenge with the prefix '%s' has it too, and is right", (prefix) => {
  const message = Buffer.from(`${prefix}is-twenty-bytes-long`);
  const answer = Buffer.from(createAnswer(Buffer.from(authkey), message));
  expect(answer.subarray(0, prefix.length).toString()).toBe(prefix);
  expect(refusalOf(Buffer.from(authkey), message, answer)).toBe(undefined);
});

test("the address of a pipe of Windows's is refused", () => {
  expect(() => new Listener('\\\\.\\test')).toThrow(RangeError);
});

grid('signals that are handled during an accept do not break it', inThreads('signals are for the process'), async (method) => {
  for (const blocking of [true, false]) {
    const told = new Queue<[address: string, pid: number]>();
    const p = await start(method, 'acceptDespiteSignals', [told, blocking, authkey]);
    const [address, pid] = await told.get({ timeout: WAIT_MS });
    for (let i = 0; i < 3; i++) {
      await until(
        () => isAsleep(pid),
        () => `${pid} does not wait`,
      );
      process.kill(pid, 'SIGUSR1');
    }
    // one that blocks its thread answers by itself
    const client = await soon(Client(address, { authkey }));
    open.push(client);
    expect(await soon(client.recv())).toBe('welcome');
    await end(p);
  }
});

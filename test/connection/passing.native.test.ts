/** Connections over sockets on their way to other processes: what arrives is a socket of its own to the same peer. */
import { type Connection, connection, Pipe, Process, Queue, type StartMethod } from 'forkful';
import { afterEach, expect, test } from 'vitest';
import { BLOCK_SOCKET, countBlocks } from '../../src/memory/block.js';
import { grid, inThreads } from '../helpers/grid.js';
import { until } from '../helpers/victims.js';
import { withWatchdog } from '../helpers/watchdog.js';

const { Client, families, Listener } = connection;
const module = new URL('../fixtures/connection-passing.mjs', import.meta.url);
const LIMIT_MS = 60_000;
const authkey = 'secret';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

const soon = <T>(promise: Promise<T>): Promise<T> => withWatchdog(LIMIT_MS, () => 'a connection', promise);
const start = (method: StartMethod, name: string, args: unknown[]): Promise<Process> =>
  new Process({ target: { module, name }, args, method }).start();

async function end(p: Process): Promise<void> {
  await soon(p.join());
  expect(p.exitCode).toBe(0);
}

async function pair(options: connection.ListenerOptions = {}): Promise<[Connection, Connection]> {
  const listener = new Listener({ authkey, ...options });
  open.push(listener);
  const both = await soon(Promise.all([listener.accept(), Client(listener.address, { authkey })]));
  open.push(...both);
  return both;
}

/** No pass is left over. */
async function nothingLent(): Promise<void> {
  await until(
    () => countBlocks(BLOCK_SOCKET) === 0,
    () => `${countBlocks(BLOCK_SOCKET)} passes`,
  );
}

for (const family of families) {
  grid(`a connection of ${family} is an argument, and the peer sees the end when both have closed it`, {}, async (method) => {
    const [a, b] = await pair({ family });
    const p = await start(method, 'greet', [b]);
    b.close();
    expect(await soon(a.recv())).toBe('hello from a duplex end');
    await a.send(1729);
    expect(Buffer.from(await soon(a.recvBytes())).toString()).toBe('1729');
    await expect(soon(a.recvBytes())).rejects.toMatchObject({ code: 'ERR_FORKFUL_EOF' });
    await end(p);
    await nothingLent();
  });
}

grid('a connection goes to another process and back, in messages', {}, async (method) => {
  const [to, theirs] = Pipe({ duplex: false }).toReversed() as [Connection, Connection];
  const [from, backwards] = Pipe({ duplex: false });
  open.push(to, from);
  const p = await start(method, 'passOn', [theirs, backwards]);
  theirs.close();
  backwards.close();
  for (let i = 0; i < 5; i++) {
    const [a, b] = await pair();
    await to.send(b);
    b.close();
    const { conn } = (await soon(from.recv())) as { conn: Connection };
    open.push(conn);
    await a.send(i);
    expect(await soon(conn.recv())).toBe(i);
  }
  await to.send(null);
  await end(p);
  for (const one of open.splice(0)) one.close();
  await nothingLent();
});

grid('one that accepts and one that connects, and a third that has the connection', {}, async (method) => {
  const [addresses, told] = Pipe();
  const [ours, theirs] = Pipe({ duplex: false }).toReversed() as [Connection, Connection];
  open.push(addresses, ours);
  const accepting = await start(method, 'acceptAll', [told, families, authkey]);
  const connecting = await start(method, 'connectAll', [theirs, authkey]);
  for (const family of families) {
    const address = await soon(addresses.recv());
    await ours.send([address, `this is ${family}`]);
    const conn = (await soon(addresses.recv())) as Connection;
    open.push(conn);
    expect(await soon(conn.recv())).toBe(`THIS IS ${family.toUpperCase()}`);
  }
  await ours.send(null);
  await addresses.send('all are here');
  await end(accepting);
  await end(connecting);
});

test('what is under way when its sender closes it still arrives, once, and is the same object where it came from', async () => {
  const queue = new Queue<Connection>();
  const [a, b] = await pair();
  await queue.put(b);
  await queue.put(b);
  expect(await queue.get()).toBe(b);
  b.close();
  const again = await queue.get();
  open.push(again);
  expect(again).not.toBe(b);
  await a.send('still there');
  expect(await soon(again.recv())).toBe('still there');
  again.close();
  expect(await soon(a.poll(LIMIT_MS))).toBe(true);
  await nothingLent();
});

test('one on which something is under way is not sent', async () => {
  const queue = new Queue();
  const [a, b] = await pair();
  await a.send('first');
  expect(await soon(b.poll(LIMIT_MS))).toBe(true);
  await expect(queue.put(b)).rejects.toMatchObject({ code: 'ERR_FORKFUL_SERIALIZATION', message: expect.stringContaining('under way') });
  expect(await b.recv()).toBe('first');
  const waiting = b.recv();
  await expect(queue.put(b)).rejects.toMatchObject({ code: 'ERR_FORKFUL_SERIALIZATION' });
  await a.send('second');
  expect(await soon(waiting)).toBe('second');
  await queue.put(b);
  open.push((await queue.get()) as Connection);
});

test('it does not leave the family', async () => {
  const [a, b] = await pair();
  await expect(a.send([b])).rejects.toMatchObject({ code: 'ERR_FORKFUL_SERIALIZATION', path: '[0]' });
});

grid('one whose sender was killed before it arrived is a StaleHandleError', inThreads('a thread ends with its process'), async (method) => {
  const listener = new Listener({ authkey });
  const [from, to] = Pipe({ duplex: false });
  open.push(listener, from);
  const p = await start(method, 'sendAndStay', [to, listener.address, authkey]);
  open.push(await soon(listener.accept()));
  await until(
    () => from.pollSync(0),
    () => 'nothing came',
  );
  p.kill();
  await soon(p.join());
  await expect(soon(from.recv())).rejects.toMatchObject({
    code: 'ERR_FORKFUL_STALE_HANDLE',
    message: expect.stringContaining('has ended'),
  });
  await nothingLent();
});

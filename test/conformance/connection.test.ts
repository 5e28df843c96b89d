/**
 * Pipes and `connection.wait` as CPython's tests have them: `_TestConnection`, `_TestPoll`, the part of `_TestPicklingConnections` that is about pipes, `TestWait`,
 * `TestInvalidHandle`, and `TestIgnoreEINTR` but for its listener. See docs/conformance.md.
 */
import { Connection, connection, getContext, Pipe, Process, type StartMethod } from 'forkful';
import { expect } from 'vitest';
import { grid, inThreads } from '../helpers/grid.js';
import { withWatchdog } from '../helpers/watchdog.js';

const module = new URL('../fixtures/conformance/connections.mjs', import.meta.url);
const WAIT_MS = 60_000;
/** As long as CPython's tests wait for nothing. */
const SHORT_MS = 100;
const wait = { timeout: WAIT_MS };

async function start(method: StartMethod, name: string, ...args: unknown[]): Promise<Process> {
  return await new Process({ target: { module, name }, args, method }).start();
}

/** Passes one end to a child, as its only holder. */
async function startWith(method: StartMethod, name: string, end: Connection, ...args: unknown[]): Promise<Process> {
  const p = await start(method, name, end, ...args);
  end.close();
  return p;
}

async function end(p: Process): Promise<void> {
  await withWatchdog(WAIT_MS, () => p, p.join());
  expect(p.exitCode).toBe(0);
}

function elapsed<T>(call: () => T): { result: T; ms: number } {
  const began = performance.now();
  const result = call();
  return { result, ms: performance.now() - began };
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
const eof = expect.objectContaining({ code: 'ERR_FORKFUL_EOF' });
const closed = expect.objectContaining({ code: 'ERR_FORKFUL_CLOSED' });
const wrongDirection = expect.objectContaining({ code: 'ERR_FORKFUL_DIRECTION' });

grid('objects, bytes and what is received into a buffer come back from a child; then the end', {}, async (method) => {
  const [here, there] = getContext(method).Pipe();
  const child = await start(method, 'echo', there);

  const seq = [1, 2.25, null];
  here.sendSync(seq);
  expect(here.recvSync(wait)).toEqual(seq);
  await here.send(seq);
  expect(await here.recv(wait)).toEqual(seq);

  const message = Buffer.from('hello world');
  here.sendBytesSync(message);
  expect(text(here.recvBytesSync(wait))).toBe('hello world');
  await here.sendBytes(message);
  expect(text(await here.recvBytes(wait))).toBe('hello world');

  const numbers = Int32Array.of(0, 1, 2, 3);
  const buffer = new Int32Array(10);
  here.sendBytesSync(numbers);
  expect(here.recvBytesIntoSync(buffer, 0, wait)).toBe(numbers.byteLength);
  expect([...buffer]).toEqual([0, 1, 2, 3, 0, 0, 0, 0, 0, 0]);
  buffer.fill(0);
  here.sendBytesSync(numbers);
  expect(await here.recvBytesInto(buffer, 3 * 4, wait)).toBe(numbers.byteLength);
  expect([...buffer]).toEqual([0, 0, 0, 0, 1, 2, 3, 0, 0, 0]);

  const long = Buffer.from('hello world'.repeat(10));
  const small = Buffer.alloc(40, ' ');
  here.sendBytesSync(long);
  const tooShort = { code: 'ERR_FORKFUL_BUFFER_TOO_SHORT', bytes: long };
  await expect(here.recvBytesInto(small, 0, wait)).rejects.toMatchObject(tooShort);
  here.sendBytesSync(long);
  expect(() => here.recvBytesIntoSync(small, 0, wait)).toThrow(expect.objectContaining(tooShort));
  expect(text(small)).toBe(' '.repeat(40));

  expect([here.pollSync(), await here.poll(), here.pollSync(-1), await here.poll(-1)]).toEqual([false, false, false, false]);
  const { result, ms } = elapsed(() => here.pollSync(SHORT_MS));
  expect(result).toBe(false);
  expect(ms).toBeGreaterThanOrEqual(SHORT_MS);
  const began = performance.now();
  expect(await here.poll(SHORT_MS)).toBe(false);
  expect(performance.now() - began).toBeGreaterThanOrEqual(SHORT_MS);

  await here.send(null);
  expect(await here.poll({ timeout: WAIT_MS })).toBe(true);
  expect([here.pollSync(), here.pollSync(wait), await here.recv()]).toEqual([true, true, null]);

  const big = Buffer.alloc(16 * 1024 * 1024, 'X');
  here.sendBytesSync(big);
  expect(big.equals(here.recvBytesSync(wait))).toBe(true);
  await here.sendBytes(big);
  expect(big.equals(await here.recvBytes(wait))).toBe(true);

  here.sendBytesSync(new Uint8Array(0));
  there.close();
  expect([here.readable, here.writable]).toEqual([true, true]);
  expect(await here.poll(wait)).toBe(true);
  await expect(here.recv(wait)).rejects.toEqual(eof);
  expect(() => here.recvBytesSync(wait)).toThrow(eof);
  await end(child);
});

grid('a pipe of one direction refuses the other', {}, async (method) => {
  const [reader, writer] = getContext(method).Pipe({ duplex: false });
  await writer.send(1);
  expect(await reader.recv()).toBe(1);
  expect([reader.readable, reader.writable, writer.readable, writer.writable]).toEqual([true, false, false, true]);
  expect(() => reader.sendSync(2)).toThrow(wrongDirection);
  expect(() => writer.recvSync()).toThrow(wrongDirection);
  expect(() => writer.pollSync()).toThrow(wrongDirection);
  await expect(reader.send(2)).rejects.toEqual(wrongDirection);
  await expect(writer.recv()).rejects.toEqual(wrongDirection);
  await expect(writer.poll()).rejects.toEqual(wrongDirection);
});

grid("a parent that closes its copy of a child's end right after the start hears the child", {}, async (method) => {
  const [here, there] = Pipe();
  const child = await startWith(method, 'answer', there, 'hello');
  expect(await here.recv(wait)).toBe('hello');
  await end(child);
});

grid('parts of a buffer are sent, none are a message, and what lies outside is refused', {}, async (method) => {
  const [a, b] = getContext(method).Pipe();
  const message = Buffer.from('abcdefghijklmnopqrstuvwxyz');
  const sent = (...range: [number?, number?]): string => {
    a.sendBytesSync(message, ...range);
    return text(b.recvBytesSync());
  };
  expect([sent(), sent(5), sent(7, 8), sent(26), sent(26, 0), sent(3, 0)]).toEqual([
    text(message),
    'fghijklmnopqrstuvwxyz',
    'hijklmno',
    '',
    '',
    '',
  ]);
  for (const range of [[27], [22, 5], [26, 1], [-1], [4, -1]] as [number, number?][]) {
    expect(() => a.sendBytesSync(message, ...range)).toThrow(RangeError);
    await expect(a.sendBytes(message, ...range)).rejects.toThrow(RangeError);
  }
  expect(b.pollSync()).toBe(false);
});

grid('a scope closes its connections', {}, async (method) => {
  const [a, b] = getContext(method).Pipe();
  {
    using first = a;
    await using second = b;
    first.sendSync(1729);
    expect(second.recvSync()).toBe(1729);
  }
  expect([a.closed, b.closed]).toEqual([true, true]);
  expect(() => a.recvSync()).toThrow(closed);
  expect(() => b.sendSync(1)).toThrow(closed);
});

grid('an empty message can be polled for, again and again', {}, async (method) => {
  const [here, there] = Pipe();
  const child = await startWith(method, 'sendStrings', there, ['']);
  expect(await here.poll(wait)).toBe(true);
  for (let i = 0; i < 3; i++) expect([here.pollSync(), await here.poll()]).toEqual([true, true]);
  expect(text(here.recvBytesSync())).toBe('');
  await end(child);
});

grid('messages, empty ones among them, are polled for and received in order', {}, async (method) => {
  const strings = ['hello', '', 'a', 'b', '', 'bye', '', 'lop'];
  const [here, there] = Pipe();
  const child = await startWith(method, 'sendStrings', there, strings);
  for (const each of strings) {
    expect(here.pollSync(wait)).toBe(true);
    expect(text(here.recvBytesSync())).toBe(each);
  }
  await end(child);
});

grid('a child that only polls, and ends, eats nothing', {}, async (method) => {
  const [reader, writer] = Pipe(false);
  const child = await start(method, 'pollAndEnd', reader);
  writer.sendBytesSync(Buffer.from('hello'));
  await end(child);
  expect(text(reader.recvBytesSync(wait))).toBe('hello');
});

grid('three messages stay three', {}, async (method) => {
  const [here, there] = Pipe();
  await end(await startWith(method, 'sendAtOnce', there, ['a', 'b', 'cd']));
  for (const each of ['a', 'b', 'cd']) {
    expect([here.pollSync(), await here.poll()]).toEqual([true, true]);
    expect(text(await here.recvBytes())).toBe(each);
  }
  expect(() => here.recvBytesSync()).toThrow(eof);
});

grid('ends that are sent through a pipe keep their direction', {}, async (method) => {
  const [here, there] = Pipe();
  const child = await startWith(method, 'receiveEnds', there);
  const [firstReader, firstWriter] = Pipe(false);
  here.sendSync(firstWriter);
  firstWriter.close();
  expect(await firstReader.recv(wait)).toBe('hi');
  await expect(firstReader.recv(wait)).rejects.toEqual(eof);
  const [secondReader, secondWriter] = Pipe(false);
  here.sendSync(secondReader);
  secondReader.close();
  secondWriter.sendSync(1729);
  expect(await here.recv(wait)).toBe(1729 * 2);
  await end(child);
});

for (const isSlow of [false, true]) {
  grid(`ten messages from each of four${isSlow ? ' slow' : ''} children, and then their ends, by wait`, {}, async (method) => {
    const readers: Connection[] = [];
    const children: Process[] = [];
    for (let i = 0; i < 4; i++) {
      const [reader, writer] = Pipe(false);
      children.push(await startWith(method, 'sendTen', writer, `child ${i}`, isSlow));
      readers.push(reader);
    }
    const messages: [string, number][] = [];
    for (let open = [...readers], turn = 0; open.length > 0; turn++) {
      for (const ready of turn % 2 === 0 ? await connection.wait(open, wait) : connection.waitSync(open, wait)) {
        try {
          messages.push(ready.recvSync() as [string, number]);
        } catch (error) {
          expect(error).toEqual(eof);
          open = open.filter((each) => each !== ready);
          ready.close();
        }
      }
    }
    const order = (a: [string, number], b: [string, number]) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : a[1] - b[1]);
    const expected = [0, 1, 2, 3].flatMap((i) => Array.from({ length: 10 }, (_, n) => [`child ${i}`, n] as [string, number]));
    expect(messages.toSorted(order)).toEqual(expected);
    for (const each of messages.map(([name]) => name)) {
      const own = messages.filter(([name]) => name === each).map(([, n]) => n);
      expect(own).toEqual(own.toSorted((a, b) => a - b));
    }
    await Promise.all(children.map(end));
  });
}

grid('a wait in vain is over in time; then only what is ready is returned', {}, async (method) => {
  const { Pipe: make } = getContext(method);
  const [a, b] = make();
  const [c, d] = make();
  for (const call of [connection.wait, connection.waitSync]) {
    const began = performance.now();
    expect(await call([a, b], { timeout: SHORT_MS })).toEqual([]);
    expect(performance.now() - began).toBeGreaterThanOrEqual(SHORT_MS);
    b.sendSync(null);
    expect(await call([c, a, d, b], wait)).toEqual([a]);
    a.recvSync();
  }
});

grid("a child's sentinel among pipes: it is ready when the child has ended, and others may be so too", {}, async (method) => {
  const [a, b] = Pipe();
  const [go, gone] = Pipe();
  const child = await startWith(method, 'waitForOne', gone, SHORT_MS);
  const { sentinel } = child;
  expect(connection.waitSync([a, sentinel, b], { timeout: SHORT_MS })).toEqual([]);
  go.sendSync('begin');
  expect(await connection.wait([a, sentinel, b], wait)).toEqual([sentinel]);
  expect(connection.waitSync([a, sentinel, b], wait)).toEqual([sentinel]);
  expect(await connection.wait([child], wait)).toEqual([child]);
  a.sendSync(null);
  expect(await connection.wait([a, sentinel, b], wait)).toEqual([sentinel, b]);
  b.sendSync(null);
  expect(connection.waitSync([a, sentinel, b], wait)).toEqual([a, sentinel, b]);
  await end(child);
  child.close();
});

grid('a negative timeout only looks', {}, async (method) => {
  const [a, b] = getContext(method).Pipe();
  expect(connection.waitSync([a], { timeout: -1 })).toEqual([]);
  expect(await connection.wait([a], { timeout: -1 })).toEqual([]);
  b.sendSync(1);
  expect(connection.waitSync([a], { timeout: -1 })).toEqual([a]);
  expect(await connection.wait([a], { timeout: -1 })).toEqual([a]);
});

grid('what is no handle is refused: a number that is nobody’s sentinel, and a connection that nobody made', {}, async () => {
  await expect(connection.wait([44_977_608])).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE', message: /objects\[0\]/ });
  expect(() => connection.waitSync([-1])).toThrow(TypeError);
  expect(() => Reflect.construct(Connection, [-1])).toThrow(TypeError);
});

grid(
  'signals that come during a recv and during a send that waits break neither',
  inThreads('a thread gets no signals'),
  async (method) => {
    const [here, there] = Pipe();
    const bytes = 40 * 1024 * 1024;
    const child = await startWith(method, 'ignoreSignals', there, bytes);
    const signal = () => process.kill(child.pid as number, 'SIGUSR2');
    expect(await here.recv(wait)).toBe('ready');
    for (let i = 0; i < 5; i++) signal();
    await here.send(1234);
    expect(await here.recv(wait)).toBe(1234);
    expect(await here.poll(wait)).toBe(true);
    for (let i = 0; i < 5; i++) signal();
    for (const letter of ['x', 'y']) expect(Buffer.alloc(bytes, letter).equals(await here.recvBytes(wait))).toBe(true);
    await here.send('all');
    expect(await here.recv(wait)).toBe(true);
    await end(child);
  },
);

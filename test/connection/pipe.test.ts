import { inspect } from 'node:util';
import { Connection, Event, Lock, Pipe, Process, Queue } from 'forkful';
import { describe, expect, it, test } from 'vitest';
import { BLOCK_CONNECTION, BLOCK_PIPE, countBlocks } from '../../src/memory/block.js';
import { countPages } from '../../src/memory/pages.js';
import { grid } from '../helpers/grid.js';
import { until } from '../helpers/victims.js';
import { withWatchdog } from '../helpers/watchdog.js';

const module = new URL('../fixtures/connection/ends.mjs', import.meta.url);
const WAIT_MS = 60_000;
const wait = { timeout: WAIT_MS };

const code = (name: string) => expect.objectContaining({ code: `ERR_FORKFUL_${name}` });

async function start(method: string | undefined, name: string, ...args: unknown[]): Promise<Process> {
  return await new Process({ target: { module, name }, args, method: method as 'spawn' }).start();
}

async function end(p: Process): Promise<void> {
  await withWatchdog(WAIT_MS, () => p, p.join());
  expect(p.exitCode).toBe(0);
}

describe('values', () => {
  const values: unknown[] = [
    0,
    -0,
    1.5,
    -(2 ** 31),
    2 ** 31,
    '',
    'text',
    null,
    undefined,
    true,
    12n,
    [1, [2]],
    { a: { b: new Map([[1, new Set([2])]]) } },
  ];
  it.each(values.map((value) => [value]))('%s arrives equal, by the blocking and the promise forms', async (value) => {
    const [a, b] = Pipe();
    a.sendSync(value);
    expect(b.recvSync()).toEqual(value);
    await b.send(value);
    expect(await a.recv()).toEqual(value);
  });

  it('of which one cannot be sent leave nothing behind', async () => {
    const [a, b] = Pipe();
    expect(() => a.sendSync({ f: () => {} })).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_SERIALIZATION', path: '.f' }));
    await expect(a.send([Symbol('s')])).rejects.toEqual(code('SERIALIZATION'));
    a.sendSync(1);
    expect([b.recvSync(), b.pollSync()]).toEqual([1, false]);
  });

  it('that are shared arrive as the same objects, those in this process as the very same', async () => {
    const [a, b] = Pipe();
    const lock = new Lock();
    a.sendSync({ lock, a });
    const got = b.recvSync() as { lock: Lock; a: Connection };
    expect([got.lock === lock, got.a === a]).toEqual([true, true]);
  });

  it('sent as objects are bytes for recvBytes, and bytes that are such are objects for recv', async () => {
    const [a, b] = Pipe();
    for (const value of [7, 1.5, null, 'text', { a: [1] }, Buffer.alloc(5000, 1)]) {
      a.sendSync(value);
      const bytes = b.recvBytesSync();
      a.sendBytesSync(bytes);
      expect(b.recvSync()).toEqual(value);
    }
    a.sendSync(new Lock());
    expect(() => b.recvBytesSync()).toThrow(code('SERIALIZATION'));
    a.sendBytesSync(Buffer.from('no message'));
    expect(() => b.recvSync()).toThrow(code('SERIALIZATION'));
    a.sendSync(1);
    expect(b.recvSync()).toBe(1);
  });

  it('may be bytes of any view or buffer; a copy is sent, and a copy received', async () => {
    const [a, b] = Pipe();
    const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    const shared = new SharedArrayBuffer(8);
    new Uint8Array(shared).set(bytes);
    for (const source of [
      bytes,
      bytes.buffer,
      shared,
      new DataView(bytes.buffer),
      new Uint16Array(bytes.buffer),
      new Float64Array(bytes.buffer),
    ]) {
      await a.sendBytes(source as ArrayBuffer);
      expect([...(await b.recvBytes())]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    }
    a.sendBytesSync(bytes.subarray(2), 1, 2);
    bytes.fill(0);
    expect([...b.recvBytesSync()]).toEqual([4, 5]);
  });
});

describe('arguments', () => {
  const [a, b] = Pipe();
  it.each([
    ['Pipe(1)', () => Pipe(1 as never), 'options must be an object'],
    ['Pipe({ dupleks })', () => Pipe({ dupleks: true } as never), 'no keys but duplex'],
    ['Pipe({ duplex: 1 })', () => Pipe({ duplex: 1 } as never), 'duplex must be a boolean'],
    ['sendBytes of text', () => a.sendBytesSync('text' as never), 'buffer must be'],
    ['offset of text', () => a.sendBytesSync(new Uint8Array(4), '1' as never), 'offset must be'],
    ['half an offset', () => a.sendBytesSync(new Uint8Array(4), 0.5), 'offset must be'],
    ['negative offset', () => b.recvBytesIntoSync(new Uint8Array(4), -1), 'offset must be'],
    ['offset beyond the end', () => b.recvBytesIntoSync(new Uint8Array(4), 5), 'offset must be'],
    ['negative length', () => b.recvBytesSync(-1), 'maxLength must be'],
    ['a length of text', () => b.recvBytesSync('1' as never), 'maxLength must be'],
    ['poll of text', () => b.pollSync('1' as never), 'options must be an object'],
    ['poll of null', () => b.pollSync(null as never), 'options must be an object'],
    ['timeout of text', () => b.recvSync({ timeout: '1' as never }), 'timeout must be'],
    ['timeout NaN', () => a.sendSync(1, { timeout: Number.NaN }), 'timeout must be'],
    ['no signal', () => b.recvSync({ signal: {} as never }), 'signal must be'],
  ])('%s is refused', (_, call, message) => {
    expect(call).toThrow(message);
    expect(b.pollSync()).toBe(false);
  });

  it('are refused by rejecting where a promise is returned', async () => {
    await expect(a.sendBytes(new Uint8Array(4), 5)).rejects.toThrow(RangeError);
    await expect(b.recvBytes(-1)).rejects.toThrow(RangeError);
    await expect(b.recvBytesInto(new Uint8Array(4), 5)).rejects.toThrow(RangeError);
    await expect(b.poll('1' as never)).rejects.toThrow(TypeError);
  });
});

describe('recvBytes with a longest length', () => {
  it('that is kept, receives', async () => {
    const [a, b] = Pipe();
    for (let i = 0; i < 2; i++) a.sendBytesSync(Buffer.from('abc'));
    expect([String(b.recvBytesSync(3)), String(await b.recvBytes(3, wait))]).toEqual(['abc', 'abc']);
    a.sendBytesSync(new Uint8Array(0));
    expect(b.recvBytesSync(0)).toHaveLength(0);
  });

  it('that is exceeded, makes a duplex end write-only', async () => {
    const [a, b] = Pipe();
    a.sendBytesSync(Buffer.from('abcd'));
    await expect(b.recvBytes(3)).rejects.toEqual(code('MESSAGE_TOO_LONG'));
    expect([b.readable, b.writable, b.closed]).toEqual([false, true, false]);
    expect(() => b.recvBytesSync()).toThrow(code('DIRECTION'));
    b.sendSync('still');
    expect(a.recvSync()).toBe('still');
  });

  it('that is exceeded, closes an end that only reads', async () => {
    const [reader, writer] = Pipe(false);
    const waiting = reader.recvBytes(3);
    writer.sendBytesSync(Buffer.from('abcd'));
    await expect(waiting).rejects.toEqual(code('MESSAGE_TOO_LONG'));
    expect(reader.closed).toBe(true);
    expect(() => reader.recvBytesSync()).toThrow(code('CLOSED'));
    expect(() => writer.sendSync(1)).toThrow(code('BROKEN_PIPE'));
  });
});

describe('waiting', () => {
  it('ends with TimeoutError when the time is over', async () => {
    const [a, b] = Pipe();
    for (const timeout of [0, -1, 30]) {
      const began = performance.now();
      expect(() => b.recvSync({ timeout })).toThrow(code('TIMEOUT'));
      await expect(b.recv({ timeout })).rejects.toEqual(code('TIMEOUT'));
      await expect(b.recvBytes({ timeout })).rejects.toEqual(code('TIMEOUT'));
      await expect(b.recvBytesInto(new Uint8Array(1), 0, { timeout })).rejects.toEqual(code('TIMEOUT'));
      expect(performance.now() - began).toBeGreaterThanOrEqual(timeout * 4);
    }
    await a.send(1);
    expect(await b.recv({ timeout: -1 })).toBe(1);
  });

  it("ends with the signal's reason, and takes nothing", async () => {
    const [a, b] = Pipe();
    const reason = new Error('enough');
    expect(() => b.recvSync({ signal: AbortSignal.abort(reason) })).toThrow(reason);
    await expect(b.recv({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await expect(a.send(1, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const waiting = [b.recv({ signal: controller.signal }), b.poll({ signal: controller.signal })];
    controller.abort(reason);
    for (const each of waiting) await expect(each).rejects.toBe(reason);
    a.sendSync(2);
    expect(b.recvSync()).toBe(2);
  });

  it('promises receive in the order in which they were asked for', async () => {
    const [a, b] = Pipe();
    const received = Promise.all([b.recv(), b.recvBytes(), b.recv()]);
    a.sendSync('first');
    a.sendBytesSync(Uint8Array.of(2));
    a.sendSync('third');
    expect(await received).toEqual(['first', Buffer.of(2), 'third']);
  });

  it('ends with ClosedError when this end is closed here', async () => {
    const [a, b] = Pipe();
    const waiting = [b.recv(), b.recvBytes(), b.poll({})];
    b.close();
    for (const each of waiting) await expect(each).rejects.toEqual(code('CLOSED'));
    await until(
      () => a.pollSync(),
      () => inspect(a),
    );
    expect(() => a.recvSync()).toThrow(code('EOF'));
  });
});

describe('an end', () => {
  it('that is closed refuses everything but to be closed again, and says so', async () => {
    const [a, b] = Pipe();
    a.close();
    a.close();
    a[Symbol.dispose]();
    await a[Symbol.asyncDispose]();
    for (const call of [
      () => a.sendSync(1),
      () => a.recvSync(),
      () => a.pollSync(),
      () => a.fileno(),
      () => a.sendBytesSync(new Uint8Array(1)),
    ])
      expect(call).toThrow(code('CLOSED'));
    for (const call of [a.send(1), a.recv(), a.poll(), a.recvBytes(), a.recvBytesInto(new Uint8Array(1))])
      await expect(call).rejects.toEqual(code('CLOSED'));
    expect(() => b.sendSync(a)).not.toThrow(TypeError);
    expect(inspect(a)).toBe('<Connection closed>');
  });

  it('has a number of its own, the same everywhere, and a text', () => {
    const [a, b] = Pipe();
    const [reader, writer] = Pipe({ duplex: false });
    const numbers = [a, b, reader, writer].map((each) => each.fileno());
    expect(new Set(numbers).size).toBe(4);
    for (const number of numbers) expect(number).toBeGreaterThan(2 ** 31);
    expect([inspect(a), inspect(reader), inspect(writer)]).toEqual([
      `<Connection pipe ${numbers[0]}>`,
      `<Connection pipe ${numbers[2]} read-only>`,
      `<Connection pipe ${numbers[3]} write-only>`,
    ]);
    expect(a).toBeInstanceOf(Connection);
  });

  it('whose other end is gone receives what was sent, then the end, for ever; and cannot send', async () => {
    const [a, b] = Pipe();
    a.sendSync(1);
    a.sendBytesSync(Uint8Array.of(2));
    a.close();
    expect([b.pollSync(), b.recvSync(), b.pollSync(), b.recvBytesSync()[0]]).toEqual([true, 1, true, 2]);
    for (let i = 0; i < 2; i++) {
      expect([b.pollSync(), await b.poll()]).toEqual([true, true]);
      expect(() => b.recvSync()).toThrow(code('EOF'));
      await expect(b.recvBytes()).rejects.toEqual(code('EOF'));
      expect(() => b.sendSync(1)).toThrow(code('BROKEN_PIPE'));
      await expect(b.send(new Lock())).rejects.toEqual(code('BROKEN_PIPE'));
    }
  });

  it('whose other end goes while it waits is told at once', async () => {
    const [a, b] = Pipe();
    const waiting = [b.recv(wait), b.poll(wait)];
    a.close();
    await expect(waiting[0]).rejects.toEqual(code('EOF'));
    expect(await waiting[1]).toBe(true);
  });

  it('that is under way in a message is still there', async () => {
    const [a, b] = Pipe();
    const queue = new Queue<Connection>();
    await queue.put(b);
    b.close();
    expect(await a.poll(50)).toBe(false);
    a.sendSync('hello');
    const again = await queue.get();
    expect(again.recvSync()).toBe('hello');
    again.close();
    expect(() => a.recvSync(wait)).toThrow(code('EOF'));
  });

  it('that is under way to an end that is closed is gone', () => {
    const [a, b] = Pipe();
    const [c, d] = Pipe();
    c.sendSync(b);
    b.close();
    d.close();
    expect(() => a.recvSync(wait)).toThrow(code('EOF'));
    expect(() => c.recvSync(wait)).toThrow(code('EOF'));
  });

  it('that is sent to its other end comes back there, or goes with it', () => {
    const before = countBlocks(BLOCK_CONNECTION);
    const [a, b] = Pipe();
    b.sendSync({ b });
    b.close();
    const again = (a.recvSync() as { b: Connection }).b;
    a.sendSync('hello');
    expect(again.recvSync()).toBe('hello');
    again.sendSync(again);
    again.close();
    a.close();
    expect(countBlocks(BLOCK_CONNECTION)).toBe(before);
  });

  it('that is sent to itself is the same there, and is not kept by that', () => {
    const before = countBlocks(BLOCK_CONNECTION);
    const [a, b] = Pipe();
    a.sendSync([b, b]);
    expect(b.recvSync()).toEqual([b, b]);
    a.sendSync({ b });
    b.close();
    expect(() => a.recvSync(wait)).toThrow(code('EOF'));
    a.close();
    expect(countBlocks(BLOCK_CONNECTION)).toBe(before);
  });
});

describe('a pipe that is full', () => {
  const BIG = Buffer.alloc(2 ** 25);

  it('holds 64 MiB and lets senders wait; when there is room they go on', async () => {
    const [a, b] = Pipe(false);
    let sent = 0;
    while (sent < 10) {
      try {
        b.sendBytesSync(BIG, 0, BIG.length, { timeout: 0 });
        sent++;
      } catch (error) {
        expect(error).toEqual(code('TIMEOUT'));
        break;
      }
    }
    expect(sent).toBeGreaterThanOrEqual(1);
    expect(sent).toBeLessThanOrEqual(3);
    await expect(b.send(BIG, { timeout: 20 })).rejects.toEqual(code('TIMEOUT'));
    const waiting = b.sendBytes(BIG);
    const last = b.send('last');
    for (let i = 0; i < sent + 1; i++) expect((await a.recvBytes(wait)).length).toBe(BIG.length);
    await Promise.all([waiting, last]);
    expect(await a.recv(wait)).toBe('last');
  });

  it('tells a sender that waits when the other end goes', async () => {
    const [a, b] = Pipe(false);
    await a.poll();
    for (let i = 0; i < 3; i++) b.sendBytes(BIG).catch(() => {});
    const waiting = b.send(BIG);
    a.close();
    await expect(waiting).rejects.toEqual(code('BROKEN_PIPE'));
  });

  it('takes one message of more than that when it is empty', async () => {
    const [a, b] = Pipe();
    const huge = Buffer.alloc(100 * 1024 * 1024, 7);
    a.sendBytesSync(huge);
    expect(huge.equals(b.recvBytesSync())).toBe(true);
  });
});

for (const form of ['sync', 'async']) {
  grid(`two who send 5 MB to each other at once, ${form}, do not wait for each other`, {}, async (method) => {
    const [a, b] = Pipe();
    const bytes = 5_000_000;
    const child = await start(method, 'sendThenReceive', b, bytes, form);
    b.close();
    await a.sendBytes(Buffer.alloc(bytes, 'a'));
    expect((await a.recvBytes(wait)).length).toBe(bytes);
    expect(await a.recv(wait)).toBe(bytes);
    await end(child);
  });

  const notFor = { fork: 'a forked child has both ends' };
  grid(`a child answers, ${form}, until its parent closes`, { notFor }, async (method) => {
    const [a, b] = Pipe();
    const child = await start(method, 'answer', b, form);
    b.close();
    for (let i = 0; i < 200; i++) {
      if (i % 2 === 0) await a.send({ i });
      else a.sendSync({ i });
      expect(i % 3 === 0 ? await a.recv(wait) : a.recvSync(wait)).toEqual({ i });
    }
    a.close();
    await end(child);
  });
}

grid('an end that a child has made, sent deep in an object, is good here', {}, async (method) => {
  const [a, b] = Pipe();
  const child = await start(method, 'sendEnd', b);
  b.close();
  const { deep } = (await a.recv(wait)) as { deep: [Connection] };
  await deep[0].send(41);
  expect(await deep[0].recv(wait)).toBe(42);
  await expect(deep[0].recv(wait)).rejects.toEqual(code('EOF'));
  await end(child);
});

grid('an end that comes by a queue is good there', {}, async (method) => {
  const [a, b] = Pipe();
  const queue = new Queue<Connection>();
  await queue.put(b);
  b.close();
  const child = await start(method, 'answerByQueue', queue);
  a.sendSync(21);
  expect(await a.recv(wait)).toBe(42);
  await end(child);
});

grid('a blocked sender goes on when the other end receives', {}, async (method) => {
  const [a, b] = Pipe();
  const event = new Event();
  const child = await start(method, 'receiveAllLater', b, 5, event);
  b.close();
  setTimeout(() => event.set(), 50);
  const big = Buffer.alloc(2 ** 25);
  for (let i = 0; i < 5; i++) await a.sendBytes(big, 0, big.length, wait);
  await end(child);
});

test('pipes that are made, used and closed leave nothing behind', () => {
  const makeSome = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const [a, b] = Pipe(i % 3 !== 0);
      if (a.writable) a.sendSync([i, b]);
      b.sendSync(i);
      a.close();
      if (i % 2 === 0 && b.readable) b.recvSync();
      b.close();
    }
  };
  makeSome(500);
  const [pages, ends, pipes] = [countPages(), countBlocks(BLOCK_CONNECTION), countBlocks(BLOCK_PIPE)];
  makeSome(20_000);
  expect([countBlocks(BLOCK_CONNECTION), countBlocks(BLOCK_PIPE)]).toEqual([ends, pipes]);
  expect(countPages() - pages).toBeLessThanOrEqual(4);
});

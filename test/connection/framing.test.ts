/** Frames: the bytes of them, in pieces of any size, and those that no honest peer sends. */
import { describe, expect, test } from 'vitest';
import { FrameReader, FrameWriter, type Read } from '../../src/connection/framing.js';

const NO_LIMIT = Number.MAX_SAFE_INTEGER;

function refuse(length: number, most: number): never {
  throw new RangeError(`${length} > ${most}`);
}

/** A stream that gives out so many bytes at a time, and says before each piece that there is nothing yet. */
function pieces(bytes: Uint8Array, size: number, ends = false): Read {
  let at = 0;
  let isReady = false;
  return (into, start, end) => {
    isReady = !isReady;
    if (!isReady) return -1;
    if (at === bytes.length) return ends ? 0 : -1;
    const count = Math.min(size, end - start, bytes.length - at);
    into.set(bytes.subarray(at, at + count), start);
    at += count;
    return count;
  };
}

function written(payload: Uint8Array, size = Number.POSITIVE_INFINITY): Buffer {
  const out: Buffer[] = [];
  const frame = new FrameWriter(payload);
  const push = () =>
    frame.push((bytes, start, end) => {
      if (out.length % 2 === 1) {
        out.push(Buffer.alloc(0));
        return -1;
      }
      const count = Math.min(size, end - start);
      out.push(Buffer.from(bytes.subarray(start, start + count)));
      return count;
    });
  while (!push());
  return Buffer.concat(out);
}

function allOf(read: Read, most = NO_LIMIT): Buffer[] {
  const reader = new FrameReader();
  const messages: Buffer[] = [];
  for (let misses = 0; misses < 3; ) {
    const message = reader.take(read, most, refuse);
    if (message === null) misses++;
    else {
      messages.push(message);
      misses = 0;
    }
    if (reader.isWithin) misses = 0;
  }
  return messages;
}

function header(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(length);
  return bytes;
}

function longHeader(length: bigint): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeInt32BE(-1);
  bytes.writeBigUInt64BE(length, 4);
  return bytes;
}

test('a frame is a big-endian length and the payload', () => {
  expect(written(Buffer.from('abc')).toString('hex')).toBe('00000003616263');
  expect(written(Buffer.alloc(0)).toString('hex')).toBe('00000000');
});

test.each([1, 3, 4, 5, 4096, 1 << 20])('messages in pieces of %i bytes arrive as they were', (size) => {
  const messages = [0, 1, 3, 16_383, 16_384, 16_385, 300_000].map((length) => Buffer.alloc(length, 'abcdefg'));
  const stream = Buffer.concat(messages.map((message) => written(message, size)));
  expect(allOf(pieces(stream, size)).map((one, i) => Buffer.compare(one, messages[i] as Buffer))).toEqual(messages.map(() => 0));
});

test('a message with the long length arrives', () => {
  expect(allOf(pieces(Buffer.concat([longHeader(3n), Buffer.from('abc')]), 2))).toEqual([Buffer.from('abc')]);
});

test('not a byte is taken beyond the message', () => {
  const asked: number[] = [];
  const read = pieces(Buffer.concat([header(5), Buffer.from('hello'), Buffer.from('more')]), 100);
  const reader = new FrameReader();
  const counted: Read = (into, start, end) => {
    asked.push(end - start);
    return read(into, start, end);
  };
  let message: Buffer | null = null;
  while (message === null) message = reader.take(counted, NO_LIMIT, refuse);
  expect(message.toString()).toBe('hello');
  expect([...new Set(asked)]).toEqual([4, 5]);
});

test('what has not gone is the own of the frame after detach', () => {
  const payload = Buffer.alloc(40_000, 1);
  const out: Buffer[] = [];
  let room = 20_000;
  const write: Read = (bytes, start, end) => {
    const count = Math.min(room, end - start);
    if (count === 0) return -1;
    room -= count;
    out.push(Buffer.from(bytes.subarray(start, start + count)));
    return count;
  };
  const frame = new FrameWriter(payload);
  expect([frame.push(write), frame.hasBegun]).toEqual([false, true]);
  frame.detach();
  payload.fill(2);
  new FrameWriter(Buffer.alloc(100, 3)); // uses the same scratch
  room = 1e6;
  expect(frame.push(write)).toBe(true);
  expect(Buffer.compare(Buffer.concat(out), Buffer.concat([header(40_000), Buffer.alloc(40_000, 1)]))).toBe(0);
});

describe('hostile streams', () => {
  test.each([
    ['one byte too long', header(101), '101 > 100'],
    ['the longest there is', header(0x7fffffff), '2147483647 > 100'],
    ['negative', header(-2), '4294967294 > 2147483647'],
    ['of 64 bits', longHeader(2n ** 64n - 1n), '18446744073709552000 > 100'],
  ])('a length that is %s is refused before anything is read of it, again and again', (_, bytes, message) => {
    const reader = new FrameReader();
    const read = pieces(bytes, 12);
    expect(() => {
      while (reader.take(read, 100, refuse) === null);
    }).toThrow(message);
    expect(() => reader.take(read, 100, refuse)).toThrow(message);
  });

  test('the end between messages is EOFError, within one ERR_FORKFUL_MESSAGE_TRUNCATED', () => {
    const end = (bytes: Buffer) => () => {
      const read = pieces(bytes, 100, true);
      const reader = new FrameReader();
      for (;;) reader.take(read, NO_LIMIT, refuse);
    };
    expect(end(Buffer.alloc(0))).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_EOF' }));
    expect(end(Buffer.concat([header(1), Buffer.of(1)]))).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_EOF' }));
    for (const part of [header(1).subarray(0, 3), header(1), longHeader(3n).subarray(0, 7), Buffer.concat([header(3), Buffer.of(1)])])
      expect(end(part)).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_MESSAGE_TRUNCATED' }));
  });

  test('a length of a gigabyte that is only claimed costs no memory', () => {
    const before = process.memoryUsage().arrayBuffers;
    const readers = Array.from({ length: 100 }, () => {
      const reader = new FrameReader();
      const read = pieces(Buffer.concat([header(2 ** 30), Buffer.alloc(1000)]), 100);
      for (let i = 0; i < 100; i++) expect(reader.take(read, NO_LIMIT, refuse)).toBe(null);
      return reader;
    });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(readers.length * 100_000);
  });
});

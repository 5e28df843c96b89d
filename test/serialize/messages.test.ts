// biome-ignore-all lint/suspicious/noSparseArray: holes are among what is tested
/** The interface to the message layer: memory, bodies, and bytes that are no message. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SerializationError } from '../../src/errors.js';
import { bodyOffset, Decoder, decodeBody, Encoder, MIN_BODY } from '../../src/serialize/codec.js';
import { decode, difference, encode } from './helpers.js';

test('the worked example of tags.ts', () => {
  expect(encode({ id: 123, name: 'task-123', ok: true }).toString('hex')).toBe('00bc0b826964846e616d65826f6b7b887461736b2d313233b3');
});

test('every message stands alone: known keys are written again in the next one', () => {
  const encoder = new Encoder();
  for (let i = 0; i < 3; i++) {
    encoder.encode([{ k: i }, { k: i }]);
    expect(new Decoder().decode(encoder.bytes, 0, encoder.length)).toEqual([{ k: i }, { k: i }]);
  }
});

test('a message may stand anywhere in a larger memory, shared memory included', () => {
  const value = { a: [1.5, 'text', 'long text'.repeat(10), 10n, new Float64Array([1])], b: new Date(5) };
  const message = encode(value);
  const decoder = new Decoder();
  for (const memory of [new ArrayBuffer(4096), new SharedArrayBuffer(4096)]) {
    for (const bytes of [Buffer.from(memory), new Uint8Array(memory, 16)]) {
      for (const start of [0, 1, 8, 333]) {
        bytes.fill(0xff);
        bytes.set(message, start);
        expect(difference(decoder.decode(bytes, start, start + message.length), value)).toBeUndefined();
      }
    }
  }
});

test('nothing decoded changes when the memory is used again', () => {
  const value = {
    keys: { alpha: 'short', beta: 'long '.repeat(50), wide: '漢'.repeat(50) },
    buffer: Buffer.from('abc'),
    array: new Int16Array([1, 2]),
    big: 2n ** 100n,
  };
  const message = encode(value);
  const expected = decode(Buffer.from(message));
  const got = decode(message);
  message.fill(0);
  expect(difference(got, expected)).toBeUndefined();
  expect(difference(decode(encode(value)), expected)).toBeUndefined();
});

describe('scratch memory', () => {
  test('is 8-byte aligned, and words is the same memory', () => {
    const encoder = new Encoder();
    encoder.encode('x'.repeat(100_000));
    expect(encoder.bytes.byteOffset % 8).toBe(0);
    expect(encoder.words.buffer).toBe(encoder.bytes.buffer);
    expect(encoder.words[1]).toBe(encoder.bytes.readInt32LE(4));
  });
  test('grows as needed, in every kind of value, and shrinks after a while of small messages', () => {
    const encoder = new Encoder();
    const initial = encoder.bytes.length;
    const large = [
      'a'.repeat(3_000_000),
      '漢'.repeat(1_000_000),
      Array.from({ length: 300_000 }, (_, i) => i),
      Array.from({ length: 300_000 }, (_, i) => i / 2),
      { buffer: Buffer.alloc(3_000_000, 1) },
      [2n ** 3_000_000n],
      Array.from({ length: 50_000 }, (_, i) => ({ [`key-${i % 1000}`]: i })),
      new Map([[1, 'b'.repeat(2_000_000)]]),
    ];
    for (const value of large) {
      const fresh = new Encoder();
      expect(difference(decode(encode(value, 'value', fresh)), value)).toBeUndefined();
      encoder.encode(value);
    }
    expect(encoder.bytes.length).toBeGreaterThan(3_000_000);
    for (let i = 0; i < 100; i++) {
      encoder.encode({ i });
      expect(new Decoder().decode(encoder.bytes, 0, encoder.length)).toEqual({ i });
    }
    expect(encoder.bytes.length).toBe(initial);
  });
});

describe('a large binary root', () => {
  const shared = new ArrayBuffer(MIN_BODY + 16);
  const roots: [string, () => ArrayBufferView | ArrayBuffer][] = [
    ['Buffer', () => Buffer.alloc(MIN_BODY, 'body')],
    ['Float64Array', () => new Float64Array(MIN_BODY / 8).fill(1.5)],
    ['part of an ArrayBuffer', () => new Uint16Array(shared, 8, MIN_BODY / 2)],
    ['ArrayBuffer', () => new Uint8Array(MIN_BODY).fill(9).buffer],
    ['DataView', () => new DataView(new Uint8Array(MIN_BODY + 1).fill(9).buffer, 1)],
  ];
  test.each(roots)('%s: is not copied by the encoder, and copied once by the decoder', (_name, make) => {
    const encoder = new Encoder();
    const value = make();
    encoder.encode(value);
    expect(encoder.length).toBe(8);
    expect(encoder.body!.buffer).toBe(ArrayBuffer.isView(value) ? value.buffer : value);
    expect(encoder.body!.byteLength).toBe(value.byteLength);
    const message = encode(value);
    expect(bodyOffset(message, 0, message.length)).toBe(8);
    const got = decode(message) as typeof value;
    expect(got.constructor).toBe(value.constructor);
    expect(ArrayBuffer.isView(got) ? got.buffer : got).not.toBe(message.buffer);
    // Its memory is exactly its own.
    expect(ArrayBuffer.isView(got) ? got.buffer.byteLength : got.byteLength).toBe(value.byteLength);
    expect(bytes(got)).toEqual(bytes(value));

    const body = Uint8Array.from(message.subarray(8)).buffer;
    const rebuilt = decodeBody(message, 0, body) as typeof value;
    expect(ArrayBuffer.isView(rebuilt) ? rebuilt.buffer : rebuilt).toBe(body);
    expect(bytes(rebuilt)).toEqual(bytes(value));

    const given = Buffer.from(new ArrayBuffer(message.length));
    given.set(message);
    const owned = new Decoder().decode(given, 0, given.length, undefined, true) as typeof value;
    expect(bytes(owned)).toEqual(bytes(value));
    if (ArrayBuffer.isView(owned)) expect(owned.buffer).toBe(given.buffer);
  });
  test('is written in place when it is small, and other messages have no body', () => {
    expect(bodyOffset(encode(Buffer.alloc(MIN_BODY - 1)), 0, 100)).toBe(0);
    const nested = encode([Buffer.alloc(MIN_BODY)]);
    expect(bodyOffset(nested, 0, nested.length)).toBe(0);
  });

  function bytes(value: ArrayBufferView | ArrayBuffer): Buffer {
    return ArrayBuffer.isView(value) ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : Buffer.from(value);
  }
});

describe('bytes that are no message', () => {
  const decoder = new Decoder();
  function decodesOrRefuses(message: Uint8Array): void {
    try {
      decoder.decode(message, 0, message.length);
    } catch (error) {
      if (!(error instanceof SerializationError)) throw new Error(`${Buffer.from(message).toString('hex')}: ${error}`, { cause: error });
    }
  }
  const sample = encode([
    { id: 1, name: 'n', f: 1.5, s: 'long'.repeat(30) },
    { id: 2, name: '漢', f: -1, s: '' },
    new Map([[1, new Set([2])]]),
    [1, , 3],
    [1, 2, 3, 4, 5, 6, 7],
    [1.5, 2, 3, 4, 5, 6],
    Object.assign([1], { x: 1 }),
    new Date(),
    /x/g,
    2n ** 70n,
    5n,
    Object('s'),
    new Error('e'),
    new Uint8Array(3),
    new Float64Array(shared(16), 8),
    new Uint8Array(shared(16)),
    Object.assign([], { 5000: 1 }),
  ]);
  function shared(size: number): ArrayBuffer {
    return new ArrayBuffer(size);
  }

  test('random bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), decodesOrRefuses), { numRuns: 20_000 });
  });
  test('random bytes that start like a message', () => {
    const tag = fc.integer({ min: 0x80, max: 0xd5 });
    const message = fc
      .tuple(fc.integer({ min: 0, max: 1 }), fc.array(fc.oneof(tag, fc.nat(16), fc.nat(255)), { maxLength: 50 }))
      .map(([flags, rest]) => Uint8Array.of(flags, ...rest));
    fc.assert(fc.property(message, decodesOrRefuses), { numRuns: 50_000 });
  });
  test('a real message with bytes changed', () => {
    const changes = fc.array(fc.tuple(fc.nat(sample.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(changes, fc.boolean(), (list, references) => {
        const message = Buffer.from(sample);
        if (references) message[0] = 1;
        for (const [at, byte] of list) message[at] = byte;
        decodesOrRefuses(message);
      }),
      { numRuns: 20_000 },
    );
  });
  test('a real message cut short or with bytes to spare is refused', () => {
    for (let end = 0; end < sample.length; end++) expect(() => decoder.decode(sample, 0, end)).toThrow(SerializationError);
    expect(() => decode(Buffer.concat([sample, Buffer.alloc(1)]))).toThrow(SerializationError);
    expect(() => decoder.decode(sample, 0, sample.length + 1)).toThrow(SerializationError);
    expect(() => decoder.decode(sample, -1, 5)).toThrow(SerializationError);
  });
  test('promises of more than there is allocate nothing', () => {
    const huge = [0xfd, 0xff, 0xff, 0xff, 0x7f];
    for (const tag of [0xba, 0xbb, 0xbc, 0xbe, 0xbf, 0xc0, 0xc1, 0xc4, 0xc8, 0xc9, 0xcb])
      expect(() => decode(Buffer.from([0, tag, ...huge, 1, 2, 3]))).toThrow(SerializationError);
    // An array that claims two thousand million elements and has none is a legal, small one.
    const before = process.memoryUsage().rss;
    expect(decode(Buffer.from([0, 0xc2, ...huge, 0]))).toHaveLength(0x7fffffff);
    expect(decode(Buffer.from([0, 0xc2, 0xfd, 0, 0, 0, 1, 0]))).toHaveLength(1 << 24);
    expect(process.memoryUsage().rss - before).toBeLessThan(50 << 20);
  });
  test('nesting without end is refused', () => {
    expect(() => decode(Buffer.alloc(5_000_000, 0xa1).fill(0, 0, 1))).toThrow(
      'Cannot receive a value that is nested too deeply for the stack.',
    );
    expect(decode(encode('fine'))).toBe('fine');
  });
  test('a decoder used within deserialize or rebuild does not disturb itself', () => {
    const inner = encode({ inner: [1, 2] });
    const outer = Buffer.from([0, 0xa2, 0xd0, 0, 5]);
    expect(decoder.decode(outer, 0, outer.length, () => decoder.decode(inner, 0, inner.length))).toEqual([{ inner: [1, 2] }, 5]);
  });
});

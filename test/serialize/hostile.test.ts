/** Messages of somebody who means harm: what the decoder keeps of them, and what they may claim. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { SerializationError } from '../../src/errors.js';
import { Decoder } from '../../src/serialize/codec.js';
import { decode, encode } from './helpers.js';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

function usedBytes(): number {
  gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function decodeWhole(decoder: Decoder, message: Buffer): unknown {
  return decoder.decode(message, 0, message.length);
}

test('no key reaches a prototype', () => {
  const hostile = JSON.parse('{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}, "hasOwnProperty": 1}');
  const array = Object.assign([], { extra: 1 });
  Object.defineProperty(array, '__proto__', { value: { polluted: 1 }, enumerable: true });
  const many = JSON.parse(`{${Array.from({ length: 200 }, (_, i) => `"k${i}": 0`).join()}, "__proto__": {"polluted": 1}}`);
  const error = Object.assign(new Error('x'), { extra: 1 });
  Object.defineProperty(error, '__proto__', { value: { polluted: 1 }, enumerable: true });
  for (const value of [hostile, array, many, error]) {
    const decoded = decode(encode(value)) as { polluted?: number };
    expect(decoded.polluted).toBe(undefined);
    expect(Object.getPrototypeOf(decoded)).toBe(Object.getPrototypeOf(value));
    expect(Object.hasOwn(decoded, '__proto__')).toBe(true);
  }
  expect((Object.prototype as { polluted?: number }).polluted).toBe(undefined);
});

test('a large message leaves nothing behind in the decoder: neither its bytes nor its shapes', () => {
  const messages = [0, 1, 2].flatMap((round) => [
    encode(Array.from({ length: 60_000 }, (_, i) => ({ [`a key of its own, number ${round}-${i}`]: i }))),
    encode({ ['k'.repeat(8 << 20)]: 'x'.repeat(8 << 20) }),
  ]);
  const decoder = new Decoder();
  decodeWhole(decoder, encode({ warm: 'up' }));
  const before = usedBytes();
  while (messages.length > 0) {
    const message = messages.shift() as Buffer;
    decodeWhole(decoder, message);
  }
  expect(usedBytes()).toBeLessThan(before);
  expect(decodeWhole(decoder, encode({ warm: 'up' }))).toEqual({ warm: 'up' });
});

const Resizable = ArrayBuffer as unknown as new (size: number, options: { maxByteLength: number }) => ArrayBuffer;

test('resizable buffers cannot reserve all of the address space', () => {
  const one = (maxByteLength: number) => {
    const message = encode(new Resizable(8, { maxByteLength: 16 }));
    const at = message.indexOf(Buffer.from(new Float64Array([16]).buffer));
    message.writeDoubleLE(maxByteLength, at);
    return message;
  };
  expect((decode(one(2 ** 20)) as unknown as { maxByteLength: number }).maxByteLength).toBe(2 ** 20);
  for (const bad of [2 ** 37, 2 ** 52, 7, 8.5, -1, Number.NaN, Number.POSITIVE_INFINITY])
    expect(() => decode(one(bad))).toThrow(SerializationError);
});

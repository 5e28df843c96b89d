/** What the tests of the codec have in common: a round trip, and a comparison that overlooks nothing. */
import { isDeepStrictEqual, types } from 'node:util';
import { Decoder, Encoder, type Rebuild } from '../../src/serialize/codec.js';

const encoder = new Encoder();
const decoder = new Decoder();

/** The whole message in memory of its own, as it would lie in a ring. */
export function encode(value: unknown, rootName?: string, by = encoder): Buffer {
  by.encode(value, rootName);
  return Buffer.concat([by.bytes.subarray(0, by.length), by.body ?? Buffer.alloc(0)]);
}

export function decode(message: Uint8Array, rebuild?: Rebuild): unknown {
  return decoder.decode(message, 0, message.length, rebuild);
}

export function roundTrip<T>(value: T): T {
  return decode(encode(value)) as T;
}

/** Where two values differ, as a path with a reason; undefined when they are the same in content, prototypes, key order, holes and identity. */
export function difference(a: unknown, b: unknown, path = 'value', met = new Map<unknown, unknown>()): string | undefined {
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null)
    return Object.is(a, b) ? undefined : `${path}: ${String(a)} and ${String(b)}`;
  if (met.has(a)) return met.get(a) === b ? undefined : `${path}: identity`;
  met.set(a, b);
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return `${path}: prototype`;
  if (Object.prototype.toString.call(a) !== Object.prototype.toString.call(b)) return `${path}: class`;
  if (ArrayBuffer.isView(a)) {
    const c = b as ArrayBufferView;
    if (!Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(c.buffer, c.byteOffset, c.byteLength)))
      return `${path}: bytes`;
    if (met.has(a.buffer) && met.get(a.buffer) !== c.buffer) return `${path}: memory`;
    met.set(a.buffer, c.buffer);
    return undefined;
  }
  if (types.isArrayBuffer(a)) return Buffer.from(a).equals(Buffer.from(b as ArrayBuffer)) ? undefined : `${path}: bytes`;
  const keysA = Reflect.ownKeys(a);
  const keysB = Reflect.ownKeys(b);
  if (keysA.length !== keysB.length || keysA.some((key, i) => key !== keysB[i]))
    return `${path}: keys ${keysA.map(String)} and ${keysB.map(String)}`;
  for (const key of keysA) {
    const descriptorA = Object.getOwnPropertyDescriptor(a, key) as PropertyDescriptor;
    const descriptorB = Object.getOwnPropertyDescriptor(b, key) as PropertyDescriptor;
    if (descriptorA.enumerable !== descriptorB.enumerable || descriptorA.writable !== descriptorB.writable)
      return `${path}.${String(key)}: attributes`;
    const found = difference(descriptorA.value, descriptorB.value, `${path}.${String(key)}`, met);
    if (found !== undefined) return found;
  }
  if (types.isMap(a) || types.isSet(a)) return difference([...a], [...(b as Iterable<unknown>)], `${path}.entries`, met);
  if (types.isDate(a)) return Object.is(a.getTime(), (b as Date).getTime()) ? undefined : `${path}: time`;
  // Only what lies in internal fields is left to compare.
  if (types.isRegExp(a) || types.isBoxedPrimitive(a)) return isDeepStrictEqual(a, b) ? undefined : `${path}: content`;
  return undefined;
}

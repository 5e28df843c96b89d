/**
 * The items of a ShareableList as CPython's `shared_memory.py` lays them out: bytes, a format of Python's `struct` module, and a code that says what to make
 * of what that gives. Every item takes a multiple of 8 bytes.
 */
import { inspect } from 'node:util';
import { StateError } from '../errors.js';
import { rangeError, typeError } from '../util/validate.js';

/** What a list can hold: what Python knows as int, float, bool, str, bytes and None. */
export type ListItem = number | bigint | boolean | string | Uint8Array | null;

export const INT = 'q';
export const FLOAT = 'd';
export const BOOL = 'xxxxxxx?';
export const NONE = 'xxxxxx?x';
/** Where in their 8 bytes these two have the one that counts. */
export const BOOL_BYTE = 7;

export const CODE_PLAIN = 0;
export const CODE_TEXT = 1;
export const CODE_BYTES = 2;
export const CODE_NONE = 3;

/** A format is at most 8 characters, and so a text at most seven digits of bytes. */
const MOST_BYTES = 9_999_999;
/** With the `s` and the `x`. */
const MOST_EXACT_BYTES = 999_999;

export interface Encoded {
  readonly format: string;
  readonly code: number;
  readonly content: bigint | number | boolean | Uint8Array | null;
  /** Of a text or bytes. */
  readonly length: number;
}

/**
 * `asFloat`: a number is one, whatever its value. `room`: bytes that the item has, 0: as many as it needs (`roomFor`).
 * @throws TypeError, RangeError naming the argument
 */
export function encodeItem(argument: string, value: unknown, asFloat: boolean, room: number): Encoded {
  switch (typeof value) {
    case 'number':
      if (asFloat || !Number.isSafeInteger(value) || Object.is(value, -0)) return plain(FLOAT, value);
      return plain(INT, BigInt(value));
    case 'bigint':
      if (BigInt.asIntN(64, value) !== value) throw rangeError(argument, 'an integer of 64 bits', value);
      return plain(INT, value);
    case 'boolean':
      return plain(BOOL, value);
    case 'string':
      if (/\p{Surrogate}/u.test(value)) throw rangeError(argument, 'text without half surrogate pairs', value);
      return bytes(argument, Buffer.from(value), CODE_TEXT, room);
    default:
      if (value === null) return { format: NONE, code: CODE_NONE, content: null, length: 0 };
      if (value instanceof Uint8Array) return bytes(argument, value, CODE_BYTES, room);
      throw typeError(argument, 'a number, a bigint, a boolean, a string, a Uint8Array or null', value);
  }
}

/** What CPython gives it: always one byte more than it needs, by bytes and not by characters. */
export function roomFor({ content, length }: Encoded): number {
  return content instanceof Uint8Array ? 8 * (Math.floor(length / 8) + 1) : 8;
}

/**
 * Python cuts zeros off the end of what it reads. What ends in zeros has a format of its own, `5sx` for five bytes: by that we know its length; and Python
 * takes bytes as they are (code 0), while of a text it still cuts them off. The `x` has Python choose a format anew when it writes something else there.
 */
function bytes(argument: string, content: Uint8Array, code: number, room: number): Encoded {
  const { length } = content;
  if (room > 0 && length > room) throw rangeError(argument, `at most ${room} bytes long, as its place in the list is`, content);
  const endsInZero = length > 0 && content[length - 1] === 0;
  if (endsInZero && length > MOST_EXACT_BYTES)
    throw rangeError(argument, `at most ${MOST_EXACT_BYTES} bytes long if it ends in zeros`, content);
  const encoded = { format: '', code: endsInZero && code === CODE_BYTES ? CODE_PLAIN : code, content, length };
  const taken = room > 0 ? room : roomFor(encoded);
  if (taken > MOST_BYTES) throw rangeError(argument, `at most ${MOST_BYTES - 8} bytes long`, content);
  return { ...encoded, format: endsInZero ? `${length}sx` : `${taken}s` };
}

function plain(format: string, content: bigint | number | boolean): Encoded {
  return { format, code: CODE_PLAIN, content, length: 0 };
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** `format` of text or bytes; `whole`: from the item's first byte at least to where it ends. */
export function decodeBytes(index: number, format: string, code: number, whole: Uint8Array): string | Uint8Array {
  const [, digits, exact] = /^(\d{1,7})s(x?)$/.exec(format) ?? [];
  const length = Number(digits);
  if (digits === undefined || length > whole.length || code < CODE_PLAIN || code > CODE_BYTES)
    throw unreadable(index, `has the format ${inspect(format)} and the code ${code}`);
  const content = whole.subarray(0, exact === 'x' || code === CODE_PLAIN ? length : endOf(whole, length));
  if (code !== CODE_TEXT) return Uint8Array.from(content);
  try {
    return decoder.decode(content);
  } catch (cause) {
    throw unreadable(index, 'is not UTF-8 (Python cuts texts of more than ASCII when it makes a list of them)', cause);
  }
}

export function unreadable(index: number, why: string, cause?: unknown): StateError {
  return new StateError(
    'ERR_FORKFUL_LIST',
    `Item ${index} of the list cannot be read: it ${why}`,
    cause === undefined ? undefined : { cause },
  );
}

function endOf(bytes: Uint8Array, length: number): number {
  let end = length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return end;
}

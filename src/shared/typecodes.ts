/** The element types of shared values and arrays: Python's codes, JavaScript's names and constructors, for the same C types. */
import { inspect } from 'node:util';
import { rangeError, typeError } from '../util/validate.js';

export type TypedArrayConstructor =
  | Int8ArrayConstructor
  | Uint8ArrayConstructor
  | Uint8ClampedArrayConstructor
  | Int16ArrayConstructor
  | Uint16ArrayConstructor
  | Int32ArrayConstructor
  | Uint32ArrayConstructor
  | BigInt64ArrayConstructor
  | BigUint64ArrayConstructor
  | Float32ArrayConstructor
  | Float64ArrayConstructor;

/** Python's codes: c u (one character) b B h H i I l L q Q (integers, lower case signed; l and L are 64 bits wide) f d. */
export type TypeCode = keyof typeof CODES;
export type TypeName =
  | 'int8'
  | 'uint8'
  | 'uint8clamped'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'bigint64'
  | 'int64'
  | 'biguint64'
  | 'uint64'
  | 'float32'
  | 'float64';
export type ElementTypeArgument = TypeCode | TypeName | TypedArrayConstructor;

/** One element type. Its index in `ELEMENT_TYPES` is part of the layout. */
export interface ElementType {
  readonly name: TypeName;
  readonly array: TypedArrayConstructor;
  /** Characters: a Value of this type holds a one-character string. */
  readonly isCharacter: boolean;
  /** Inclusive bounds of the integer types, undefined for floating point. */
  readonly min: number | bigint | undefined;
  readonly max: number | bigint | undefined;
}

const integer = (
  name: TypeName,
  array: TypedArrayConstructor,
  min: number | bigint,
  max: number | bigint,
  isCharacter = false,
): ElementType => ({
  name,
  array,
  isCharacter,
  min,
  max,
});
const float = (name: TypeName, array: TypedArrayConstructor): ElementType => ({
  name,
  array,
  isCharacter: false,
  min: undefined,
  max: undefined,
});

export const ELEMENT_TYPES = [
  integer('int8', Int8Array, -128, 127),
  integer('uint8', Uint8Array, 0, 255),
  integer('uint8clamped', Uint8ClampedArray, 0, 255),
  integer('int16', Int16Array, -32768, 32767),
  integer('uint16', Uint16Array, 0, 65535),
  integer('int32', Int32Array, -(2 ** 31), 2 ** 31 - 1),
  integer('uint32', Uint32Array, 0, 2 ** 32 - 1),
  integer('bigint64', BigInt64Array, -(2n ** 63n), 2n ** 63n - 1n),
  integer('biguint64', BigUint64Array, 0n, 2n ** 64n - 1n),
  float('float32', Float32Array),
  float('float64', Float64Array),
  integer('uint8', Uint8Array, 0, 255, true),
  integer('uint32', Uint32Array, 0, 0x10ffff, true),
] as const;

const CODES = { b: 0, B: 1, h: 3, H: 4, i: 5, I: 6, l: 7, q: 7, L: 8, Q: 8, f: 9, d: 10, c: 11, u: 12 } as const;
const NAMES: Record<TypeName, number> = {
  int8: 0,
  uint8: 1,
  uint8clamped: 2,
  int16: 3,
  uint16: 4,
  int32: 5,
  uint32: 6,
  bigint64: 7,
  int64: 7,
  biguint64: 8,
  uint64: 8,
  float32: 9,
  float64: 10,
};

/** The index in `ELEMENT_TYPES` of a code, name or constructor. @throws TypeError naming the value */
export function elementTypeIndex(type: ElementTypeArgument): number {
  if (typeof type === 'string') {
    const index = Object.hasOwn(CODES, type) ? CODES[type as TypeCode] : Object.hasOwn(NAMES, type) ? NAMES[type as TypeName] : undefined;
    if (index !== undefined) return index;
  } else if (typeof type === 'function') {
    const index = ELEMENT_TYPES.findIndex((known) => known.array === type);
    if (index >= 0) return index;
  }
  throw typeError(
    'type',
    `one of Python's codes ${Object.keys(CODES).join(' ')}, a name like 'int32' or 'float64', or a TypedArray constructor`,
    type,
  );
}

/** What names the type of that index: the other way round. */
export function typeArgument(index: number): ElementTypeArgument {
  const { name, isCharacter } = ELEMENT_TYPES[index] as ElementType;
  return isCharacter ? (name === 'uint8' ? 'c' : 'u') : name;
}

/** Whether BigInts are its elements. */
export function isBigInt(type: ElementType): boolean {
  return typeof type.min === 'bigint';
}

/** The number that stands for a value, checked: CPython wraps around silently, we do not. @throws TypeError, RangeError */
export function toElement(type: ElementType, value: unknown, argument: string): number | bigint {
  if (type.isCharacter) return toCharacter(type, value, argument);
  if (isBigInt(type)) {
    const big = typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : value;
    if (typeof big !== 'bigint') throw typeError(argument, `a bigint or an integer (${type.name})`, value);
    return checkRange(type, big, argument);
  }
  if (typeof value !== 'number') throw typeError(argument, `a number (${type.name})`, value);
  if (type.min === undefined) return value;
  if (!Number.isInteger(value)) throw rangeError(argument, `an integer (${type.name})`, value);
  return checkRange(type, value, argument);
}

export function fromElement(type: ElementType, element: number | bigint): number | bigint | string {
  return type.isCharacter ? String.fromCodePoint(element as number) : element;
}

function toCharacter(type: ElementType, value: unknown, argument: string): number {
  if (typeof value === 'number') return checkRange(type, value, argument) as number;
  if (typeof value !== 'string' || [...value].length !== 1) throw typeError(argument, 'a string of one character', value);
  return checkRange(type, value.codePointAt(0) as number, argument) as number;
}

function checkRange(type: ElementType, value: number | bigint, argument: string): number | bigint {
  if (value < (type.min as number) || value > (type.max as number))
    throw rangeError(argument, `between ${inspect(type.min)} and ${inspect(type.max)} (${type.name})`, value);
  return value;
}

/**
 * Arrays in shared memory: really TypedArrays, so that indexing costs what a TypedArray costs. As Python's `multiprocessing.Array` and `RawArray`.
 * `new SharedArray('d', 10)` returns an instance of a subclass of Float64Array; one such subclass is made per element type and kind.
 */
import { currentAgent } from '../arena/agent.js';
import { PAGE_BYTES } from '../arena/layout.js';
import { OutOfMemoryError } from '../errors.js';
import { BLOCK_ARRAY, MAX_PAYLOAD_BYTES, onDestroy, payloadWord } from '../memory/block.js';
import {
  abandonShared,
  bindShared,
  closedError,
  createShared,
  type Handle,
  lendMemory,
  onRebuild,
  reclaimMemory,
  unbindShared,
} from '../memory/handle.js';
import { allocateRun, freeRun } from '../memory/pages.js';
import { handleOf, type Passable } from '../serialize/passable.js';
import { options as checkOptions, integer, typeError } from '../util/validate.js';
import {
  addGuard,
  addLockMethods,
  type AnyLock,
  checkGuard,
  dropGuard,
  type GuardOption,
  initGuard,
  type LockMethods,
  openGuard,
} from '../sync/guard.js';
import { type Fields, type StructInit, StructType } from './struct.js';
import { createStructArray, RawStructArray, StructArray } from './struct-array.js';
import {
  ELEMENT_TYPES,
  type ElementType,
  type ElementTypeArgument,
  elementTypeIndex,
  toElement,
  type TypedArrayConstructor,
} from './typecodes.js';

/** The TypedArray that a type argument leads to. */
export type TypedArrayOf<T> = T extends 'b' | 'int8' | Int8ArrayConstructor
  ? Int8Array
  : T extends 'B' | 'c' | 'uint8' | Uint8ArrayConstructor
    ? Uint8Array
    : T extends 'uint8clamped' | Uint8ClampedArrayConstructor
      ? Uint8ClampedArray
      : T extends 'h' | 'int16' | Int16ArrayConstructor
        ? Int16Array
        : T extends 'H' | 'uint16' | Uint16ArrayConstructor
          ? Uint16Array
          : T extends 'i' | 'int32' | Int32ArrayConstructor
            ? Int32Array
            : T extends 'I' | 'u' | 'uint32' | Uint32ArrayConstructor
              ? Uint32Array
              : T extends 'l' | 'q' | 'int64' | 'bigint64' | BigInt64ArrayConstructor
                ? BigInt64Array
                : T extends 'L' | 'Q' | 'uint64' | 'biguint64' | BigUint64ArrayConstructor
                  ? BigUint64Array
                  : T extends 'f' | 'float32' | Float32ArrayConstructor
                    ? Float32Array
                    : Float64Array;

/** What all shared arrays have besides being TypedArrays. */
export interface RawArrayMethods extends Passable, Disposable {}

/** What those with a lock have. */
export interface LockedArrayMethods extends RawArrayMethods, LockMethods {
  /** The lock that guards it. @throws TypeError when it was made with `lock: false` */
  getLock(): AnyLock;
}

/** The elements without the lock: a plain TypedArray over the same memory, which it keeps alive. */
interface Obj<A> {
  getObj(): A;
}

export type SharedArray<T extends ElementTypeArgument = 'd'> = TypedArrayOf<T> & LockedArrayMethods & Obj<TypedArrayOf<T>>;
export type RawArray<T extends ElementTypeArgument = 'd'> = TypedArrayOf<T> & RawArrayMethods;
type Elements = Iterable<number | bigint | string> | ArrayLike<number | bigint | string>;

/** Payload: type, kind, length in elements (low, high), first page of its run (0: the elements follow here), the lock's handle; elements from byte 64. */
const TYPE_WORD = 0;
const RAW_WORD = 1;
const LENGTH_WORD = 2;
const PAGE_WORD = 4;
const GUARD_WORD = 5;
const INLINE_BYTE = 64;
/** Larger ones get pages of their own, which go back to the system when freed. */
const MAX_INLINE_BYTES = 4096 - INLINE_BYTE;

/** A TypedArray subclass over shared memory. All of them carry this brand. */
interface SharedInstance extends Passable {
  attach(handle: Handle, token: number, lock: AnyLock | undefined): void;
}
type SharedClass = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => SharedInstance & Uint8Array;
const lockedClasses = new Map<number, SharedClass>();
const rawClasses = new Map<number, SharedClass>();
const instances = new WeakMap<object, { raw: boolean }>();
/** A part of an array keeps the whole alive. */
const wholes = new WeakMap<object, object>();

export interface SharedArrayConstructor {
  /** Of a struct: see `StructArray`. */
  new <F extends Fields>(
    type: StructType<F>,
    sizeOrElements: number | Iterable<StructInit<F>>,
    options?: { lock?: GuardOption },
  ): StructArray<F>;
  /**
   * `sizeOrElements`: a number of elements, all zero, or the elements. `lock`: a Lock to use, false for none; default: a new one.
   * @throws TypeError, RangeError naming the argument; OutOfMemoryError, never a crash later
   */
  new <T extends ElementTypeArgument>(type: T, sizeOrElements: number | Elements, options?: { lock?: GuardOption }): SharedArray<T>;
  [Symbol.hasInstance](value: unknown): boolean;
}

export interface RawArrayConstructor {
  new <F extends Fields>(type: StructType<F>, sizeOrElements: number | Iterable<StructInit<F>>): RawStructArray<F>;
  new <T extends ElementTypeArgument>(type: T, sizeOrElements: number | Elements): RawArray<T>;
  [Symbol.hasInstance](value: unknown): boolean;
}

/** A TypedArray in shared memory, with a lock. Disposing of it makes it empty where that is possible, and lets go of its memory. */
export const SharedArray = class SharedArray {
  constructor(type: ElementTypeArgument | StructType, sizeOrElements: number | Elements, options?: { lock?: GuardOption }) {
    const { lock } = checkOptions('options', options, ['lock']);
    // biome-ignore lint/correctness/noConstructorReturn: a TypedArray must be made by its own constructor; `instanceof` is right by the method below
    return make(type, sizeOrElements, lock, false) as never;
  }
  static [Symbol.hasInstance](value: unknown): boolean {
    return isSharedArray(value, false);
  }
} as unknown as SharedArrayConstructor;

/** A TypedArray in shared memory, without a lock. */
export const RawArray = class RawArray {
  constructor(type: ElementTypeArgument | StructType, sizeOrElements: number | Elements) {
    // biome-ignore lint/correctness/noConstructorReturn: as above
    return make(type, sizeOrElements, false, true) as never;
  }
  static [Symbol.hasInstance](value: unknown): boolean {
    return isSharedArray(value, true);
  }
} as unknown as RawArrayConstructor;

function isSharedArray(value: unknown, raw: boolean): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return value instanceof RawStructArray ? value instanceof StructArray !== raw : instances.get(value)?.raw === raw;
}

function make(type: ElementTypeArgument | StructType, sizeOrElements: unknown, guard: GuardOption, raw: boolean): object {
  if (type instanceof StructType) return createStructArray(type, sizeOrElements, guard, raw);
  return create(elementTypeIndex(type), sizeOrElements, guard, raw);
}

function create(typeIndex: number, sizeOrElements: unknown, guard: GuardOption, raw: boolean): object {
  checkGuard(guard);
  const type = ELEMENT_TYPES[typeIndex] as ElementType;
  const elements = typeof sizeOrElements === 'number' ? undefined : toElements(type, sizeOrElements);
  const length = elements === undefined ? integer('size', sizeOrElements, 0, Number.MAX_SAFE_INTEGER) : elements.length;
  const bytes = length * type.array.BYTES_PER_ELEMENT;
  const { bytes: regionBytes } = currentAgent().region;
  if (bytes > regionBytes) throw new OutOfMemoryError(`Cannot allocate ${bytes} bytes: the shared region has ${regionBytes}`);
  const isInline = bytes <= MAX_INLINE_BYTES;
  const handle = createShared(BLOCK_ARRAY, isInline ? INLINE_BYTE + bytes : INLINE_BYTE);
  try {
    describe(handle, typeIndex, raw, length, isInline ? 0 : allocateRun(bytes, 'far'));
    const array = open(handle, raw ? undefined : initGuard(payloadWord(handle.offset) + GUARD_WORD, guard));
    bindShared(array, handle);
    if (elements !== undefined) (array as unknown as Uint8Array).set(elements as ArrayLike<number>);
    return array;
  } catch (error) {
    abandonShared(handle);
    throw error;
  }
}

function describe(handle: Handle, typeIndex: number, raw: boolean, length: number, page: number): void {
  const { words } = currentAgent().region;
  const payload = payloadWord(handle.offset);
  words[payload + PAGE_WORD] = page;
  words[payload + TYPE_WORD] = typeIndex;
  words[payload + RAW_WORD] = raw ? 1 : 0;
  words[payload + LENGTH_WORD] = length >>> 0;
  words[payload + LENGTH_WORD + 1] = Math.floor(length / 2 ** 32);
}

/** The object that stands for an array's block. */
function open(handle: Handle, lock: AnyLock | undefined): object {
  const { words } = currentAgent().region;
  const payload = payloadWord(handle.offset);
  const typeIndex = words[payload + TYPE_WORD] as number;
  const raw = words[payload + RAW_WORD] !== 0;
  const length = ((words[payload + LENGTH_WORD] as number) >>> 0) + (words[payload + LENGTH_WORD + 1] as number) * 2 ** 32;
  const page = words[payload + PAGE_WORD] as number;
  const offset = page === 0 ? payload * 4 + INLINE_BYTE : page * PAGE_BYTES;
  const bytes = length * (ELEMENT_TYPES[typeIndex] as ElementType).array.BYTES_PER_ELEMENT;
  const { buffer, byteOffset, token } = lendMemory(handle, offset, bytes);
  const array = new (classFor(typeIndex, raw))(buffer, byteOffset, length);
  array.attach(handle, token, lock);
  instances.set(array, { raw });
  return array;
}

function classFor(typeIndex: number, raw: boolean): SharedClass {
  const classes = raw ? rawClasses : lockedClasses;
  let found = classes.get(typeIndex);
  if (found === undefined) {
    const rawClass = makeRawClass((ELEMENT_TYPES[typeIndex] as ElementType).array);
    found = raw ? rawClass : makeLockedClass(rawClass);
    classes.set(typeIndex, found);
  }
  return found;
}

function makeRawClass(array: TypedArrayConstructor): SharedClass {
  const Base = array as Uint8ArrayConstructor;
  class RawArray extends Base {
    #handle: Handle | undefined;
    #token = 0;
    /** Not enumerable, and no field: an array's own properties are its elements. */
    declare lock: AnyLock | undefined;

    /** What `map`, `slice`, `filter` make: plain TypedArrays, the first three of private memory. */
    static get [Symbol.species](): Uint8ArrayConstructor {
      return Base;
    }

    attach(handle: Handle, token: number, lock: AnyLock | undefined): void {
      this.#handle = handle;
      this.#token = token;
      Object.defineProperty(this, 'lock', { value: lock });
    }

    override subarray(begin?: number, end?: number): Uint8Array<ArrayBuffer> {
      const part = super.subarray(begin, end);
      wholes.set(part, this);
      return part;
    }

    [handleOf](): Handle {
      if (this.#handle === undefined) throw closedError('array');
      return this.#handle;
    }

    [Symbol.dispose](): void {
      const handle = this.#handle;
      if (handle === undefined) return;
      this.#handle = undefined;
      reclaimMemory(this.buffer, this.#token);
      unbindShared(this, handle);
    }
  }
  return RawArray as unknown as SharedClass;
}

function makeLockedClass(rawClass: SharedClass): SharedClass {
  class SharedArray extends (rawClass as unknown as new () => { lock: AnyLock | undefined }) {
    getLock(): AnyLock {
      if (this.lock === undefined) throw new TypeError('This Array was made with { lock: false }: it has no lock');
      return this.lock;
    }

    getObj(): object {
      return (this as unknown as Uint8Array).subarray();
    }
  }
  addLockMethods(SharedArray.prototype);
  return SharedArray as unknown as SharedClass;
}

function toElements(type: ElementType, value: unknown): ArrayLike<number | bigint> {
  if (typeof value === 'string' && type.isCharacter)
    return Array.from(value, (character, index) => toElement(type, character, `elements[${index}]`));
  if (value === null || typeof value !== 'object') throw typeError('sizeOrElements', 'a number of elements, or an iterable of them', value);
  if (ArrayBuffer.isView(value) && value.constructor === type.array) return value as unknown as ArrayLike<number>;
  if (!(Symbol.iterator in value) && !('length' in value))
    throw typeError('sizeOrElements', 'a number of elements, or an iterable of them', value);
  return Array.from(value as Iterable<unknown>, (element, index) => toElement(type, element, `elements[${index}]`));
}

/** A new one with the same elements, and, if that has one, a lock of its own. REQUIRES: `array` is one of ours. */
export function copyArray(array: RawArrayMethods): object {
  const { words } = currentAgent().region;
  const typeIndex = words[payloadWord(array[handleOf]().offset) + TYPE_WORD] as number;
  return create(typeIndex, (array as unknown as Uint8Array).slice(), true, array instanceof RawArray);
}

/** The same memory with a lock. @throws StateError (ERR_FORKFUL_SYNCHRONIZED) */
export function synchronizeArray(raw: RawArrayMethods, lock: AnyLock | undefined): object {
  const handle = raw[handleOf]();
  const payload = payloadWord(handle.offset);
  const array = open(handle, addGuard(payload + RAW_WORD, payload + GUARD_WORD, lock));
  bindShared(array, handle);
  return array;
}

onDestroy(BLOCK_ARRAY, (payload) => {
  const { words } = currentAgent().region;
  const page = words[payload + PAGE_WORD] as number;
  dropGuard(payload + GUARD_WORD);
  if (page !== 0) freeRun(page);
});
onRebuild(BLOCK_ARRAY, (handle) => open(handle, openGuard(payloadWord(handle.offset) + GUARD_WORD)));
if (MAX_INLINE_BYTES + INLINE_BYTE > MAX_PAYLOAD_BYTES) throw new Error('layout: inline arrays must fit in a block');

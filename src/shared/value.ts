/** One number or structure in shared memory, with or without a lock. As Python's `multiprocessing.Value` and `RawValue`. */
import { inspect } from 'node:util';
import { currentAgent } from '../arena/agent.js';
import { BLOCK_STRUCT, BLOCK_VALUE, blockType, onDestroy, payloadWord } from '../memory/block.js';
import { bindShared, closedError, createShared, Existing, type Handle, onRebuild, unbindShared } from '../memory/handle.js';
import { handleOf, type Passable } from '../serialize/passable.js';
import { options as checkOptions, typeError } from '../util/validate.js';
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
import { type StructInit, type StructOf, StructType } from './struct.js';
import { closeStructs, createStructs, openStructs, STRUCT_GUARD_WORD, STRUCT_RAW_WORD, type Structs } from './struct-memory.js';
import { assign, type Record } from './struct-record.js';
import {
  ELEMENT_TYPES,
  type ElementType,
  type ElementTypeArgument,
  elementTypeIndex,
  fromElement,
  isBigInt,
  toElement,
  typeArgument,
  type TypeName,
} from './typecodes.js';

/** What can be the type of a Value, or of the elements of an Array. */
export type ValueType = ElementTypeArgument | StructType;

/** What a value of a type holds: bigint for the 64-bit integers, a one-character string for `c` and `u`, an object with its fields for a struct, a number for all else. */
export type ValueOf<T> = T extends StructType<infer F> ? StructOf<F> : ScalarOf<T>;
/** What it can start with. */
export type ValueInit<T> = T extends StructType<infer F> ? StructInit<F> : ScalarOf<T> | number;
type ScalarOf<T> = T extends
  | 'l'
  | 'L'
  | 'q'
  | 'Q'
  | 'int64'
  | 'uint64'
  | 'bigint64'
  | 'biguint64'
  | BigInt64ArrayConstructor
  | BigUint64ArrayConstructor
  ? bigint
  : T extends 'c' | 'u'
    ? string
    : number;

/** Payload: type and kind, the lock's handle, then the element at byte 32. One cache line. */
const TYPE_WORD = 0;
const RAW_WORD = 1;
const GUARD_WORD = 2;
const ELEMENT_BYTE = 32;
const PAYLOAD_BYTES = 64;

type AnyView = Int32Array & { [index: number]: number | bigint };
/** The near window seen as each element type, made when first needed. */
const views: AnyView[] = [];

let typeOfValue: (value: RawValue) => ValueType;

/** Stands for the type of structures where element types are asked for. */
const STRUCT: ElementType = { name: 'struct' as TypeName, array: Float64Array, isCharacter: false, min: undefined, max: undefined };

const NO_NUMBERS = new Float64Array(0) as unknown as AnyView;

/** Tells a constructor to show what another object stands for, as long as that has it. */
class Borrowed extends Existing {}

/**
 * One number of any type, or one structure, in shared memory, without a lock. Reads and writes of `value`, and of the fields of a structure, are single
 * machine accesses: never torn, but `v.value += 1` is two of them; use `add`, or a `Value` and its lock. A process that dies leaves it as it was.
 */
export class RawValue<T extends ValueType = ValueType> implements Passable {
  #view: AnyView | undefined;
  #index: number;
  #type: ElementType;
  #handle: Handle;
  #structs: Structs | undefined;
  /** Of a structure: what `value` is. Undefined for numbers, and after disposal. */
  #record: Record | undefined;
  /** Another object stands for the block, and this one only shows it. */
  readonly #isBorrowed: boolean;

  /** @throws TypeError for an unknown type, RangeError for an initial value it cannot hold, OutOfMemoryError */
  constructor(type: T, initial?: ValueInit<T>) {
    const { words } = currentAgent().region;
    this.#isBorrowed = type instanceof Borrowed;
    this.#index = 0;
    this.#type = STRUCT;
    const raw = !(this instanceof Value);
    if (type instanceof Existing) {
      this.#handle = type.handle;
      if (blockType(type.handle) === BLOCK_STRUCT) this.#structs = openStructs(type.handle);
    } else if (type instanceof StructType) {
      const made = createStructs(BLOCK_STRUCT, type, 1, raw);
      this.#handle = made.handle;
      this.#structs = made.structs;
      bindShared(this, this.#handle);
    } else {
      const index = elementTypeIndex(type);
      const element = initial === undefined ? undefined : toElement(ELEMENT_TYPES[index] as ElementType, initial, 'initial');
      this.#handle = createShared(BLOCK_VALUE, PAYLOAD_BYTES);
      const payload = payloadWord(this.#handle.offset);
      words[payload + TYPE_WORD] = index;
      words[payload + RAW_WORD] = raw ? 1 : 0;
      bindShared(this, this.#handle);
      if (element !== undefined) viewOf(index)[this.#elementIndex(index)] = element as number;
    }
    if (this.#structs !== undefined) {
      const { type: structType, memory } = this.#structs;
      this.#view = NO_NUMBERS;
      this.#record = structType.at(memory, 0);
      memory.owner = this;
      if (initial !== undefined) this.#start(initial);
      return;
    }
    const index = words[payloadWord(this.#handle.offset) + TYPE_WORD] as number;
    this.#type = ELEMENT_TYPES[index] as ElementType;
    this.#view = viewOf(index);
    this.#index = this.#elementIndex(index);
  }

  static {
    typeOfValue = (value) => value.#structs?.type ?? typeArgument(ELEMENT_TYPES.indexOf(value.#type as never));
  }

  /** Of a structure: an object over the memory itself, whose fields are read and written one by one. */
  get value(): ValueOf<T> {
    if (this.#record !== undefined) return this.#record as unknown as ValueOf<T>;
    const element = this.#live()[this.#index] as number;
    return (this.#type.isCharacter ? fromElement(this.#type, element) : element) as ValueOf<T>;
  }

  /** Of a structure: sets the fields that the object has. @throws TypeError, RangeError when the type cannot hold it: nothing wraps around */
  set value(value: ValueOf<T>) {
    if (this.#record !== undefined) {
      assign(this.#record, value, 'value');
      return;
    }
    this.#live()[this.#index] = (
      typeof value === 'number' && this.#type.min === undefined ? value : toElement(this.#type, value, 'value')
    ) as number;
  }

  /** Atomically adds and returns the former value, wrapping around at the type's bounds. Integer types only, like all below. */
  add(operand: ValueOf<T>): ValueOf<T> {
    return Atomics.add(this.#integers(), this.#index, this.#operand(operand)) as ValueOf<T>;
  }

  sub(operand: ValueOf<T>): ValueOf<T> {
    return Atomics.sub(this.#integers(), this.#index, this.#operand(operand)) as ValueOf<T>;
  }

  and(operand: ValueOf<T>): ValueOf<T> {
    return Atomics.and(this.#integers(), this.#index, this.#operand(operand)) as ValueOf<T>;
  }

  or(operand: ValueOf<T>): ValueOf<T> {
    return Atomics.or(this.#integers(), this.#index, this.#operand(operand)) as ValueOf<T>;
  }

  xor(operand: ValueOf<T>): ValueOf<T> {
    return Atomics.xor(this.#integers(), this.#index, this.#operand(operand)) as ValueOf<T>;
  }

  /** Atomically stores and returns the former value. */
  exchange(value: ValueOf<T>): ValueOf<T> {
    return Atomics.exchange(this.#integers(), this.#index, this.#operand(value)) as ValueOf<T>;
  }

  /** Atomically stores `replacement` if the value is `expected`; returns the former value either way. */
  compareExchange(expected: ValueOf<T>, replacement: ValueOf<T>): ValueOf<T> {
    return Atomics.compareExchange(this.#integers(), this.#index, this.#operand(expected), this.#operand(replacement)) as ValueOf<T>;
  }

  /** Lets go of its memory; freed when all holders have. Idempotent. */
  [Symbol.dispose](): void {
    if (this.#view === undefined) return;
    this.#view = undefined;
    this.#record = undefined;
    if (this.#structs !== undefined) closeStructs(this.#structs);
    if (!this.#isBorrowed) unbindShared(this, this.#handle);
  }

  [handleOf](): Handle {
    this.#live();
    return this.#handle;
  }

  [inspect.custom](): string {
    return `<${this.constructor.name} ${this.#structs === undefined ? this.#type.name : inspect(this.#structs.type)} ${this.#view === undefined ? 'disposed' : inspect(this.value)}>`;
  }

  #start(initial: unknown): void {
    try {
      assign(this.#record as Record, initial, 'initial');
    } catch (error) {
      RawValue.prototype[Symbol.dispose].call(this); // not a subclass's: that is not made yet
      throw error;
    }
  }

  #live(): AnyView {
    const view = this.#view;
    if (view === undefined) throw closedError('value');
    return view;
  }

  #integers(): AnyView {
    const type = this.#type;
    if (type.min === undefined || type.isCharacter || type.array === Uint8ClampedArray)
      throw typeError('type', 'an integer type for atomic operations', type.name);
    return this.#live();
  }

  #operand(value: unknown): number {
    if (isBigInt(this.#type) && Number.isInteger(value)) return BigInt(value as number) as unknown as number;
    if (isBigInt(this.#type) ? typeof value !== 'bigint' : !Number.isInteger(value))
      throw typeError('operand', isBigInt(this.#type) ? 'a bigint' : 'an integer', value);
    return value as number;
  }

  #elementIndex(typeIndex: number): number {
    return (payloadWord(this.#handle.offset) * 4 + ELEMENT_BYTE) / (ELEMENT_TYPES[typeIndex] as ElementType).array.BYTES_PER_ELEMENT;
  }
}

/**
 * One number in shared memory with a lock of its own, or a given one.
 *
 * ```js
 * const counter = new Value('i', 0);
 * counter.withLockSync(() => { counter.value += 1; });
 * ```
 * @throws as RawValue; TypeError when `lock` is neither a Lock nor a boolean
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: addLockMethods adds exactly these, right below the class
export class Value<T extends ValueType = ValueType> extends RawValue<T> {
  readonly #lock: AnyLock | undefined;
  #obj: RawValue<T> | undefined;

  constructor(type: T, initial?: ValueInit<T>, options?: { lock?: GuardOption }) {
    const { lock } = checkOptions('options', options, ['lock']);
    checkGuard(lock);
    super(type, initial);
    const guardWord = guardWordOf(this[handleOf]());
    this.#lock = type instanceof Existing ? openGuard(guardWord) : initGuard(guardWord, lock);
  }

  /** The lock that guards it: the same object however it is asked for. @throws TypeError when it was made with `lock: false` */
  getLock(): AnyLock {
    if (this.#lock === undefined) throw new TypeError('This Value was made with { lock: false }: it has no lock');
    return this.#lock;
  }

  /** The value without its lock: the same memory, for as long as this object has it. Sent, it arrives as this object does. */
  getObj(): RawValue<T> {
    this.#obj ??= new RawValue<T>(new Borrowed(this[handleOf]()) as unknown as T);
    owners.set(this.#obj, this);
    return this.#obj;
  }

  override [Symbol.dispose](): void {
    this.#obj?.[Symbol.dispose]();
    super[Symbol.dispose]();
  }
}

/** What `getObj` gave keeps its Value, and so the memory, alive. */
const owners = new WeakMap<object, object>();

/** The lock's own methods, on the value. */
// biome-ignore lint/correctness/noUnusedVariables: a merged interface has the class's type parameters
export interface Value<T extends ValueType> extends LockMethods {}
addLockMethods(Value.prototype);

function viewOf(typeIndex: number): AnyView {
  views[typeIndex] ??= new (ELEMENT_TYPES[typeIndex] as ElementType).array(
    currentAgent().region.words.buffer as ArrayBuffer,
  ) as unknown as AnyView;
  return views[typeIndex];
}

function rawWordOf(handle: Handle): number {
  return payloadWord(handle.offset) + (blockType(handle) === BLOCK_STRUCT ? STRUCT_RAW_WORD : RAW_WORD);
}

function guardWordOf(handle: Handle): number {
  return payloadWord(handle.offset) + (blockType(handle) === BLOCK_STRUCT ? STRUCT_GUARD_WORD : GUARD_WORD);
}

/** What it was made with. */
export function valueType(value: RawValue): ValueType {
  return typeOfValue(value);
}

/** The same memory with a lock. @throws StateError (ERR_FORKFUL_SYNCHRONIZED) */
export function synchronizeValue<T extends ValueType>(raw: RawValue<T>, lock: AnyLock | undefined): Value<T> {
  const handle = raw[handleOf]();
  addGuard(rawWordOf(handle), guardWordOf(handle), lock);
  const value = open(handle) as Value<T>;
  bindShared(value, handle);
  return value;
}

/** The object for the block as it is now. REQUIRES: this agent holds the block. */
function open(handle: Handle): RawValue {
  const existing = new Existing(handle) as unknown as ElementTypeArgument;
  return currentAgent().region.words[rawWordOf(handle)] === 0 ? new Value(existing) : new RawValue(existing);
}

onDestroy(BLOCK_VALUE, (payload) => dropGuard(payload + GUARD_WORD));
onRebuild(BLOCK_VALUE, open);
onRebuild(BLOCK_STRUCT, open);

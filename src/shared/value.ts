/** One number in shared memory, with or without a lock. As Python's `multiprocessing.Value` and `RawValue`. */
import { inspect } from 'node:util';
import { currentAgent } from '../arena/agent.js';
import { BLOCK_VALUE, onDestroy, payloadWord } from '../memory/block.js';
import { bindShared, closedError, createShared, Existing, type Handle, onRebuild, unbindShared } from '../memory/handle.js';
import { handleOf, type Passable } from '../serialize/passable.js';
import type { Lock } from '../sync/lock.js';
import { options as checkOptions, typeError } from '../util/validate.js';
import { addLockMethods, checkGuard, dropGuard, type GuardOption, initGuard, type LockMethods, openGuard } from './guard.js';
import {
  ELEMENT_TYPES,
  type ElementType,
  type ElementTypeArgument,
  elementTypeIndex,
  fromElement,
  isBigInt,
  toElement,
} from './typecodes.js';

/** What a value of a type holds: bigint for the 64-bit integers, a one-character string for `c` and `u`, a number for all else. */
export type ValueOf<T> = T extends
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

/**
 * One number of any type in shared memory, without a lock. Reads and writes of `value` are single machine accesses: never torn, but `v.value += 1` is
 * two of them; use `add`, or a `Value` and its lock. A process that dies leaves it as it was.
 */
export class RawValue<T extends ElementTypeArgument = ElementTypeArgument> implements Passable {
  #view: AnyView | undefined;
  #index: number;
  #type: ElementType;
  #handle: Handle;

  /** @throws TypeError for an unknown type, RangeError for an initial value it cannot hold, OutOfMemoryError */
  constructor(type: T, initial?: ValueOf<T> | number) {
    const { words } = currentAgent().region;
    let index: number;
    if (type instanceof Existing) {
      this.#handle = type.handle;
      index = words[payloadWord(type.handle.offset) + TYPE_WORD] as number;
    } else {
      index = elementTypeIndex(type);
      const element = initial === undefined ? undefined : toElement(ELEMENT_TYPES[index] as ElementType, initial, 'initial');
      this.#handle = createShared(BLOCK_VALUE, PAYLOAD_BYTES);
      const payload = payloadWord(this.#handle.offset);
      words[payload + TYPE_WORD] = index;
      words[payload + RAW_WORD] = this instanceof Value ? 0 : 1;
      bindShared(this, this.#handle);
      if (element !== undefined) viewOf(index)[this.#elementIndex(index)] = element as number;
    }
    this.#type = ELEMENT_TYPES[index] as ElementType;
    this.#view = viewOf(index);
    this.#index = this.#elementIndex(index);
  }

  get value(): ValueOf<T> {
    const element = this.#live()[this.#index] as number;
    return (this.#type.isCharacter ? fromElement(this.#type, element) : element) as ValueOf<T>;
  }

  /** @throws TypeError, RangeError when the type cannot hold it: nothing wraps around */
  set value(value: ValueOf<T>) {
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
    unbindShared(this, this.#handle);
  }

  [handleOf](): Handle {
    this.#live();
    return this.#handle;
  }

  [inspect.custom](): string {
    return `<${this.constructor.name} ${this.#type.name} ${this.#view === undefined ? 'disposed' : inspect(this.value)}>`;
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
export class Value<T extends ElementTypeArgument = ElementTypeArgument> extends RawValue<T> {
  readonly #lock: Lock | undefined;

  constructor(type: T, initial?: ValueOf<T> | number, options?: { lock?: GuardOption }) {
    const { lock } = checkOptions('options', options, ['lock']);
    checkGuard(lock);
    super(type, initial);
    const guardWord = payloadWord(this[handleOf]().offset) + GUARD_WORD;
    this.#lock = type instanceof Existing ? openGuard(guardWord) : initGuard(guardWord, lock);
  }

  /** The lock that guards it: the same object however it is asked for. @throws TypeError when it was made with `lock: false` */
  getLock(): Lock {
    if (this.#lock === undefined) throw new TypeError('This Value was made with { lock: false }: it has no lock');
    return this.#lock;
  }
}

/** The lock's own methods, on the value. */
// biome-ignore lint/correctness/noUnusedVariables: a merged interface has the class's type parameters
export interface Value<T extends ElementTypeArgument> extends LockMethods {}
addLockMethods(Value.prototype);

function viewOf(typeIndex: number): AnyView {
  views[typeIndex] ??= new (ELEMENT_TYPES[typeIndex] as ElementType).array(
    currentAgent().region.words.buffer as ArrayBuffer,
  ) as unknown as AnyView;
  return views[typeIndex];
}

onDestroy(BLOCK_VALUE, (payload) => dropGuard(payload + GUARD_WORD));
onRebuild(BLOCK_VALUE, (handle) => {
  const raw = currentAgent().region.words[payloadWord(handle.offset) + RAW_WORD] === 1;
  const existing = new Existing(handle) as unknown as ElementTypeArgument;
  return raw ? new RawValue(existing) : new Value(existing);
});

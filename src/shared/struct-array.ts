/** Arrays of structures: not TypedArrays, since their elements are objects, each over its place in the memory. */
import { inspect } from 'node:util';
import { currentAgent } from '../arena/agent.js';
import { BLOCK_STRUCTS, payloadWord } from '../memory/block.js';
import { bindShared, closedError, type Handle, onRebuild, unbindShared } from '../memory/handle.js';
import { handleOf, type Passable } from '../serialize/passable.js';
import {
  addGuard,
  addLockMethods,
  type AnyLock,
  checkGuard,
  type GuardOption,
  initGuard,
  type LockMethods,
  openGuard,
} from '../sync/guard.js';
import { integer, rangeError, typeError } from '../util/validate.js';
import type { Fields, StructInit, StructOf, StructType } from './struct.js';
import { closeStructs, createStructs, openStructs, STRUCT_GUARD_WORD, STRUCT_RAW_WORD, type Structs } from './struct-memory.js';
import { assign, type Record } from './struct-record.js';

/**
 * Structures in a row, without a lock: `points[3].x`, or `points.at(-1)`. The elements cannot be replaced, but set: `points.set(3, { x: 1 })`. Each is an
 * object of its own; all of them are made at once.
 */
export class RawStructArray<F extends Fields = Fields> implements Passable, Iterable<StructOf<F>> {
  readonly [index: number]: StructOf<F>;
  declare readonly length: number;
  /** What its elements are. */
  declare readonly type: StructType<F>;
  readonly #structs: Structs;
  #handle: Handle | undefined;

  /** REQUIRES: made by `createStructArray`, or received. */
  constructor(handle: Handle, structs: Structs) {
    this.#handle = handle;
    this.#structs = structs;
    const { type, length, memory } = structs;
    memory.owner = this;
    for (let index = 0; index < length; index++) (this as { [index: number]: unknown })[index] = type.at(memory, index * type.size);
    Object.defineProperties(this, { length: { value: length }, type: { value: type } });
  }

  /** A negative index counts from the end; undefined for one out of range. */
  at(index: number): StructOf<F> | undefined {
    return this[index < 0 ? index + this.length : index];
  }

  /** Sets the fields that `init` names of one element. @throws RangeError, TypeError */
  set(index: number, init: StructInit<F>): void {
    const element = this.at(index);
    if (element === undefined) throw rangeError('index', `an integer of at least ${-this.length} and less than ${this.length}`, index);
    assign(element as unknown as Record, init, 'init');
  }

  *[Symbol.iterator](): IterableIterator<StructOf<F>> {
    for (let index = 0; index < this.length; index++) yield this[index] as StructOf<F>;
  }

  [handleOf](): Handle {
    if (this.#handle === undefined) throw closedError('array');
    return this.#handle;
  }

  /** Lets go of its memory; the elements cannot be used any more. Idempotent. */
  [Symbol.dispose](): void {
    const handle = this.#handle;
    if (handle === undefined) return;
    this.#handle = undefined;
    closeStructs(this.#structs);
    unbindShared(this, handle);
  }

  [inspect.custom](): string {
    return `<${this.constructor.name} of ${this.length} ${inspect(this.type)}>`;
  }
}

/** Structures in a row, with a lock. */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: addLockMethods adds exactly these, right below the class
export class StructArray<F extends Fields = Fields> extends RawStructArray<F> {
  readonly #lock: AnyLock | undefined;

  constructor(handle: Handle, structs: Structs, lock: AnyLock | undefined) {
    super(handle, structs);
    this.#lock = lock;
  }

  /** The lock that guards it. @throws TypeError when it was made with `lock: false` */
  getLock(): AnyLock {
    if (this.#lock === undefined) throw new TypeError('This Array was made with { lock: false }: it has no lock');
    return this.#lock;
  }
}

// biome-ignore lint/correctness/noUnusedVariables: a merged interface has the class's type parameters
export interface StructArray<F extends Fields> extends LockMethods {}
addLockMethods(StructArray.prototype);

/** @throws TypeError, RangeError naming the argument; OutOfMemoryError */
export function createStructArray(type: StructType, sizeOrElements: unknown, guard: GuardOption, raw: boolean): RawStructArray {
  checkGuard(guard);
  const elements = typeof sizeOrElements === 'number' ? undefined : elementsOf(sizeOrElements);
  const length = elements === undefined ? integer('size', sizeOrElements, 0, Number.MAX_SAFE_INTEGER) : elements.length;
  const { handle, structs } = createStructs(BLOCK_STRUCTS, type, length, raw);
  const guardWord = payloadWord(handle.offset) + STRUCT_GUARD_WORD;
  const array = raw ? new RawStructArray(handle, structs) : new StructArray(handle, structs, initGuard(guardWord, guard));
  bindShared(array, handle);
  try {
    for (const [index, element] of (elements ?? []).entries()) assign(array[index] as unknown as Record, element, `elements[${index}]`);
    return array;
  } catch (error) {
    array[Symbol.dispose]();
    throw error;
  }
}

function elementsOf(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null || !(Symbol.iterator in value || 'length' in value))
    throw typeError('sizeOrElements', 'a number of elements, or an iterable of them', value);
  return Array.from(value as Iterable<unknown>);
}

/** The object for the block as it is now. REQUIRES: this agent holds the block. */
export function openStructArray(handle: Handle): RawStructArray {
  const payload = payloadWord(handle.offset);
  const structs = openStructs(handle);
  if (currentAgent().region.words[payload + STRUCT_RAW_WORD] !== 0) return new RawStructArray(handle, structs);
  return new StructArray(handle, structs, openGuard(payload + STRUCT_GUARD_WORD));
}

/** The same memory with a lock. @throws StateError (ERR_FORKFUL_SYNCHRONIZED) */
export function synchronizeStructArray<F extends Fields>(raw: RawStructArray<F>, lock: AnyLock | undefined): StructArray<F> {
  const handle = raw[handleOf]();
  const payload = payloadWord(handle.offset);
  const guard = addGuard(payload + STRUCT_RAW_WORD, payload + STRUCT_GUARD_WORD, lock);
  const array = new StructArray<F>(handle, openStructs(handle), guard);
  bindShared(array, handle);
  return array;
}

onRebuild(BLOCK_STRUCTS, openStructArray);

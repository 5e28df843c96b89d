/** Value to bytes. The format is at the head of `tags.ts`. */
import { types } from 'node:util';
import { SerializationError } from '../errors.js';
import { classOfError, fieldsOf } from './error-classes.js';
import * as kinds from './kinds.js';
import { ObjectNumbers } from './object-numbers.js';
import { ObjectWriter } from './object-writer.js';
import type { Passable } from './passable.js';
import { addStep, isStackOverflow, mapKeyStep, mapValueStep, propertyStep, Unsendable } from './path.js';
import { registrationOf } from './registry.js';
import * as tags from './tags.js';
import { bytesOf, elementSize, followsLength, isDetached, isResizable, KIND_ARRAY_BUFFER, KIND_BUFFER, kindOfView } from './views.js';
import { HEADROOM } from './writer.js';

/** Binary roots from this size on are left where they are; below, one message in one piece is quicker to pass on. */
export const MIN_BODY = 4096;
/** Objects nested deeper are written after the root. Far from the end of any stack: two or three frames a level, not yet optimised. */
const MAX_DEPTH = 200;
/** For what cannot be put off. A limit of our own, because a reader with less stack than the sender must not be the one who fails. */
const MAX_NESTING = 500;

const NO_HANDLES: readonly Passable[] = Object.freeze([]);

/** Thrown to start over with whole ArrayBuffers, when a second view on the memory of a first one turns up. */
const startOver = { whole: true };

/**
 * Turns values into bytes, in scratch memory that the next `encode` uses again: copy `bytes[0, length)` before that, and, if `body` is
 * not null, its bytes after them (`length` is then 8). One encoder serves one thread; it is not reentrant.
 */
export class Encoder extends ObjectWriter {
  /** The raw bytes of a large binary root value, still the caller's own memory; they follow the first `length` bytes. */
  body: Uint8Array | null = null;
  /** The passable objects met, by index. */
  handles: readonly Passable[] = NO_HANDLES;

  readonly #carriesShared: boolean;
  #isBusy = false;

  #numbers = new ObjectNumbers();
  #depth = 0;
  /** Objects too deep to be written in place. */
  #later: object[] = [];
  #hasReferences = false;
  /** ArrayBuffers of which only the part seen by one view was written. */
  #partial = new Set<unknown>();
  #wholeBuffers = false;
  /** Numbers of the registered instances being written: a reference to one could not be resolved. */
  #openInstances: number[] = [];

  /** With `carriesShared` false shared objects are refused: for messages that leave the family, which alone has them. */
  constructor(carriesShared = true) {
    super();
    this.#carriesShared = carriesShared;
  }

  /**
   * Encodes a value. `rootName` is what messages call it: `args[1]`.
   * @throws SerializationError when it cannot be sent, and whatever a getter or a registered class's `serialize` throws
   */
  encode(value: unknown, rootName = 'value'): void {
    if (this.#isBusy)
      throw new SerializationError(
        `Cannot send ${rootName}: a getter or serialize function sends something while its own value is being sent.`,
        '',
      );
    this.#isBusy = true;
    this.length = 0;
    this.body = null;
    if (this.handles !== NO_HANDLES) this.handles = NO_HANDLES;
    try {
      this.length = this.#encodeRoot(value);
    } catch (failure) {
      this.body = null;
      this.handles = NO_HANDLES;
      this.#forget();
      throw asError(failure, rootName);
    } finally {
      this.#isBusy = false;
    }
    this.considerShrinking();
  }

  /** Lets go of the body and the handles of the last message. */
  release(): void {
    this.body = null;
    this.handles = NO_HANDLES;
  }

  #encodeRoot(value: unknown): number {
    this.bytes[0] = 0;
    if (typeof value !== 'object' || value === null) return this.write(value, 1);
    const end = this.#encodeBody(value);
    if (end !== 0) return end;
    return this.#encodeGraph(value);
  }

  #encodeGraph(value: object): number {
    try {
      this.startShapes();
      const end = this.#writeLater(this.write(value, 1));
      if (this.#hasReferences) this.bytes[0] = tags.FLAG_REFERENCES;
      this.#forget();
      return end;
    } catch (failure) {
      if (failure !== startOver) throw failure;
      this.#forget();
      this.handles = NO_HANDLES;
      this.#wholeBuffers = true;
      return this.#encodeGraph(value);
    }
  }

  /** A large binary root: only 8 bytes are written. 0 when it is none. */
  #encodeBody(value: object): number {
    let kind: number;
    let body: Uint8Array;
    if (ArrayBuffer.isView(value)) {
      if (value.byteLength < MIN_BODY || types.isSharedArrayBuffer(value.buffer) || isResizable(value.buffer)) return 0;
      if (!isKind(value, kinds.KIND_VIEW)) return 0;
      kind = kindOfView(value);
      body = bytesOf(value);
    } else if (value instanceof ArrayBuffer && types.isArrayBuffer(value)) {
      if (value.byteLength < MIN_BODY || isResizable(value)) return 0;
      if (!isKind(value, kinds.KIND_MEMORY)) return 0;
      kind = KIND_ARRAY_BUFFER;
      body = new Uint8Array(value);
    } else {
      return 0;
    }
    const bytes = this.bytes;
    bytes.fill(0, 0, tags.BODY_OFFSET);
    bytes[1] = tags.TAG_BODY;
    bytes[2] = kind;
    this.body = body;
    return tags.BODY_OFFSET;
  }

  /** Writes a value at a position and gives the position after it, as every `#write...` does. */
  protected override write(value: unknown, pos: number): number {
    if (pos + HEADROOM > this.capacity) this.grow(pos + HEADROOM);
    // Not a switch: V8 has a quick test for each of these comparisons, but none for a switch over typeof.
    if (typeof value === 'number') return this.writeNumber(value, pos);
    if (typeof value === 'string') return this.writeString(value, pos);
    if (typeof value === 'object' && value !== null) return this.#writeObject(value, pos);
    if (typeof value === 'boolean') {
      this.bytes[pos] = value ? tags.TAG_TRUE : tags.TAG_FALSE;
      return pos + 1;
    }
    if (value === null || value === undefined) {
      this.bytes[pos] = value === null ? tags.TAG_NULL : tags.TAG_UNDEFINED;
      return pos + 1;
    }
    if (typeof value === 'bigint') return this.writeBigInt(value, pos);
    throw new Unsendable(kinds.whyNot(value));
  }

  #writeObject(value: object, pos: number): number {
    const number = this.#numbers.give(value);
    if (number >= 0) return this.#writeReference(value, number, pos);
    if (this.#depth >= MAX_DEPTH && this.#openInstances.length === 0 && isPlain(value)) return this.#putOff(value, pos);
    if (this.#depth >= MAX_NESTING) throw new Unsendable(`maps, sets, errors and registered instances nest at most ${MAX_NESTING} deep.`);
    this.#depth++;
    const at = this.#writeContents(value, pos);
    this.#depth--;
    return at;
  }

  #writeContents(value: object, pos: number): number {
    const prototype = Object.getPrototypeOf(value);
    if (prototype === Object.prototype) return this.writePlain(value as Record<string, unknown>, pos);
    if (prototype === Array.prototype && Array.isArray(value)) return this.writeArray(value, pos);
    if (prototype !== null) return this.#writeByKind(value, prototype, pos);
    return Array.isArray(value) ? this.writeArray(value, pos) : this.writeInstanceAsPlain(value as Record<string, unknown>, pos);
  }

  /** Only announces an object: the rest of it follows after the root. So neither side runs out of stack, whatever the depth. */
  #putOff(value: object, pos: number): number {
    this.#later.push(value);
    this.bytes[pos] = Array.isArray(value) ? tags.TAG_LATER_ARRAY : tags.TAG_LATER_OBJECT;
    return pos + 1;
  }

  #writeLater(pos: number): number {
    let at = pos;
    // Writing one may put off more.
    for (let i = 0; i < this.#later.length; i++) {
      if (at + HEADROOM > this.capacity) this.grow(at + HEADROOM);
      this.#depth = 1;
      try {
        at = this.#writeContents(this.#later[i] as object, at);
      } catch (failure) {
        addStep(failure, '…');
        throw failure;
      }
    }
    return at;
  }

  #writeReference(value: object, number: number, pos: number): number {
    if (this.#partial.size > 0 && this.#partial.has(value)) throw startOver;
    if (this.#openInstances.length > 0 && this.#openInstances.includes(number)) {
      throw new Unsendable('what serialize() gave for an instance contains that instance; such a circle cannot be rebuilt.');
    }
    this.#hasReferences = true;
    this.bytes[pos] = tags.TAG_REFERENCE;
    return this.writeUint(number, pos + 1);
  }

  #writeByKind(value: object, prototype: object, pos: number): number {
    switch (kinds.kindOf(value, prototype)) {
      case kinds.KIND_PLAIN:
        return this.writeInstanceAsPlain(value as Record<string, unknown>, pos);
      case kinds.KIND_ARRAY:
        return this.writeArray(value as unknown[], pos);
      case kinds.KIND_PASSABLE:
        return this.#writePassable(value as Passable, pos);
      case kinds.KIND_INSTANCE:
        return this.#writeInstance(value, prototype, pos);
      case kinds.KIND_VIEW:
        return this.#writeView(value as ArrayBufferView, pos);
      case kinds.KIND_MEMORY:
        return this.#writeMemory(value as ArrayBuffer, pos);
      case kinds.KIND_MAP:
        return this.#writeMap(value as Map<unknown, unknown>, pos);
      case kinds.KIND_SET:
        return this.#writeSet(value as Set<unknown>, pos);
      case kinds.KIND_DATE:
        this.bytes[pos] = tags.TAG_DATE;
        this.view.setFloat64(pos + 1, Date.prototype.getTime.call(value), true);
        return pos + 9;
      case kinds.KIND_REGEXP:
        this.bytes[pos] = tags.TAG_REGEXP;
        return this.write((value as RegExp).flags, this.write((value as RegExp).source, pos + 1));
      case kinds.KIND_ERROR:
        return this.#writeError(value as Error, pos);
      default:
        return this.#writeBoxed(value, pos);
    }
  }

  #writePassable(value: Passable, pos: number): number {
    if (!this.#carriesShared) throw new Unsendable('a shared object travels only within its family of processes, through Pipes and Queues');
    if (this.handles === NO_HANDLES) this.handles = [];
    this.bytes[pos] = tags.TAG_PASSABLE;
    return this.writeUint((this.handles as Passable[]).push(value) - 1, pos + 1);
  }

  #writeInstance(value: object, prototype: object, pos: number): number {
    const registration = registrationOf(prototype) as NonNullable<ReturnType<typeof registrationOf>>;
    const number = this.#numbers.count - 1;
    const data = registration.serialize(value);
    this.bytes[pos] = tags.TAG_INSTANCE;
    this.#openInstances.push(number);
    try {
      return this.write(data, this.write(registration.name, pos + 1));
    } catch (failure) {
      addStep(failure, '.serialize()');
      throw failure;
    } finally {
      this.#openInstances.pop();
    }
  }

  /** A view that is alone on its memory in this message travels with the bytes it sees; views that share memory keep sharing it. */
  #writeView(value: ArrayBufferView, pos: number): number {
    const memory = value.buffer;
    const size = value.byteLength;
    if (types.isSharedArrayBuffer(memory)) throw new Unsendable(kinds.whyNot(memory));
    const kind = kindOfView(value);
    const isWhole = size === memory.byteLength;
    // Small Buffers lie side by side in a pool, which is nobody's idea of sharing.
    if (kind === KIND_BUFFER && !isWhole && this.#numbers.find(memory) < 0) {
      // The place of the ArrayBuffer in the numbering, as in every VIEW.
      this.#numbers.give({});
      return this.#writeViewAlone(value, kind, pos);
    }
    if (isResizable(memory) || this.#wholeBuffers || this.#numbers.find(memory) >= 0) return this.#writeViewOn(value, memory, kind, pos);
    this.#numbers.give(memory);
    if (isDetached(memory)) throw new Unsendable('its ArrayBuffer is detached.');
    if (!isWhole) this.#partial.add(memory);
    return this.#writeViewAlone(value, kind, pos);
  }

  #writeViewAlone(value: ArrayBufferView, kind: number, pos: number): number {
    this.bytes[pos] = tags.TAG_VIEW;
    this.bytes[pos + 1] = kind;
    return this.writeRaw(bytesOf(value), this.writeUint(value.byteLength, pos + 2));
  }

  #writeViewOn(value: ArrayBufferView, memory: ArrayBuffer, kind: number, pos: number): number {
    this.bytes[pos] = tags.TAG_VIEW_ON;
    this.bytes[pos + 1] = kind;
    this.bytes[pos + 2] = isResizable(memory) && followsLength(value, elementSize(kind)) ? 1 : 0;
    const at = this.writeUint(value.byteLength, this.writeUint(value.byteOffset, pos + 3));
    return this.#writeObject(memory, at);
  }

  #writeMemory(value: ArrayBuffer, pos: number): number {
    if (types.isSharedArrayBuffer(value)) throw new Unsendable(kinds.whyNot(value));
    const size = value.byteLength;
    if (isDetached(value)) throw new Unsendable('its ArrayBuffer is detached.');
    let at: number;
    if (isResizable(value)) {
      this.bytes[pos] = tags.TAG_RESIZABLE;
      at = this.writeUint(size, pos + 1);
      this.view.setFloat64(at, (value as { maxByteLength?: number }).maxByteLength as number, true);
      at += 8;
    } else {
      this.bytes[pos] = tags.TAG_BUFFER;
      at = this.writeUint(size, pos + 1);
    }
    return this.writeRaw(new Uint8Array(value), at);
  }

  #writeMap(value: Map<unknown, unknown>, pos: number): number {
    const size = sizeOfMap(value);
    this.bytes[pos] = tags.TAG_MAP;
    let at = this.writeUint(size, pos + 1);
    let i = 0;
    // Getters may change the Map meanwhile; the count has been written, so what is missing is filled up and what is new is left out.
    for (const [key, element] of Map.prototype.entries.call(value)) {
      if (i === size) break;
      try {
        at = this.write(key, at);
      } catch (failure) {
        addStep(failure, mapKeyStep(i));
        throw failure;
      }
      try {
        at = this.write(element, at);
      } catch (failure) {
        addStep(failure, mapValueStep(key, i));
        throw failure;
      }
      i++;
    }
    for (; i < size; i++) at = this.write(undefined, this.write(undefined, at));
    return at;
  }

  #writeSet(value: Set<unknown>, pos: number): number {
    const size = sizeOfSet(value);
    this.bytes[pos] = tags.TAG_SET;
    let at = this.writeUint(size, pos + 1);
    let i = 0;
    for (const element of Set.prototype.values.call(value)) {
      if (i === size) break;
      try {
        at = this.write(element, at);
      } catch (failure) {
        addStep(failure, mapKeyStep(i));
        throw failure;
      }
      i++;
    }
    for (; i < size; i++) at = this.write(undefined, at);
    return at;
  }

  #writeBoxed(value: object, pos: number): number {
    if (types.isSymbolObject(value)) throw new Unsendable(kinds.whyNot(value));
    this.bytes[pos] = tags.TAG_BOXED;
    let primitive: unknown;
    if (types.isNumberObject(value)) primitive = Number.prototype.valueOf.call(value);
    else if (types.isStringObject(value)) primitive = String.prototype.valueOf.call(value);
    else if (types.isBooleanObject(value)) primitive = Boolean.prototype.valueOf.call(value);
    else primitive = BigInt.prototype.valueOf.call(value as unknown as bigint);
    return this.write(primitive, pos + 1);
  }

  #writeError(error: Error, pos: number): number {
    const { className, name } = classOfError(error);
    const message = className === 'DOMException' || Object.hasOwn(error, 'message') ? error.message : undefined;
    this.bytes[pos] = tags.TAG_ERROR;
    let at = this.write(className, pos + 1);
    at = this.write(name, at);
    at = this.write(typeof message === 'string' ? message : undefined, at);
    const fields = fieldsOf(error, typeof message === 'string');
    at = this.writeUint(fields.length, at);
    for (const [key, isEnumerable] of fields) {
      if (at + HEADROOM > this.capacity) this.grow(at + HEADROOM);
      this.bytes[at] = isEnumerable ? 1 : 0;
      at = this.write(key, at + 1);
      try {
        at = this.write((error as unknown as Record<string, unknown>)[key], at);
      } catch (failure) {
        addStep(failure, propertyStep(key));
        throw failure;
      }
    }
    return at;
  }

  /** Lets go of the message's objects. */
  #forget(): void {
    this.#numbers.clear();
    this.#depth = 0;
    if (this.#later.length > 0) this.#later = [];
    if (this.#hasReferences) this.#hasReferences = false;
    if (this.#partial.size > 0) this.#partial.clear();
    if (this.#wholeBuffers) this.#wholeBuffers = false;
    if (this.#openInstances.length > 0) this.#openInstances = [];
  }
}

const sizeOf = (prototype: object) => {
  const getter = Object.getOwnPropertyDescriptor(prototype, 'size')?.get as (this: unknown) => number;
  return (collection: unknown) => getter.call(collection);
};
const sizeOfMap = sizeOf(Map.prototype);
const sizeOfSet = sizeOf(Set.prototype);

function asError(failure: unknown, rootName: string): unknown {
  if (failure instanceof Unsendable) return failure.toError(rootName);
  if (isStackOverflow(failure))
    return new SerializationError(`Cannot send ${rootName}: it is nested too deeply for the stack.`, '', { cause: failure });
  return failure;
}

/** Whether an object arrives as a plain object or array, which can be made first and filled later. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return true;
  const kind = kinds.kindOf(value, prototype);
  return kind === kinds.KIND_PLAIN || kind === kinds.KIND_ARRAY;
}

/** Whether nothing makes an object more than that: it may be a passable array as well. */
function isKind(value: object, kind: number): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype !== null && kinds.kindOf(value, prototype) === kind;
}

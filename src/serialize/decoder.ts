/** Bytes to value. The format is at the head of `tags.ts`. */
import { SerializationError } from '../errors.js';
import { makeError } from './error-classes.js';
import { isStackOverflow } from './path.js';
import { copyOf, corrupt, Reader } from './reader.js';
import { registrationNamed } from './registry.js';
import { DecoderShape, DecoderShapes, define, isBlock } from './shapes.js';
import { BODY_OFFSET, FLAG_REFERENCES, TAG_BODY, TAG_HOLE } from './tags.js';
import { elementSize, isKind, KIND_ARRAY_BUFFER, makeView, overMemory } from './views.js';

/** The table of objects is used again up to this size. */
const OBJECTS_KEPT = 64;
/** A longer message leaves nothing behind. */
const BYTES_KEPT = 1 << 20;
const NO_BYTES = new Uint8Array(0);
/** The place in the table of an object that cannot exist before its contents. */
const UNFINISHED = Symbol('unfinished');
/** Makes the shared object that the message's handle of that index stands for. */
export type Rebuild = (index: number) => unknown;

/**
 * Turns bytes into values. Nothing in a message is code, and no message makes it allocate much more than the message's size warrants.
 * The values have no memory in common with the bytes, unless the caller gives it away.
 */
export class Decoder extends Reader {
  #rebuild: Rebuild = refuseHandles;
  #isBusy = false;

  /** The message's objects by number; kept only when the message says that it refers to them. */
  #objects: unknown[] = [];
  #objectCount = 0;
  #keepsObjects = false;

  /** Objects whose contents stand after the root, and the one that is being filled with them. */
  #later: object[] = [];
  #target: object | undefined;

  #shapes = new DecoderShapes();
  #beforeFirst = new DecoderShape([], NO_BYTES);
  #lastShape = this.#beforeFirst;
  #messageShapes: DecoderShape[] = [];
  #shapeCount = 0;

  /**
   * Decodes the message in `bytes[start, end)`. With `isOwned` the caller gives the memory away: a large binary root may then be a
   * view over it. (To have such a root with exactly its own memory, see `bodyOffset` and `decodeBody`.)
   * @throws SerializationError when the bytes are no message or name an unregistered class, and whatever `rebuild` or a registered
   * class's `deserialize` throws
   */
  decode(bytes: Uint8Array, start: number, end: number, rebuild: Rebuild = refuseHandles, isOwned = false): unknown {
    // A deserialize function that itself receives something needs a decoder of its own.
    if (this.#isBusy) return new Decoder().decode(bytes, start, end, rebuild, isOwned);
    this.start(bytes, start + 1, end);
    this.#rebuild = rebuild;
    this.#isBusy = true;
    try {
      if (!(start >= 0 && start < end && end <= bytes.length)) throw corrupt();
      const flags = bytes[start] as number;
      if (flags > FLAG_REFERENCES) throw corrupt();
      this.#keepsObjects = flags === FLAG_REFERENCES;
      if (bytes[start + 1] === TAG_BODY && flags === 0) return this.#readBody(start, isOwned);
      const value = this.#read();
      if (this.#later.length > 0) this.#fillLater();
      if (this.pos !== end) throw corrupt();
      return value;
    } catch (failure) {
      if (isStackOverflow(failure))
        throw new SerializationError('Cannot receive a value that is nested too deeply for the stack.', '', { cause: failure });
      throw failure;
    } finally {
      this.#forget();
      if (end - start > BYTES_KEPT) this.#letGo();
    }
  }

  #letGo(): void {
    this.start(NO_BYTES, 0, 0);
    this.#messageShapes = [];
    this.#shapes = new DecoderShapes();
    this.#lastShape = this.#beforeFirst = new DecoderShape([], NO_BYTES);
  }

  #forget(): void {
    if (this.#objectCount > 0) {
      if (this.#objectCount > OBJECTS_KEPT) this.#objects = [];
      else for (let i = 0; i < this.#objectCount; i++) this.#objects[i] = undefined;
      this.#objectCount = 0;
    }
    if (this.#later.length > 0) this.#later = [];
    this.#target = undefined;
    this.#shapeCount = 0;
    this.#lastShape = this.#beforeFirst;
    this.#rebuild = refuseHandles;
    this.#isBusy = false;
  }

  #readBody(start: number, isOwned: boolean): unknown {
    const from = start + BODY_OFFSET;
    const size = this.end - from;
    const kind = this.bytes[start + 2] as number;
    if (size < 0 || !isKind(kind, size)) throw corrupt();
    const offset = this.bytes.byteOffset + from;
    if (isOwned && kind !== KIND_ARRAY_BUFFER && offset % elementSize(kind) === 0) {
      return makeView(kind, this.bytes.buffer as ArrayBuffer, offset, size);
    }
    return overMemory(kind, copyOf(this.bytes, from, size));
  }

  #read(): unknown {
    const pos = this.pos;
    const bytes = this.bytes;
    if (pos >= this.end) throw corrupt();
    const tag = bytes[pos] as number;
    this.pos = pos + 1;
    if (tag < 0x80) return tag;
    if (tag < 0xa0) return this.readLatin1(tag & 0x1f);
    // Numbers instead of names, because V8 makes a jump table of literals only.
    switch (tag) {
      case 0xb0: // UNDEFINED
        return undefined;
      case 0xb1: // NULL
        return null;
      case 0xb2: // FALSE
        return false;
      case 0xb3: // TRUE
        return true;
      case 0xb4: // INT8
        return ((bytes[this.take(1)] as number) << 24) >> 24;
      case 0xb5: // INT16
        return this.readInt16();
      case 0xb6: // INT32
        return this.readInt32();
      case 0xb7: // FLOAT64
        return this.view.getFloat64(this.take(8), true);
      case 0xb8: // BIGINT64
        return this.view.getBigInt64(this.take(8), true);
      case 0xb9: // BIGINT
        return this.readBigInt();
      case 0xba: // LATIN1
        return this.readLatin1(this.readUint());
      case 0xbb: // UTF16
        return this.readUtf16(this.readUint());
      case 0xbc: // OBJECT
        return this.#readObject(this.#readShape());
      case 0xbd: {
        // OBJECT_AGAIN
        const index = this.readUint();
        if (index >= this.#shapeCount) throw corrupt();
        return this.#readObject(this.#follow(this.#messageShapes[index] as DecoderShape));
      }
      case 0xbe: // DICTIONARY
        return this.#readEntries(this.#make({}));
      case 0xbf: // ARRAY
        return this.#readArray(this.readUint());
      case 0xc0: {
        // INT32S
        const length = this.readCount(4);
        return this.fillInt32s(this.#make(new Array<number>(length)), length);
      }
      case 0xc1: {
        // FLOAT64S
        const length = this.readCount(8);
        return this.fillFloat64s(this.#make(new Array<number>(length)), length);
      }
      case 0xc2: // SPARSE
        return this.#readSparse();
      case 0xc4: {
        // ARRAY_PLUS
        const array = this.#readArray(this.readUint());
        return this.#readEntries(array);
      }
      case 0xc5: // REFERENCE
        return this.#readReference();
      case 0xc6: // DATE
        return this.#keep(new Date(this.view.getFloat64(this.take(8), true)));
      case 0xc7: // REGEXP
        return this.#readRegExp();
      case 0xc8: // MAP
        return this.#readMap();
      case 0xc9: // SET
        return this.#readSet();
      case 0xca: // BOXED
        return this.#readBoxed();
      case 0xcb: {
        // BUFFER
        const size = this.readUint();
        return this.#keep(copyOf(bytes, this.take(size), size));
      }
      case 0xcc: // RESIZABLE
        return this.#readResizable();
      case 0xcd: // VIEW
        return this.#readView();
      case 0xce: // VIEW_ON
        return this.#readViewOn();
      case 0xcf: // ERROR
        return this.#readError();
      case 0xd0: // PASSABLE
        return this.#keep(this.#rebuild(this.readUint()));
      case 0xd1: // INSTANCE
        return this.#readInstance();
      case 0xd3: // LATER_OBJECT
        return this.#announce({});
      case 0xd4: // LATER_ARRAY
        return this.#announce([]);
    }
    if (tag < 0xb0) return this.#readArray(tag & 0x0f);
    throw corrupt();
  }

  /** Gives an object its number. Every object is kept at once when made, before its contents are read. */
  #keep<T>(object: T): T {
    if (this.#keepsObjects) this.#objects[this.#objectCount++] = object;
    return object;
  }

  #announce(object: object): object {
    this.#later.push(this.#make(object));
    return object;
  }

  /** Reads the contents of the objects that were announced, in order; they may announce more. */
  #fillLater(): void {
    for (let i = 0; i < this.#later.length; i++) {
      const object = this.#later[i] as object;
      this.#target = object;
      // Otherwise something else stands there than the contents of an object, or of an array, as announced.
      if (this.#read() !== object) throw corrupt();
    }
  }

  /** An object to be filled now: the one that was announced before, or this new one, which is kept. */
  #make<T extends object>(fresh: T): T {
    const target = this.#target;
    if (target === undefined) return this.#keep(fresh);
    this.#target = undefined;
    if (Array.isArray(target) !== Array.isArray(fresh)) throw corrupt();
    return target as T;
  }

  #readString(): string {
    const value = this.#read();
    if (typeof value !== 'string') throw corrupt();
    return value;
  }

  #readOptionalString(): string | undefined {
    const value = this.#read();
    if (value !== undefined && typeof value !== 'string') throw corrupt();
    return value;
  }

  /** The shape of an OBJECT: guessed, known or new. */
  #readShape(): DecoderShape {
    const size = this.readUint();
    const start = this.take(size);
    const bytes = this.bytes;
    let shape = this.#lastShape.next;
    if (shape === undefined || !isBlock(shape.block, bytes, start, start + size)) {
      shape =
        this.#shapes.find(bytes, start, start + size) ?? this.#shapes.add(this.#readKeys(start, start + size), bytes, start, start + size);
    }
    this.#messageShapes[this.#shapeCount++] = shape;
    return this.#follow(shape);
  }

  #follow(shape: DecoderShape): DecoderShape {
    this.#lastShape.next = shape;
    this.#lastShape = shape;
    return shape;
  }

  #readKeys(start: number, end: number): string[] {
    const messageEnd = this.end;
    this.pos = start;
    this.end = end;
    const keys: string[] = [];
    // Only strings may stand here, and a string holds nothing else: whatever else is there is not even read.
    while (this.pos < end) {
      const tag = this.bytes[this.pos] as number;
      if ((tag < 0x80 || tag >= 0xa0) && tag !== 0xba && tag !== 0xbb) throw corrupt();
      keys.push(this.#readString());
    }
    this.end = messageEnd;
    return keys;
  }

  #readObject(shape: DecoderShape): unknown {
    // On the hot path: no call and no object in vain.
    const object: Record<string, unknown> = this.#target === undefined ? this.#keep({}) : this.#make({});
    const keys = shape.keys;
    if (shape.hasProto) for (const key of keys) define(object, key, this.#read());
    else for (let i = 0; i < keys.length; i++) object[keys[i] as string] = this.#read();
    return object;
  }

  #readEntries<T extends object>(object: T): T {
    const count = this.readCount(2);
    for (let i = 0; i < count; i++) {
      const key = this.#readString();
      // Not a key that an encoder writes, and one that could make an array claim any amount of memory.
      if (key === 'length' && Array.isArray(object)) throw corrupt();
      if (key === '__proto__') define(object, key, this.#read());
      else (object as Record<string, unknown>)[key] = this.#read();
    }
    return object;
  }

  #readArray(length: number): unknown[] {
    if (length > this.end - this.pos) throw corrupt();
    const array: unknown[] = this.#target === undefined ? this.#keep([]) : this.#make([]);
    for (let i = 0; i < length; i++) {
      if (this.bytes[this.pos] === TAG_HOLE) {
        this.take(1);
        array.length = i + 1;
      } else {
        array[i] = this.#read();
      }
    }
    return array;
  }

  #readSparse(): unknown[] {
    const length = this.readUint();
    if (length > 0xffffffff) throw corrupt();
    const array: unknown[] = this.#make([]);
    if (length > 0) {
      // A far element makes V8 keep the array as a dictionary; setting the length alone would allocate all of it.
      array[length - 1] = 0;
      delete array[length - 1];
    }
    this.#readEntries(array);
    if (array.length !== length) throw corrupt();
    return array;
  }

  #readReference(): unknown {
    const number = this.readUint();
    if (number >= this.#objectCount) throw corrupt();
    const object = this.#objects[number];
    if (object === UNFINISHED) throw corrupt();
    return object;
  }

  #readRegExp(): RegExp {
    const source = this.#readString();
    const flags = this.#readString();
    try {
      return this.#keep(new RegExp(source, flags));
    } catch (error) {
      throw corrupt(error);
    }
  }

  #readMap(): Map<unknown, unknown> {
    const count = this.readCount(2);
    const map = this.#keep(new Map());
    for (let i = 0; i < count; i++) {
      const key = this.#read();
      map.set(key, this.#read());
    }
    return map;
  }

  #readSet(): Set<unknown> {
    const count = this.readCount(1);
    const set = this.#keep(new Set());
    for (let i = 0; i < count; i++) set.add(this.#read());
    return set;
  }

  #readBoxed(): object {
    const primitive = this.#read();
    if (primitive === null || typeof primitive === 'object' || primitive === undefined) throw corrupt();
    return this.#keep(Object(primitive));
  }

  #readResizable(): ArrayBuffer {
    const size = this.readUint();
    const maxByteLength = this.view.getFloat64(this.take(8), true);
    return this.#keep(this.resizableAt(this.take(size), size, maxByteLength));
  }

  #readView(): ArrayBufferView {
    const kind = this.bytes[this.take(1)] as number;
    const size = this.readUint();
    const from = this.take(size);
    if (kind === KIND_ARRAY_BUFFER || !isKind(kind, size)) throw corrupt();
    const view = this.viewAt(kind, from, size);
    this.#keep(view);
    if (this.#keepsObjects) this.#keep(view.buffer);
    return view;
  }

  #readViewOn(): ArrayBufferView {
    const at = this.take(2);
    const kind = this.bytes[at] as number;
    const tracking = this.bytes[at + 1] as number;
    const offset = this.readUint();
    const size = this.readUint();
    const number = this.#objectCount;
    this.#keep(UNFINISHED);
    const memory = this.#read();
    if (!(memory instanceof ArrayBuffer) || kind === KIND_ARRAY_BUFFER || !isKind(kind, size) || tracking > 1) throw corrupt();
    if (offset % elementSize(kind) !== 0 || offset + size > memory.byteLength) throw corrupt();
    const view = makeView(kind, memory, offset, tracking === 1 ? undefined : size);
    if (this.#keepsObjects) this.#objects[number] = view;
    return view;
  }

  #readError(): Error {
    const className = this.#readString();
    const name = this.#readOptionalString();
    const error = this.#keep(makeError(className, name, this.#readOptionalString()));
    const count = this.readCount(3);
    for (let i = 0; i < count; i++) {
      const enumerable = this.bytes[this.take(1)] as number;
      if (enumerable > 1) throw corrupt();
      const key = this.#readString();
      const value = this.#read();
      // Every error has a stack of its own already; assigning takes a quarter of the time of defining.
      if (key === 'stack' && enumerable === 0) error.stack = value as string;
      else Object.defineProperty(error, key, { value, enumerable: enumerable === 1, configurable: true, writable: true });
    }
    return error;
  }

  #readInstance(): unknown {
    const name = this.#readString();
    const number = this.#objectCount;
    this.#keep(UNFINISHED);
    const data = this.#read();
    const registration = registrationNamed(name);
    if (registration === undefined) {
      throw new SerializationError(
        `Cannot receive an instance of '${name}': no class is registered here under that name. Call registerClass in this process too, before it receives.`,
        '',
      );
    }
    const instance = registration.deserialize(data);
    if (this.#keepsObjects) this.#objects[number] = instance;
    return instance;
  }
}

function refuseHandles(): never {
  throw corrupt();
}

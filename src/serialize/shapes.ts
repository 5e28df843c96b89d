/**
 * Shapes: the keys of plain objects, in order. Programs send many objects of few shapes, so both sides remember the shapes they met:
 * the encoder copies a prepared key block instead of writing keys, the decoder compares bytes instead of reading keys, and builds
 * objects whose keys are always the same strings in the same order, which V8 then gives the same hidden class.
 *
 * Both sides also remember which shape followed which, and try that one first: in a steady stream the guess is nearly always right.
 */
import { TAG_LATIN1, TAG_SHORT_STRING, TAG_UTF16 } from './tags.js';

/** Objects with more keys are written key by key; they are dictionaries rather than records. */
export const MAX_KEYS = 128;
/** Key blocks beyond this are not kept. */
export const MAX_BLOCK = 4096;
const MAX_SHAPES = 256;
/** After a cache was filled by shapes that hardly ever came again: so many objects go by before shapes are kept again. */
const REST = 4096;

export class EncoderShape {
  readonly keys: readonly string[];
  /** The keys, as they stand in a message after the block's size. */
  readonly block: Uint8Array;
  /** The guess: which shape came after this one the last time. */
  next: EncoderShape | undefined;
  /** In the cache: the other shapes with the same first key. */
  sibling: EncoderShape | undefined;
  /** The message in which this shape stood last, and its number among that message's OBJECTs. */
  message = 0;
  index = 0;
  constructor(keys: readonly string[], block: Uint8Array) {
    this.keys = keys;
    this.block = block;
  }
}

export class EncoderShapes {
  #byFirstKey = new Map<string, EncoderShape>();
  #size = 0;
  #hits = 0;
  #rest = 0;

  find(keys: readonly string[]): EncoderShape | undefined {
    for (let shape = this.#byFirstKey.get(keys[0] ?? ''); shape !== undefined; shape = shape.sibling) {
      if (sameKeys(shape.keys, keys)) {
        this.#hits++;
        return shape;
      }
    }
    return undefined;
  }

  /** Remembers a shape that was not found, unless the cache is resting. */
  add(keys: readonly string[]): EncoderShape | undefined {
    if (this.#rest > 0) {
      this.#rest--;
      return undefined;
    }
    if (this.#size === MAX_SHAPES) {
      if (this.#hits < 2 * MAX_SHAPES) this.#rest = REST;
      this.#byFirstKey = new Map();
      this.#size = 0;
      this.#hits = 0;
    }
    const block = keyBlock(keys);
    if (block.length > MAX_BLOCK) return undefined;
    const shape = new EncoderShape(keys, block);
    const first = keys[0] ?? '';
    shape.sibling = this.#byFirstKey.get(first);
    this.#byFirstKey.set(first, shape);
    this.#size++;
    return shape;
  }
}

function sameKeys(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The keys as strings of the format, one after the other. */
export function keyBlock(keys: readonly string[]): Buffer {
  return Buffer.concat(
    keys.map((key) => {
      const wide = /[\u0100-\uffff]/.test(key);
      const text = Buffer.from(key, wide ? 'utf16le' : 'latin1');
      if (!wide && key.length < 32) return Buffer.concat([Buffer.of(TAG_SHORT_STRING + key.length), text]);
      const head = Buffer.alloc(6);
      head[0] = wide ? TAG_UTF16 : TAG_LATIN1;
      head[1] = 0xfd;
      head.writeUInt32LE(key.length, 2);
      return Buffer.concat([head, text]);
    }),
  );
}

export class DecoderShape {
  readonly keys: readonly string[];
  readonly block: Uint8Array;
  /** `__proto__` as a key must be defined, not assigned. */
  readonly hasProto: boolean;
  next: DecoderShape | undefined;
  sibling: DecoderShape | undefined;
  constructor(keys: readonly string[], block: Uint8Array) {
    // As property keys V8 interns strings; taking them from an object gives those very strings, which compare and look up faster.
    this.keys = keys.map((key) => Object.keys({ [key]: 0 })[0] as string);
    this.block = block;
    this.hasProto = keys.includes('__proto__');
  }
}

export class DecoderShapes {
  #byHash = new Map<number, DecoderShape>();
  #size = 0;

  find(bytes: Uint8Array, start: number, end: number): DecoderShape | undefined {
    for (let shape = this.#byHash.get(hash(bytes, start, end)); shape !== undefined; shape = shape.sibling) {
      if (isBlock(shape.block, bytes, start, end)) return shape;
    }
    return undefined;
  }

  /** Remembers the shape of a block that was not found, copying the block. */
  add(keys: readonly string[], bytes: Uint8Array, start: number, end: number): DecoderShape {
    const shape = new DecoderShape(keys, Uint8Array.from(bytes.subarray(start, end)));
    if (keys.length > MAX_KEYS || end - start > MAX_BLOCK) return shape;
    if (this.#size === MAX_SHAPES) {
      this.#byHash = new Map();
      this.#size = 0;
    }
    const key = hash(bytes, start, end);
    shape.sibling = this.#byHash.get(key);
    this.#byHash.set(key, shape);
    this.#size++;
    return shape;
  }
}

/** Whether `bytes[start, end)` is that block. */
export function isBlock(block: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  const size = block.length;
  if (end - start !== size) return false;
  for (let i = 0; i < size; i++) if (block[i] !== bytes[start + i]) return false;
  return true;
}

/** FNV-1a, 32 bits. Not keyed: a sender who forges collisions slows only lookups of shapes, at most 256 long. */
function hash(bytes: Uint8Array, start: number, end: number): number {
  let h = 0x811c9dc5 | 0;
  for (let i = start; i < end; i++) h = Math.imul(h ^ (bytes[i] as number), 0x01000193);
  return h;
}

/** Sets a property whatever its name is: to assign to `__proto__` would change the prototype. */
export function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

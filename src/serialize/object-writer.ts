/** Plain objects and arrays, written as shapes and elements. */
import { extraKeys, isIndex, isSparse } from './arrays.js';
import { addStep, indexStep, propertyStep } from './path.js';
import { EncoderShape, EncoderShapes, keyBlock, MAX_KEYS } from './shapes.js';
import * as tags from './tags.js';
import { Writer } from './writer.js';

/** Arrays of numbers of at least this length are written without a tag per element. */
const MIN_NUMBERS = 6;

/** The objects themselves have been numbered before; see `Writer` for positions. */
export abstract class ObjectWriter extends Writer {
  #shapes = new EncoderShapes();
  #beforeFirst = new EncoderShape([], new Uint8Array(0));
  #lastShape = this.#beforeFirst;
  #message = 0;
  #shapeCount = 0;
  #isObjectPrototypePolluted = false;

  /** Writes any value. */
  protected abstract write(value: unknown, pos: number): number;

  /** To be called before each message that may contain objects. */
  protected startShapes(): void {
    this.#message++;
    this.#shapeCount = 0;
    this.#lastShape = this.#beforeFirst;
    // Keys that everything inherits would look like own keys to for-in.
    this.#isObjectPrototypePolluted = false;
    for (const _ in Object.prototype) this.#isObjectPrototypePolluted = true;
  }

  /** An object whose prototype is Object.prototype: the hot path. for-in reads keys and values from V8's enumeration cache. */
  protected writePlain(value: Record<string, unknown>, pos: number): number {
    if (this.#isObjectPrototypePolluted) return this.writeInstanceAsPlain(value, pos);
    let shape = this.#lastShape.next;
    let count = 0;
    if (shape !== undefined) {
      const guessed = shape.keys;
      for (const key in value) {
        if (guessed[count] !== key) {
          shape = undefined;
          break;
        }
        count++;
      }
    }
    if (shape === undefined || count !== shape.keys.length) {
      const keys = Object.keys(value);
      if (keys.length > MAX_KEYS) return this.#writeDictionary(value, keys, pos);
      shape = this.#shapes.find(keys) ?? this.#shapes.add(keys);
      if (shape === undefined) return this.#writeUnkept(value, keys, pos);
      this.#lastShape.next = shape;
    }
    this.#lastShape = shape;
    const keys = shape.keys;
    let at = this.#writeShape(shape, pos);
    let i = 0;
    let current = '';
    try {
      for (const key in value) {
        // Only a getter that changes its object makes the keys differ now.
        while (i < keys.length && keys[i] !== key) {
          at = this.write(undefined, at);
          i++;
        }
        if (i === keys.length) break;
        current = key;
        at = this.write(value[key], at);
        i++;
      }
      for (; i < keys.length; i++) at = this.write(undefined, at);
    } catch (failure) {
      addStep(failure, propertyStep(current));
      throw failure;
    }
    return at;
  }

  /** An object with another prototype, or none: arrives as a plain object with its own keys. */
  protected writeInstanceAsPlain(value: Record<string, unknown>, pos: number): number {
    const keys = Object.keys(value);
    if (keys.length > MAX_KEYS) return this.#writeDictionary(value, keys, pos);
    const shape = this.#shapes.find(keys) ?? this.#shapes.add(keys);
    if (shape === undefined) return this.#writeUnkept(value, keys, pos);
    return this.#writeValues(value, keys, this.#writeShape(shape, pos));
  }

  /** An object of a shape that the cache would not keep. */
  #writeUnkept(value: Record<string, unknown>, keys: readonly string[], pos: number): number {
    this.bytes[pos] = tags.TAG_OBJECT;
    this.#shapeCount++;
    return this.#writeValues(value, keys, this.#writeBlock(keyBlock(keys), pos + 1));
  }

  #writeShape(shape: EncoderShape, pos: number): number {
    if (shape.message === this.#message) {
      this.bytes[pos] = tags.TAG_OBJECT_AGAIN;
      return this.writeUint(shape.index, pos + 1);
    }
    shape.message = this.#message;
    shape.index = this.#shapeCount++;
    this.bytes[pos] = tags.TAG_OBJECT;
    return this.#writeBlock(shape.block, pos + 1);
  }

  #writeBlock(block: Uint8Array, pos: number): number {
    return this.writeRaw(block, this.writeUint(block.length, pos));
  }

  #writeValues(value: Record<string, unknown>, keys: readonly string[], pos: number): number {
    let at = pos;
    let i = 0;
    try {
      for (; i < keys.length; i++) at = this.write(value[keys[i] as string], at);
    } catch (failure) {
      addStep(failure, propertyStep(keys[i] as string));
      throw failure;
    }
    return at;
  }

  #writeDictionary(value: Record<string, unknown>, keys: readonly string[], pos: number): number {
    this.bytes[pos] = tags.TAG_DICTIONARY;
    return this.#writeEntries(value, keys, pos + 1, propertyStep);
  }

  /** uint count, then keys and values. */
  #writeEntries(value: object, keys: readonly string[], pos: number, step: (key: string) => string): number {
    let at = this.writeUint(keys.length, pos);
    for (const key of keys) {
      at = this.write(key, at);
      try {
        at = this.write((value as Record<string, unknown>)[key], at);
      } catch (failure) {
        addStep(failure, step(key));
        throw failure;
      }
    }
    return at;
  }

  protected writeArray(value: readonly unknown[], pos: number): number {
    const length = value.length;
    if (isSparse(value)) return this.#writeSparse(value, pos);
    const extra = extraKeys(value);
    if (extra === undefined) {
      if (length >= MIN_NUMBERS && typeof value[0] === 'number') {
        const at = this.#writeNumbers(value, pos);
        if (at !== 0) return at;
      }
      return this.#writeElements(value, length, tags.TAG_ARRAY, pos);
    }
    const at = this.#writeElements(value, length, tags.TAG_ARRAY_PLUS, pos);
    return this.#writeEntries(value, extra, at, propertyStep);
  }

  #writeElements(value: readonly unknown[], length: number, tag: number, pos: number): number {
    let at: number;
    if (length < 16 && tag === tags.TAG_ARRAY) {
      this.bytes[pos] = tags.TAG_SHORT_ARRAY + length;
      at = pos + 1;
    } else {
      this.bytes[pos] = tag;
      at = this.writeUint(length, pos + 1);
    }
    let i = 0;
    try {
      for (; i < length; i++) {
        const element = value[i];
        at = this.write(element, at);
        if (element === undefined && !Object.hasOwn(value, i)) this.bytes[at - 1] = tags.TAG_HOLE;
      }
    } catch (failure) {
      addStep(failure, indexStep(i));
      throw failure;
    }
    return at;
  }

  /** An array of numbers only, without tags in between. 0 when it turns out to be something else. */
  #writeNumbers(value: readonly unknown[], pos: number): number {
    const length = value.length;
    this.ensure(pos, 8 * length);
    const start = this.writeUint(length, pos + 1);
    const view = this.view;
    let at = start;
    let i = 0;
    for (; i < length; i++, at += 4) {
      const element = value[i];
      if (typeof element !== 'number') return 0;
      const int = element | 0;
      if (int !== element || (int === 0 && 1 / element < 0)) break;
      view.setInt32(at, int, true);
    }
    if (i === length) {
      this.bytes[pos] = tags.TAG_INT32S;
      return at;
    }
    at = start;
    for (i = 0; i < length; i++, at += 8) {
      const element = value[i];
      if (typeof element !== 'number') return 0;
      view.setFloat64(at, element, true);
    }
    this.bytes[pos] = tags.TAG_FLOAT64S;
    return at;
  }

  #writeSparse(value: readonly unknown[], pos: number): number {
    this.bytes[pos] = tags.TAG_SPARSE;
    const at = this.writeUint(value.length, pos + 1);
    return this.#writeEntries(value, Object.keys(value), at, (key) => (isIndex(key) ? `[${key}]` : propertyStep(key)));
  }
}

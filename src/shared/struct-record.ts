/** Structures as objects over shared memory: an accessor per field, defined once per type. */
import { inspect } from 'node:util';
import { closedError } from '../memory/handle.js';
import { registerClass } from '../serialize/registry.js';
import { rangeError, typeError } from '../util/validate.js';
import { ELEMENT_TYPES, type ElementType, fromElement, isBigInt, toElement } from './typecodes.js';

type View = Float64Array & { [index: number]: number | bigint };

/** Shared memory as structures see it: all of it by each element type that they have, so that a structure is a place in it and nothing else. */
export class Memory {
  /** By index in ELEMENT_TYPES. Single accesses, which those of a DataView are not always. */
  readonly views: (View | undefined)[];
  /** The object that holds the memory: as long as a structure in it is in use, so is that. */
  owner: object | undefined;

  /** REQUIRES: `byteOffset` is a multiple of 8, `bytes` below 2^32. */
  constructor(buffer: ArrayBufferLike, byteOffset: number, bytes: number, types: ReadonlySet<number>) {
    this.views = ELEMENT_TYPES.map(({ array }, index) =>
      types.has(index)
        ? (new array(buffer as ArrayBuffer, byteOffset, Math.floor(bytes / array.BYTES_PER_ELEMENT)) as unknown as View)
        : undefined,
    );
  }

  /** No structure in it can be used any more. */
  close(): void {
    for (const [index, view] of this.views.entries()) if (view !== undefined) this.views[index] = view.subarray(0, 0) as View;
  }
}

/** What a field is: elements of a type, by index in ELEMENT_TYPES, or structures. */
export type Place = number | Structure;
export interface Structure {
  readonly size: number;
  at(memory: Memory, base: number): Record;
}

let memoryOf: (record: Record) => Memory;
let baseOf: (record: Record) => number;

/** A structure at its place. Its fields are accessors of the prototype: see `toPlain` for a copy. */
export class Record {
  readonly #memory: Memory;
  /** In bytes. */
  readonly #base: number;

  static {
    memoryOf = (record) => record.#memory;
    baseOf = (record) => record.#base;
    // sent, it arrives as a copy: what is shared is the Value or Array that it belongs to
    registerClass(Record, { name: 'forkful.Struct', serialize: toPlain, deserialize: (plain: object) => plain });
  }

  constructor(memory: Memory, base: number) {
    this.#memory = memory;
    this.#base = base;
  }

  /** A copy, for JSON. */
  toJSON(): object {
    return toPlain(this);
  }

  [inspect.custom](_depth: number, options: object): string {
    return `struct ${inspect(toPlain(this), options)}`;
  }
}

/** A copy, as a plain object: nested structures too. */
export function toPlain(record: Record): { [name: string]: unknown } {
  const plain: { [name: string]: unknown } = {};
  for (const name of fieldsOf(record)) plain[name] = plainValue((record as unknown as { [name: string]: unknown })[name]);
  return plain;
}

function plainValue(value: unknown): unknown {
  if (value instanceof Record) return toPlain(value);
  if (Array.isArray(value)) return value.map(plainValue);
  return ArrayBuffer.isView(value) ? (value as unknown as Float64Array).slice() : value;
}

/** Sets the fields that `init` names. @throws TypeError, RangeError naming the field; those before it are set by then */
export function assign(record: Record, init: unknown, argument: string): void {
  if (typeof init !== 'object' || init === null) throw typeError(argument, 'an object with fields of the struct', init);
  const names = fieldsOf(record);
  if (init instanceof Record) {
    for (const name of fieldsOf(init))
      if (names.includes(name)) copyField(record, name, (init as unknown as { [name: string]: unknown })[name]);
    return;
  }
  for (const [name, value] of Object.entries(init)) {
    if (!names.includes(name)) throw typeError(argument, `an object with no fields but ${names.join(', ')}`, { [name]: value });
    copyField(record, name, value);
  }
}

function copyField(record: Record, name: string, value: unknown): void {
  (record as unknown as { [name: string]: unknown })[name] = value;
}

function fieldsOf(record: Record): readonly string[] {
  return (record.constructor as unknown as { fields: readonly string[] }).fields;
}

/** Defines the accessors of one field. `count`: undefined for a single one. */
export function defineField(prototype: object, name: string, place: Place, count: number | undefined, offset: number): void {
  Object.defineProperty(prototype, name, { ...accessors(name, place, count, offset), enumerable: true });
}

interface Accessors {
  get(this: Record): unknown;
  set(this: Record, value: unknown): void;
}

function accessors(name: string, place: Place, count: number | undefined, offset: number): Accessors {
  if (typeof place !== 'number') return count === undefined ? nested(name, place, offset) : several(name, place, offset, count);
  if (count === undefined) return scalar(name, place, offset);
  return (ELEMENT_TYPES[place] as ElementType).isCharacter ? text(name, place, offset, count) : elements(name, place, offset, count);
}

/** A function per kind of type: each of them is compiled for few kinds of views. */
function scalar(name: string, index: number, offset: number): Accessors {
  const type = ELEMENT_TYPES[index] as ElementType;
  if (type.isCharacter) return character(name, index, offset);
  if (type.min === undefined) return float(name, index, offset);
  return isBigInt(type) ? bigInteger(name, index, offset) : integer(name, index, offset);
}

function float(name: string, index: number, offset: number): Accessors {
  const shift = shiftOf(index);
  return {
    get() {
      return viewOf(this, index)[(baseOf(this) + offset) >>> shift];
    },
    set(value) {
      if (typeof value !== 'number') throw typeError(name, 'a number', value);
      viewOf(this, index)[(baseOf(this) + offset) >>> shift] = value;
    },
  };
}

function integer(name: string, index: number, offset: number): Accessors {
  const type = ELEMENT_TYPES[index] as ElementType;
  const [shift, min, max] = [shiftOf(index), type.min as number, type.max as number];
  return {
    get() {
      return viewOf(this, index)[(baseOf(this) + offset) >>> shift];
    },
    set(value) {
      const isFit = typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
      viewOf(this, index)[(baseOf(this) + offset) >>> shift] = isFit ? value : (toElement(type, value, name) as number);
    },
  };
}

function bigInteger(name: string, index: number, offset: number): Accessors {
  const type = ELEMENT_TYPES[index] as ElementType;
  return {
    get() {
      return viewOf(this, index)[(baseOf(this) + offset) >>> 3];
    },
    set(value) {
      viewOf(this, index)[(baseOf(this) + offset) >>> 3] = toElement(type, value, name) as number;
    },
  };
}

function character(name: string, index: number, offset: number): Accessors {
  const type = ELEMENT_TYPES[index] as ElementType;
  const shift = shiftOf(index);
  return {
    get() {
      return fromElement(type, viewOf(this, index)[(baseOf(this) + offset) >>> shift] as number);
    },
    set(value) {
      viewOf(this, index)[(baseOf(this) + offset) >>> shift] = toElement(type, value, name) as number;
    },
  };
}

function shiftOf(index: number): number {
  return Math.log2((ELEMENT_TYPES[index] as ElementType).array.BYTES_PER_ELEMENT);
}

/** Characters up to the first zero, as C has texts. */
function text(name: string, index: number, offset: number, count: number): Accessors {
  const type = ELEMENT_TYPES[index] as ElementType;
  return {
    get() {
      const characters = part(this, index, offset, count);
      const end = characters.indexOf(0);
      return Array.from(end < 0 ? characters : characters.subarray(0, end), (code) => fromElement(type, code)).join('');
    },
    set(value) {
      if (typeof value !== 'string') throw typeError(name, 'a string', value);
      const characters = Array.from(value, (character) => toElement(type, character, name) as number);
      if (characters.length > count) throw rangeError(name, `at most ${count} characters long`, value);
      const all = part(this, index, offset, count);
      all.set(characters);
      all.fill(0, characters.length);
    },
  };
}

function elements(name: string, index: number, offset: number, count: number): Accessors {
  const type = ELEMENT_TYPES[index] as ElementType;
  return {
    get() {
      return part(this, index, offset, count);
    },
    set(value) {
      const given = listOf(name, value, count).map((element, at) => toElement(type, element, `${name}[${at}]`));
      part(this, index, offset, count).set(given as number[]);
    },
  };
}

function nested(name: string, place: Structure, offset: number): Accessors {
  return {
    get() {
      return place.at(memoryOf(this), baseOf(this) + offset);
    },
    set(value) {
      assign(place.at(memoryOf(this), baseOf(this) + offset), value, name);
    },
  };
}

function several(name: string, place: Structure, offset: number, count: number): Accessors {
  const all = (record: Record): Record[] =>
    Array.from({ length: count }, (_, index) => place.at(memoryOf(record), baseOf(record) + offset + index * place.size));
  return {
    get() {
      return Object.freeze(all(this));
    },
    set(value) {
      const given = listOf(name, value, count);
      for (const [index, record] of all(this).entries()) assign(record, given[index], `${name}[${index}]`);
    },
  };
}

/** @throws ClosedError when the memory was taken back */
function viewOf(record: Record, index: number): View {
  const view = memoryOf(record).views[index] as View;
  if (view.length === 0) throw closedError('struct');
  return view;
}

/** A view of the elements themselves. */
function part(record: Record, index: number, offset: number, count: number): View {
  const view = viewOf(record, index);
  const start = (baseOf(record) + offset) / view.BYTES_PER_ELEMENT;
  return view.subarray(start, start + count) as View;
}

function listOf(name: string, value: unknown, count: number): unknown[] {
  if (typeof value !== 'object' || value === null) throw typeError(name, `an iterable of ${count} elements`, value);
  const list = Array.from(value as Iterable<unknown>);
  if (list.length !== count) throw rangeError(name, `${count} elements`, list.length);
  return list;
}

/**
 * Structures: the layout that a C compiler gives them (and Python's `ctypes.Structure`), and classes with one property per field over shared memory, made
 * once per type.
 */
import { inspect } from 'node:util';
import { registerClass } from '../serialize/registry.js';
import { rangeError, typeError } from '../util/validate.js';
import { type ElementTypeArgument, ELEMENT_TYPES, type ElementType, elementTypeIndex } from './typecodes.js';
import { defineField, type Memory, Record } from './struct-record.js';

/** What a field can be: any element type, another structure, or a number of either: `'d[3]'`, `'c[8]'` (a text), `[Point, 4]`. */
export type FieldType = ElementTypeArgument | `${string}[${number}]` | StructType | readonly [ElementTypeArgument | StructType, number];
export type Fields = { readonly [name: string]: FieldType };

type BigCode = 'l' | 'L' | 'q' | 'Q' | 'int64' | 'uint64' | 'bigint64' | 'biguint64' | BigInt64ArrayConstructor | BigUint64ArrayConstructor;
type Scalar<T> = T extends BigCode ? bigint : T extends 'c' | 'u' ? string : number;
type Several<T> = T extends 'c' | 'u' ? string : T extends StructType<infer F> ? readonly StructOf<F>[] : ArrayLike<Scalar<T>>;
/** What a field holds. */
export type FieldOf<T> =
  T extends StructType<infer F>
    ? StructOf<F>
    : T extends readonly [infer E, number]
      ? Several<E>
      : T extends `${infer E}[${number}]`
        ? Several<E>
        : Scalar<T>;
/** An instance: one property per field, over the shared memory itself. */
export type StructOf<F extends Fields> = { -readonly [K in keyof F]: FieldOf<F[K]> };
/** What it can be set from: the fields that are named. */
export type StructInit<F extends Fields> = {
  readonly [K in keyof F]?: F[K] extends StructType<infer G> ? StructInit<G> : FieldInit<FieldOf<F[K]>>;
};
type FieldInit<V> = V extends bigint
  ? bigint | number
  : V extends string
    ? string
    : V extends number
      ? number
      : Iterable<unknown> | ArrayLike<unknown>;

/** One field: `count` undefined for a single one. */
interface Field {
  readonly name: string;
  readonly type: number | StructType;
  readonly count: number | undefined;
  readonly offset: number;
}

/** More would not fit in the block that describes the memory. */
const MOST_DEFINITION_BYTES = 8000;
const MOST_BYTES = 2 ** 31;
const known = new Map<string, StructType>();

/** A structure's type: made by `struct`, once per definition, so that equal ones are the same object. */
export class StructType<F extends Fields = Fields> {
  /** What `sizeof` says: with the gap behind the last field. */
  readonly size: number;
  readonly alignment: number;
  /** Bytes from the start, by field. */
  readonly offsets: { readonly [K in keyof F & string]: number };
  /** The fields, their types and numbers, as JSON: how other processes learn of the type. */
  readonly definition: string;
  /** Indices of all element types within. */
  readonly elements: ReadonlySet<number>;
  readonly #class: new (
    memory: Memory,
    base: number,
  ) => Record;

  static {
    registerClass(StructType, {
      name: 'forkful.StructType',
      serialize: (type) => type.definition,
      deserialize: (definition: string) => StructType.from(definition),
    });
  }

  /** REQUIRES: `fields` is checked, and no type of that definition is known. */
  constructor(definition: string, fields: readonly Omit<Field, 'offset'>[]) {
    this.definition = definition;
    const elements = new Set<number>();
    const offsets: { [name: string]: number } = {};
    const placed: Field[] = [];
    let [end, alignment] = [0, 1];
    for (const field of fields) {
      const { size, align } = measure(field.type);
      const offset = Math.ceil(end / align) * align;
      end = offset + size * (field.count ?? 1);
      if (end > MOST_BYTES) throw rangeError('fields', `at most ${MOST_BYTES} bytes in all`, end);
      alignment = Math.max(alignment, align);
      offsets[field.name] = offset;
      placed.push({ ...field, offset });
      for (const index of field.type instanceof StructType ? field.type.elements : [field.type]) elements.add(index);
    }
    this.size = Math.ceil(end / alignment) * alignment;
    this.alignment = alignment;
    this.offsets = offsets as StructType<F>['offsets'];
    this.elements = elements;
    this.#class = class Struct extends Record {
      static readonly fields = placed.map(({ name }) => name);
    };
    for (const { name, type, count, offset } of placed) defineField(this.#class.prototype, name, type, count, offset);
    Object.freeze(this.offsets);
    Object.freeze(this);
  }

  /** The type of a definition that another process has made. */
  static from(definition: string): StructType {
    return known.get(definition) ?? make(JSON.parse(definition));
  }

  /** The structure that begins at byte `base` of the memory. */
  at(memory: Memory, base: number): Record {
    return new this.#class(memory, base);
  }

  [inspect.custom](): string {
    return `<struct of ${this.size} bytes: ${Object.keys(this.offsets).join(', ')}>`;
  }
}

type Definition = readonly (readonly [name: string, type: number | Definition, count?: number])[];

/**
 * The type of a structure with these fields, in this order, laid out as C does it: each at a multiple of its own alignment.
 *
 * ```js
 * const Point = struct({ x: 'd', y: 'd', tag: 'c[8]' });
 * const point = new Value(Point, { x: 1.5, tag: 'first' });
 * point.value.y = 2;
 * ```
 * @throws TypeError, RangeError naming the field
 */
export function struct<const F extends Fields>(fields: F): StructType<F> {
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields))
    throw typeError('fields', "an object like { x: 'd', y: 'i' }", fields);
  const entries = Object.entries(fields);
  if (entries.length === 0) throw rangeError('fields', 'at least one field', fields);
  const definition = entries.map(([name, type]) => defined(name, type));
  const text = JSON.stringify(definition);
  if (Buffer.byteLength(text) > MOST_DEFINITION_BYTES)
    throw rangeError('fields', `described in at most ${MOST_DEFINITION_BYTES} bytes`, entries.length);
  return (known.get(text) ?? make(definition)) as StructType<F>;
}

function make(definition: Definition): StructType {
  const text = JSON.stringify(definition);
  const fields = definition.map(([name, type, count]) => ({
    name,
    type: typeof type === 'number' ? type : StructType.from(JSON.stringify(type)),
    count,
  }));
  const type = new StructType(text, fields);
  known.set(text, type);
  return type;
}

function defined(name: string, type: unknown): Definition[number] {
  const argument = `fields.${name}`;
  if (name === '__proto__' || name === 'constructor') throw rangeError('fields', 'named otherwise than __proto__ and constructor', name);
  if (typeof type === 'string') {
    const [, element, count] = /^(\w+)\[(\d{1,10})\]$/.exec(type) ?? [];
    if (element !== undefined) return [name, single(argument, element), counted(argument, Number(count))];
  }
  if (Array.isArray(type) && type.length === 2) return [name, single(argument, type[0]), counted(argument, type[1])];
  return [name, single(argument, type)];
}

function single(argument: string, type: unknown): number | Definition {
  if (type instanceof StructType) return JSON.parse(type.definition);
  try {
    return elementTypeIndex(type as ElementTypeArgument);
  } catch {
    throw typeError(argument, "an element type, a struct, or a number of either like 'd[3]' or [Point, 4]", type);
  }
}

function counted(argument: string, count: unknown): number {
  if (!Number.isInteger(count) || (count as number) < 1 || (count as number) > MOST_BYTES)
    throw rangeError(argument, `a number from 1 to ${MOST_BYTES} of elements`, count);
  return count as number;
}

function measure(type: number | StructType): { size: number; align: number } {
  if (type instanceof StructType) return { size: type.size, align: type.alignment };
  const size = (ELEMENT_TYPES[type] as ElementType).array.BYTES_PER_ELEMENT;
  return { size, align: size };
}

/** A list in shared memory with a name, as Python's `multiprocessing.shared_memory.ShareableList`, and byte for byte the same: either reads and writes the other's. */
import { inspect } from 'node:util';
import { StateError } from '../errors.js';
import { registerClass } from '../serialize/registry.js';
import { boolean, options as checkOptions, rangeError, typeError } from '../util/validate.js';
import {
  BOOL,
  BOOL_BYTE,
  CODE_NONE,
  decodeBytes,
  type Encoded,
  encodeItem,
  FLOAT,
  INT,
  type ListItem,
  NONE,
  roomFor,
} from './list-items.js';
import { openBytes, SharedMemory } from './shared-memory.js';

export interface ShareableListOptions {
  /** Of the segment that is made: see `SharedMemory`. */
  name?: string;
  /** See `SharedMemory`. */
  track?: boolean;
  /** Every number is a float for Python, 1 too; integers are the bigints. Default false: a number without fraction is an int. */
  floats?: boolean;
  /** For CPython 3.8, whose lists are laid out in another way than those since 3.9. Lists that are there are read and written whichever they are. */
  python38?: boolean;
}

const OPTIONS = ['name', 'track', 'floats', 'python38'] as const;
const WORD = 8;
const FORMAT_BYTES = 8;

/**
 * A list of fixed length, of ints, floats, bools, texts, bytes and null. Text and bytes have room for as many bytes as they had at first, rounded up to
 * a multiple of 8; within that an item may become anything. Nothing is locked: an int or a float that stays what it is is read and written at once, of all
 * else somebody else may see a half. Needs the native backend.
 *
 * In memory: the number of items N; N + 1 offsets of items from the first one; the items; N formats of 8 bytes; N codes of one byte. All numbers
 * are 64 bits. CPython 3.8 has N sizes in place of the offsets; the first offset is 0 and a size never is, so they can be told apart.
 */
export class ShareableList implements Iterable<ListItem> {
  /** The memory, to be closed and unlinked. */
  readonly shm: SharedMemory;
  readonly length: number;
  /** Of each item and of the first format, in bytes from the start. */
  readonly #starts: Float64Array;
  #view: Views | undefined;

  static {
    registerClass(ShareableList, {
      name: 'forkful.ShareableList',
      serialize: (list) => list.shm.name,
      deserialize: (name: string) => new ShareableList({ name }),
    });
  }

  /**
   * Makes a list of `items`, in a new segment; or attaches to the one in the segment `{ name }`.
   * @throws TypeError and RangeError naming the item; SystemError as `SharedMemory` (ENOENT, EEXIST, ...); StateError (ERR_FORKFUL_LIST) when what has that
   * name is no list, and (ERR_FORKFUL_BACKEND) on the JS backend
   */
  constructor(items?: Iterable<ListItem> | { readonly name: string }, options?: ShareableListOptions) {
    if (items !== undefined && (typeof items !== 'object' || items === null)) throw typeError('items', 'an iterable, or { name }', items);
    if (items !== undefined && !(Symbol.iterator in items)) {
      const { name } = checkOptions('items', items, ['name']);
      checkOptions('options', options, []);
      this.shm = new SharedMemory({ name: name as string });
      this.#starts = readStarts(this.shm);
      this.length = this.#starts.length - 1;
      return;
    }
    const { name, track = true, floats = false, python38 = false } = checkOptions('options', options, OPTIONS);
    boolean('floats', floats);
    boolean('python38', python38);
    const encoded = Array.from(items ?? [], (item, index) => encodeItem(`items[${index}]`, item, floats, 0));
    this.length = encoded.length;
    this.#starts = startsOf(encoded, python38);
    const size = (this.#starts[this.length] as number) + this.length * (FORMAT_BYTES + 1);
    this.shm = new SharedMemory({ create: true, size, track, ...(name === undefined ? {} : { name }) });
    writeHead(openBytes(this.shm), this.#starts, python38);
    for (const [index, item] of encoded.entries()) this.#write(index, item);
  }

  /**
   * The item; a negative index counts from the end. Ints beyond 2^53 are bigints; bytes are a copy.
   * @throws RangeError for an index out of range, ClosedError, StateError (ERR_FORKFUL_LIST)
   */
  get(index: number): ListItem {
    return this.#read(this.#position(index));
  }

  /** As `get`, but undefined for an index out of range, as for other lists. */
  at(index: number): ListItem | undefined {
    const position = Math.trunc(index) || 0;
    return position < -this.length || position >= this.length ? undefined : this.get(position);
  }

  /**
   * Replaces the item. A number becomes an int if it has no fraction and the item was no float, else a float; a bigint always becomes an int.
   * @throws TypeError, RangeError: also for what is longer than the item's place; then nothing is changed. ClosedError
   */
  set(index: number, value: ListItem): void {
    const position = this.#position(index);
    const room = (this.#starts[position + 1] as number) - (this.#starts[position] as number);
    this.#write(position, encodeItem('value', value, this.#format(position) === FLOAT, room));
  }

  /** How many items are equal to `value`: bytes by their content, a bigint to the number of its value. */
  count(value: ListItem): number {
    let count = 0;
    for (const item of this) if (isEqual(item, value)) count++;
    return count;
  }

  /** Where the first item is that is equal to `value`. @throws RangeError when there is none */
  index(value: ListItem): number {
    for (let index = 0; index < this.length; index++) if (isEqual(this.#read(index), value)) return index;
    throw rangeError('value', 'an item of the list', value);
  }

  /** The formats of all items, one behind the other, as Python's `format`. */
  get format(): string {
    return Array.from({ length: this.length }, (_, index) => this.#format(index)).join('');
  }

  *[Symbol.iterator](): IterableIterator<ListItem> {
    for (let index = 0; index < this.length; index++) yield this.#read(index);
  }

  /** Closes the memory; does not unlink it. */
  [Symbol.dispose](): void {
    this.shm.close();
  }

  [inspect.custom](): string {
    return `<ShareableList ${this.shm.name} ${this.shm.buf === null ? 'closed' : inspect(Array.from({ length: this.length }, (_, index) => this.#shown(index)))}>`;
  }

  /** Inspecting must not throw. */
  #shown(index: number): unknown {
    try {
      return this.#read(index);
    } catch (error) {
      return error;
    }
  }

  #read(index: number): ListItem {
    const { bytes, floats, integers, data } = this.#views();
    const start = this.#starts[index] as number;
    const word = start / WORD;
    const format = this.#format(index);
    switch (format) {
      case INT: {
        const integer = Number.isInteger(word) ? (integers[word] as bigint) : data.getBigInt64(start, true);
        const number = Number(integer);
        return Number.isSafeInteger(number) ? number : integer;
      }
      case FLOAT:
        return Number.isInteger(word) ? (floats[word] as number) : data.getFloat64(start, true);
      case BOOL:
        return bytes[start + BOOL_BYTE] !== 0;
      case NONE:
        return null;
      default: {
        const code = bytes[this.#codesAt + index] as number;
        return code === CODE_NONE ? null : decodeBytes(index, format, code, bytes.subarray(start, this.#starts[index + 1]));
      }
    }
  }

  /** REQUIRES: there is room. */
  #write(index: number, { format, code, content, length }: Encoded): void {
    const { bytes, floats, integers, data } = this.#views();
    const [start, end] = [this.#starts[index] as number, this.#starts[index + 1] as number];
    const word = start / WORD;
    if (this.#format(index) !== format)
      bytes.fill(0, this.#formatAt(index), this.#formatAt(index) + FORMAT_BYTES).write(format, this.#formatAt(index), 'latin1');
    bytes[this.#codesAt + index] = code;
    if (typeof content === 'bigint') {
      if (Number.isInteger(word)) integers[word] = content;
      else data.setBigInt64(start, content, true);
    } else if (typeof content === 'number') {
      if (Number.isInteger(word)) floats[word] = content;
      else data.setFloat64(start, content, true);
    } else if (content instanceof Uint8Array) {
      bytes.set(content, start);
      bytes.fill(0, start + length, end);
    } else {
      bytes.fill(0, start, start + WORD);
      if (content !== null) bytes[start + BOOL_BYTE] = content ? 1 : 0;
    }
  }

  #format(index: number): string {
    const { bytes } = this.#views();
    const at = this.#formatAt(index);
    // the two that are read all the time without making a string
    if (bytes[at + 1] === 0) {
      if (bytes[at] === 0x71) return INT;
      if (bytes[at] === 0x64) return FLOAT;
    }
    const text = bytes.toString('latin1', at, at + FORMAT_BYTES);
    const end = text.indexOf('\0');
    return end < 0 ? text : text.slice(0, end);
  }

  #formatAt(index: number): number {
    return (this.#starts[this.length] as number) + index * FORMAT_BYTES;
  }

  get #codesAt(): number {
    return this.#formatAt(this.length);
  }

  #position(index: number): number {
    if (typeof index !== 'number') throw typeError('index', 'an integer', index);
    const position = index < 0 ? index + this.length : index;
    if (!Number.isInteger(position) || position < 0 || position >= this.length)
      throw rangeError('index', `an integer of at least ${-this.length} and less than ${this.length}`, index);
    return position;
  }

  /** @throws ClosedError */
  #views(): Views {
    const bytes = openBytes(this.shm);
    this.#view ??= viewsOf(bytes);
    return this.#view;
  }
}

interface Views {
  readonly bytes: Buffer;
  /** Aligned ones are single accesses, which those of a DataView are not always. */
  readonly floats: Float64Array;
  readonly integers: BigInt64Array;
  readonly data: DataView;
}

function viewsOf(bytes: Buffer): Views {
  const words = Math.floor(bytes.length / WORD);
  return {
    bytes,
    floats: new Float64Array(bytes.buffer, 0, words),
    integers: new BigInt64Array(bytes.buffer, 0, words),
    data: new DataView(bytes.buffer),
  };
}

function startsOf(items: readonly Encoded[], python38: boolean): Float64Array {
  const starts = new Float64Array(items.length + 1);
  starts[0] = WORD * (1 + items.length + (python38 ? 0 : 1));
  for (const [index, item] of items.entries()) starts[index + 1] = (starts[index] as number) + roomFor(item);
  return starts;
}

function writeHead(bytes: Buffer, starts: Float64Array, python38: boolean): void {
  const count = starts.length - 1;
  bytes.writeBigInt64LE(BigInt(count), 0);
  const numbers = python38
    ? starts.subarray(1).map((start, index) => start - (starts[index] as number))
    : starts.map((start) => start - (starts[0] as number));
  for (const [index, number] of numbers.entries()) bytes.writeBigInt64LE(BigInt(number), WORD * (1 + index));
}

/** @throws StateError when it cannot be a list */
function readStarts(memory: SharedMemory): Float64Array {
  const bytes = openBytes(memory);
  const word = (index: number): number => (WORD * (index + 1) <= bytes.length ? Number(bytes.readBigInt64LE(WORD * index)) : -1);
  const count = word(0);
  let isPossible = count >= 0 && WORD * (1 + count) + count * (FORMAT_BYTES + 1) <= bytes.length;
  const starts = new Float64Array(isPossible ? count + 1 : 1);
  const python38 = count > 0 && word(1) !== 0;
  starts[0] = WORD * (1 + count + (python38 ? 0 : 1));
  // of a list of nothing CPython 3.8 writes the count alone
  if (count === 0) return starts.fill(Math.min(starts[0], bytes.length));
  for (let index = 0; isPossible && index < count; index++) {
    const start = starts[index] as number;
    starts[index + 1] = python38 ? start + word(1 + index) : starts[0] + word(2 + index);
    // an item takes 8 bytes at least
    isPossible = (starts[index + 1] as number) - start >= WORD;
  }
  const end = starts[count] as number;
  if (isPossible && end + count * (FORMAT_BYTES + 1) <= bytes.length) return starts;
  memory.close();
  throw new StateError('ERR_FORKFUL_LIST', `The shared memory ${memory.name} holds no ShareableList`);
}

function isEqual(item: ListItem, value: ListItem): boolean {
  if (item instanceof Uint8Array) return value instanceof Uint8Array && Buffer.compare(item, value) === 0;
  // biome-ignore lint/suspicious/noDoubleEquals: 1n is 1, and not 1.5
  if (typeof item === 'bigint' || typeof value === 'bigint') return isNumeric(item) && isNumeric(value) && item == value;
  return item === value;
}

function isNumeric(item: ListItem): boolean {
  return typeof item === 'number' || typeof item === 'bigint';
}

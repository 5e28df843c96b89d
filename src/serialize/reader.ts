/** Bytes within bounds, and the values without parts, read from them. */
import { constants } from 'node:buffer';
import { SerializationError } from '../errors.js';
import { SHORT_LATIN1, shortLatin1, type TextBuffer } from './strings.js';
import { KIND_BUFFER, KIND_FLOAT64_ARRAY, KIND_UINT8_ARRAY, overMemory } from './views.js';

/** From this size on, memory that need not be zeroed first is worth its more expensive allocation. */
const LARGE = 4096;
/** Typed arrays up to this size have no ArrayBuffer until somebody asks for it, and cost a tenth of one that has. */
const ON_HEAP = 64;
/** Of a BigInt in base 16: V8 has none of more than 2^30 bits. */
const MOST_DIGITS = 2 ** 28;
/** What the resizable buffers of one message may reserve, in bytes of the address space, of which 2^47 are there. */
const MOST_RESERVED = 2 ** 36;
const NO_MEMORY = Buffer.alloc(0) as Buffer as TextBuffer;

/** Reads at `pos`, never from `end` on, and takes nothing on trust. */
export class Reader {
  protected bytes = NO_MEMORY;
  protected view: DataView<ArrayBufferLike> = new DataView(new ArrayBuffer(0));
  protected pos = 0;
  protected end = 0;
  #source: Uint8Array = NO_MEMORY;
  #reservable = MOST_RESERVED;

  /** To read `bytes[pos, end)`; what is made for the bytes is kept, as they are mostly the same ring. */
  protected start(bytes: Uint8Array, pos: number, end: number): void {
    this.pos = pos;
    this.end = end;
    this.#reservable = MOST_RESERVED;
    if (bytes === this.#source) return;
    this.#source = bytes;
    this.bytes = (Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)) as TextBuffer;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** The position of the next `size` bytes, which are now taken. */
  protected take(size: number): number {
    const at = this.pos;
    if (size > this.end - at) throw corrupt();
    this.pos = at + size;
    return at;
  }

  protected readInt16(): number {
    const at = this.take(2);
    const bytes = this.bytes;
    return (((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 24)) >> 16;
  }

  protected readInt32(): number {
    const at = this.take(4);
    const bytes = this.bytes;
    return (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24);
  }

  /** So many integers, into an array that may be a new one or one that was announced. */
  protected fillInt32s(array: number[], length: number): number[] {
    const view = this.view;
    let at = this.take(4 * length);
    for (let i = 0; i < length; i++, at += 4) array[i] = view.getInt32(at, true);
    return array;
  }

  protected fillFloat64s(array: number[], length: number): number[] {
    const view = this.view;
    let at = this.take(8 * length);
    for (let i = 0; i < length; i++, at += 8) array[i] = view.getFloat64(at, true);
    return array;
  }

  protected readUint(): number {
    const first = this.bytes[this.take(1)] as number;
    if (first <= 0xfb) return first;
    if (first === 0xfc) return this.view.getUint16(this.take(2), true);
    if (first === 0xfd) return this.view.getUint32(this.take(4), true);
    const value = this.view.getFloat64(this.take(8), true);
    if (first !== 0xfe || !Number.isSafeInteger(value) || value < 0) throw corrupt();
    return value;
  }

  /** A count of things that take at least `least` bytes each, so that a message cannot promise more than it holds. */
  protected readCount(least: number): number {
    const count = this.readUint();
    if (count > (this.end - this.pos) / least) throw corrupt();
    return count;
  }

  protected readLatin1(length: number): string {
    const at = this.take(length);
    if (length <= SHORT_LATIN1) return shortLatin1(this.bytes, at, length);
    if (length > constants.MAX_STRING_LENGTH) throw corrupt();
    return this.bytes.latin1Slice(at, at + length);
  }

  protected readUtf16(length: number): string {
    const at = this.take(2 * length);
    if (length > constants.MAX_STRING_LENGTH) throw corrupt();
    return this.bytes.ucs2Slice(at, at + 2 * length);
  }

  protected readBigInt(): bigint {
    const sign = this.bytes[this.take(1)] as number;
    const digits = this.readLatin1(this.readUint());
    if (sign > 1 || digits.length > MOST_DIGITS || !/^[0-9a-f]+$/.test(digits)) throw corrupt();
    const value = BigInt(`0x${digits}`);
    return sign === 1 ? -value : value;
  }

  /** A view of that kind over a copy of those bytes. REQUIRES: isKind, and not KIND_ARRAY_BUFFER */
  protected viewAt(kind: number, from: number, size: number): ArrayBufferView {
    if (kind === KIND_BUFFER && size < LARGE) return sliceOf(this.bytes, from, size);
    if (kind === KIND_FLOAT64_ARRAY && size <= ON_HEAP) {
      const array = new Float64Array(size / 8);
      for (let i = 0; i < array.length; i++) array[i] = this.view.getFloat64(from + 8 * i, true);
      return array;
    }
    if (kind === KIND_UINT8_ARRAY && size <= ON_HEAP) {
      const array = new Uint8Array(size);
      for (let i = 0; i < size; i++) array[i] = this.bytes[from + i] as number;
      return array;
    }
    return overMemory(kind, copyOf(this.bytes, from, size)) as ArrayBufferView;
  }

  /** A resizable ArrayBuffer with those bytes. */
  protected resizableAt(from: number, size: number, maxByteLength: number): ArrayBuffer {
    if (!Number.isSafeInteger(maxByteLength) || maxByteLength < size || maxByteLength > this.#reservable) throw corrupt();
    this.#reservable -= maxByteLength;
    let memory: ArrayBuffer;
    try {
      memory = new (ArrayBuffer as { new (size: number, options: { maxByteLength: number }): ArrayBuffer })(size, { maxByteLength });
    } catch (error) {
      throw corrupt(error);
    }
    new Uint8Array(memory).set(this.bytes.subarray(from, from + size));
    return memory;
  }
}

/** Those bytes as a Buffer over memory of its own. (The slice of Buffer itself would be a view.) */
function sliceOf(bytes: Buffer, from: number, size: number): Buffer {
  return Uint8Array.prototype.slice.call(bytes, from, from + size) as Buffer;
}

/** Those bytes in memory of their own. */
export function copyOf(bytes: Buffer, from: number, size: number): ArrayBuffer {
  if (size < LARGE) return sliceOf(bytes, from, size).buffer as ArrayBuffer;
  const copy = Buffer.allocUnsafeSlow(size);
  bytes.copy(copy, 0, from, from + size);
  return copy.buffer as ArrayBuffer;
}

export function corrupt(cause?: unknown): SerializationError {
  return new SerializationError('corrupt message', '', cause === undefined ? {} : { cause });
}

/** Scratch memory that grows, and the values without parts, written into it. */
import { Unsendable } from './path.js';
import type { TextBuffer } from './strings.js';
import * as tags from './tags.js';

/** Scratch memory at the start and after a shrink; most messages fit. */
const INITIAL_CAPACITY = 64 * 1024;
/** Scratch memory above this is given back after so many messages in a row that needed a quarter of it or less. */
const KEPT_CAPACITY = 1024 * 1024;
const SMALL_MESSAGES_BEFORE_SHRINK = 64;
/** Room beyond a position that whoever writes a value there may count on, so that tags and fixed-size fields need no check of their own. */
export const HEADROOM = 64;
/** Strings up to this length are written char by char; a native call costs as much as 16 to 20 of them (bench/micro/codec). */
const LOOP_STRING = 16;
/** Up to this size bytes are copied one by one; beyond, TypedArray.set is quicker. */
const LOOP_BYTES = 24;

const WIDE = /[\u0100-\uffff]/;

/** Every `write...` takes the position to write at, where HEADROOM is granted, and gives the position after what it wrote. */
export class Writer {
  /** Scratch memory, 8-byte aligned. Replaced when it grows or shrinks: read it after each message. */
  bytes!: TextBuffer;
  /** The same memory, for copying word by word. */
  words!: Int32Array;
  /** Bytes in use. */
  length = 0;

  protected view!: DataView;
  protected capacity = 0;
  #smallMessages = 0;

  constructor() {
    this.#allocate(INITIAL_CAPACITY);
  }

  protected writeString(value: string, pos: number): number {
    const length = value.length;
    if (length > LOOP_STRING) return this.#writeLongString(value, pos);
    const bytes = this.bytes;
    bytes[pos] = tags.TAG_SHORT_STRING + length;
    let at = pos + 1;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0xff) return this.#writeLongString(value, pos);
      bytes[at++] = code;
    }
    return at;
  }

  protected writeNumber(value: number, pos: number): number {
    const bytes = this.bytes;
    const int = value | 0;
    if (int === value && (int !== 0 || 1 / value > 0)) {
      if (int >= 0 && int < 128) {
        bytes[pos] = int;
        return pos + 1;
      }
      if (int >= -128 && int < 0) {
        bytes[pos] = tags.TAG_INT8;
        bytes[pos + 1] = int;
        return pos + 2;
      }
      if (int >= -32768 && int < 32768) {
        bytes[pos] = tags.TAG_INT16;
        bytes[pos + 1] = int;
        bytes[pos + 2] = int >> 8;
        return pos + 3;
      }
      bytes[pos] = tags.TAG_INT32;
      bytes[pos + 1] = int;
      bytes[pos + 2] = int >> 8;
      bytes[pos + 3] = int >> 16;
      bytes[pos + 4] = int >> 24;
      return pos + 5;
    }
    bytes[pos] = tags.TAG_FLOAT64;
    this.view.setFloat64(pos + 1, value, true);
    return pos + 9;
  }

  #writeLongString(value: string, pos: number): number {
    // For a string that V8 stores as one byte per char, this test fails without looking at the chars: 16 ns at any length.
    const isWide = WIDE.test(value);
    const length = value.length;
    const size = isWide ? 2 * length : length;
    this.ensure(pos, size);
    if (!isWide && length < 32) {
      this.bytes[pos] = tags.TAG_SHORT_STRING + length;
      return pos + 1 + this.bytes.latin1Write(value, pos + 1, size);
    }
    this.bytes[pos] = isWide ? tags.TAG_UTF16 : tags.TAG_LATIN1;
    const at = this.writeUint(length, pos + 1);
    return at + (isWide ? this.bytes.ucs2Write(value, at, size) : this.bytes.latin1Write(value, at, size));
  }

  protected writeUint(value: number, pos: number): number {
    const bytes = this.bytes;
    if (value <= 0xfb) {
      bytes[pos] = value;
      return pos + 1;
    }
    if (value <= 0xffff) {
      bytes[pos] = 0xfc;
      bytes[pos + 1] = value;
      bytes[pos + 2] = value >> 8;
      return pos + 3;
    }
    if (value <= 0xffffffff) {
      bytes[pos] = 0xfd;
      this.view.setUint32(pos + 1, value, true);
      return pos + 5;
    }
    bytes[pos] = 0xfe;
    this.view.setFloat64(pos + 1, value, true);
    return pos + 9;
  }

  protected writeBigInt(value: bigint, pos: number): number {
    if (BigInt.asIntN(64, value) === value) {
      this.bytes[pos] = tags.TAG_BIGINT64;
      this.view.setBigInt64(pos + 1, value, true);
      return pos + 9;
    }
    const digits = (value < 0n ? -value : value).toString(16);
    this.ensure(pos, digits.length);
    this.bytes[pos] = tags.TAG_BIGINT;
    this.bytes[pos + 1] = value < 0n ? 1 : 0;
    const at = this.writeUint(digits.length, pos + 2);
    return at + this.bytes.latin1Write(digits, at, digits.length);
  }

  protected writeRaw(source: Uint8Array, pos: number): number {
    const size = source.length;
    this.ensure(pos, size);
    const bytes = this.bytes;
    if (size <= LOOP_BYTES) for (let i = 0; i < size; i++) bytes[pos + i] = source[i] as number;
    else bytes.set(source, pos);
    return pos + size;
  }

  /** Room for a variable part of that size, a few fixed fields before it and the headroom after it. */
  protected ensure(pos: number, size: number): void {
    if (pos + size + 2 * HEADROOM > this.capacity) this.grow(pos + size + 2 * HEADROOM);
  }

  protected grow(needed: number): void {
    const previous = this.bytes;
    this.#allocate(Math.ceil(Math.max(needed, 2 * this.capacity) / 8) * 8);
    this.bytes.set(previous);
  }

  #allocate(capacity: number): void {
    let memory: ArrayBuffer;
    try {
      memory = new ArrayBuffer(capacity);
    } catch (error) {
      throw new Unsendable(`it is too large: ${capacity} bytes of memory are not to be had.`, error);
    }
    this.bytes = Buffer.from(memory) as TextBuffer;
    this.words = new Int32Array(memory);
    this.view = new DataView(memory);
    this.capacity = capacity;
  }

  /** To be called after each message. */
  protected considerShrinking(): void {
    if (this.capacity <= KEPT_CAPACITY) return;
    this.#smallMessages = this.length <= this.capacity / 4 ? this.#smallMessages + 1 : 0;
    if (this.#smallMessages <= SMALL_MESSAGES_BEFORE_SHRINK || this.length > INITIAL_CAPACITY) return;
    const previous = this.bytes;
    this.#allocate(INITIAL_CAPACITY);
    this.bytes.set(previous.subarray(0, this.length));
    this.#smallMessages = 0;
  }
}

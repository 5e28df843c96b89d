/**
 * Messages: how a value becomes a frame of the ring, and a frame a value. Integers, doubles and the constants travel inside the frame;
 * all else through the codec. A message that carries shared objects lists their handles, so that one that is never delivered can let go of them
 * without being decoded; one whose root is a large buffer carries its bytes apart, so that they are copied once in and once out.
 *
 * | tag | second word | payload |
 * |---|---|---|
 * | INT | the value | |
 * | DOUBLE | | 8 bytes |
 * | CONSTANT | 0 undefined, 1 null, 2 false, 3 true | |
 * | PACKED | bytes of the head | head |
 * | RICH | bytes of the head | number of handles, bytes of the body; handles (offset, generation); head, padded to 8; body |
 */
import { SerializationError } from '../errors.js';
import { cancelHandle, countArrived, expectHandle, sendHandle } from '../memory/block.js';
import { type Handle, keepBlock, objectOf } from '../memory/handle.js';
import { Decoder, decodeBody, Encoder } from '../serialize/codec.js';
import { handleOf } from '../serialize/passable.js';
import { type FrameView, TAG_CONSTANT, TAG_DOUBLE, TAG_INT, TAG_PACKED, TAG_RICH, type WritePayload } from './ring.js';

const CONSTANTS = [undefined, null, false, true] as const;
/** Up to here a loop over words beats a call into C++ (bench/micro). */
const LOOP_BYTES = 192;
/** Scratch larger than this is not kept. */
const KEEP_BYTES = 1 << 20;
/** On an offset in a message: the handle is not counted as under way. Offsets are multiples of 64. */
const UNCOUNTED = 1;
const NO_HANDLES: readonly Handle[] = [];
const NOTHING_KEPT: readonly (() => void)[] = [];

const double = new Float64Array(1);
const doubleWords = new Int32Array(double.buffer);
const decoder = new Decoder();

/** Whether a value travels as INT: all 32-bit integers but -0. */
export function isInt(value: unknown): value is number {
  return typeof value === 'number' && (value | 0) === value && (value !== 0 || 1 / value > 0);
}

/** A value on its way out. */
export class Outgoing {
  tag = TAG_INT;
  /** The second word of the frame. */
  value = 0;
  payloadBytes = 0;
  readonly #encoder = new Encoder();
  #handles: readonly Handle[] = NO_HANDLES;
  #head: Buffer = this.#encoder.bytes as Buffer;
  #headWords: Int32Array = this.#encoder.words;
  #headBytes = 0;
  #body: Uint8Array | null = null;
  #doubleLow = 0;
  #doubleHigh = 0;

  /**
   * Encodes. Its shared objects are in transit from now on, until delivered, or `cancel`led; but for the one at offset `receiver`, which is held by whoever
   * can receive the message: it would keep itself. @throws SerializationError; then nothing is left behind
   */
  load(value: unknown, rootName = 'value', receiver = 0): this {
    if (isInt(value)) this.#inline(TAG_INT, value);
    else if (typeof value === 'number') this.#loadDouble(value);
    else if (value === undefined || value === null || typeof value === 'boolean')
      this.#inline(TAG_CONSTANT, CONSTANTS.indexOf(value as null));
    else this.#encode(value, rootName, receiver);
    return this;
  }

  /** The message will not be put. */
  cancel(): void {
    for (const handle of this.#handles) cancelCounted(handle);
    this.#handles = NO_HANDLES;
  }

  /** Lets go of what the message was made from. */
  release(): void {
    if (this.#body === null && this.#handles === NO_HANDLES) return;
    this.#body = null;
    this.#handles = NO_HANDLES;
    this.#encoder.release();
  }

  /** Makes the message its own: what it holds survives the next `load` of others, and changes of the value it was made from. */
  detach(): this {
    if (this.tag !== TAG_PACKED && this.tag !== TAG_RICH) return this;
    const length = this.#headBytes;
    const copy = Buffer.allocUnsafeSlow((length + 7) & ~7);
    copy.set(this.#head.subarray(0, length));
    this.#head = copy;
    this.#headWords = new Int32Array(copy.buffer, 0, copy.length >> 2);
    if (this.#body !== null) this.#body = Uint8Array.prototype.slice.call(this.#body);
    return this;
  }

  readonly write: WritePayload = (words, word, bytes) => {
    if (this.tag === TAG_PACKED) this.#writeHead(words, word, bytes);
    else if (this.tag === TAG_RICH) this.#writeRich(words, word, bytes);
    else {
      words[word] = this.#doubleLow;
      words[word + 1] = this.#doubleHigh;
    }
  };

  #loadDouble(value: number): void {
    double[0] = value;
    this.tag = TAG_DOUBLE;
    this.value = 0;
    this.payloadBytes = 8;
    this.#doubleLow = doubleWords[0] as number;
    this.#doubleHigh = doubleWords[1] as number;
  }

  #inline(tag: number, value: number): void {
    this.tag = tag;
    this.value = value;
    this.payloadBytes = 0;
  }

  #encode(value: unknown, rootName: string, receiver: number): void {
    const encoder = this.#encoder;
    encoder.encode(value, rootName);
    const { length, body, handles } = encoder;
    this.#head = encoder.bytes as Buffer;
    this.#headWords = encoder.words;
    this.#headBytes = this.value = length;
    this.#body = body;
    if (handles.length === 0 && body === null) {
      this.tag = TAG_PACKED;
      this.payloadBytes = length;
      return;
    }
    this.tag = TAG_RICH;
    this.payloadBytes = 8 + handles.length * 8 + ((length + 7) & ~7) + (body === null ? 0 : body.length);
    const sent: Handle[] = [];
    this.#handles = sent;
    try {
      for (const passable of handles) {
        const handle = passable[handleOf]();
        if (handle.offset === receiver) sent.push({ offset: handle.offset | UNCOUNTED, generation: handle.generation });
        else {
          sendHandle(handle);
          sent.push(handle);
        }
      }
    } catch (error) {
      this.cancel(); // one of them was disposed of: those before it are not on their way either
      throw error;
    }
  }

  #writeRich(words: Int32Array, word: number, bytes: Buffer): void {
    const body = this.#body;
    words[word] = this.#handles.length;
    words[word + 1] = body === null ? 0 : body.length;
    let next = word + 2;
    for (const { offset, generation } of this.#handles) {
      words[next++] = offset;
      words[next++] = generation;
    }
    this.#writeHead(words, next, bytes);
    if (body !== null) bytes.set(body, next * 4 + ((this.#headBytes + 7) & ~7));
  }

  #writeHead(words: Int32Array, word: number, bytes: Buffer): void {
    const length = this.#headBytes;
    if (length <= LOOP_BYTES) {
      const head = this.#headWords;
      for (let index = 0, end = (length + 3) >> 2; index < end; index++) words[word + index] = head[index] as number;
    } else this.#head.copy(bytes, word * 4, 0, length);
  }
}

/** A value on its way in: copied out of the ring under the lock, decoded after it. */
export class Incoming {
  #tag = TAG_INT;
  #value = 0;
  #high = 0;
  #scratch = Buffer.allocUnsafeSlow(4096);
  #words = new Int32Array(this.#scratch.buffer);
  #handles: readonly Handle[] = NO_HANDLES;
  /** Those that are still counted. */
  #underWay: readonly Handle[] = NO_HANDLES;
  /** For each handle: lets go of what keeps its block until there is an object for it. */
  #kept: readonly (() => void)[] = NOTHING_KEPT;
  #body: Uint8Array | null = null;

  /** Copies the frame. REQUIRES: the get lock. */
  take(frame: FrameView): void {
    this.#tag = frame.tag;
    this.#value = frame.value;
    if (frame.tag === TAG_PACKED) this.#takeHead(frame.words, frame.word, frame.bytes);
    else if (frame.tag === TAG_RICH) this.#takeRich(frame);
    else if (frame.tag === TAG_DOUBLE) {
      this.#value = frame.words[frame.word] as number;
      this.#high = frame.words[frame.word + 1] as number;
    }
  }

  /**
   * Its shared objects, this agent's since `take`, are no longer under way. To be called right after the commit, and done by `toValue` at the latest: whoever
   * is killed in between leaves them under way for ever.
   */
  arrive(): void {
    for (const handle of this.#underWay) countArrived(handle);
    this.#underWay = NO_HANDLES;
  }

  /** Decodes. @throws SerializationError, StaleHandleError: the message is lost then */
  toValue(): unknown {
    switch (this.#tag) {
      case TAG_INT:
        return this.#value;
      case TAG_DOUBLE:
        doubleWords[0] = this.#value;
        doubleWords[1] = this.#high;
        return double[0];
      case TAG_CONSTANT:
        return CONSTANTS[this.#value];
      case TAG_PACKED:
        return decoder.decode(this.#scratch, 0, this.#value);
      default:
        return this.#richValue();
    }
  }

  /** The bytes that the codec made of the value, in memory of their own. @throws SerializationError for one with shared objects: the message is lost then */
  toBytes(): Uint8Array {
    if (this.#tag === TAG_PACKED) return Buffer.from(this.#scratch.subarray(0, this.#value));
    if (this.#tag !== TAG_RICH) {
      const encoder = new Encoder();
      encoder.encode(this.toValue());
      return encoder.bytes.slice(0, encoder.length);
    }
    const head = this.#scratch.subarray(0, this.#value);
    const body = this.#body;
    this.#body = null;
    if (body !== null) return Buffer.concat([head, body]);
    this.arrive();
    this.#letGo();
    throw new SerializationError('Cannot receive a message with shared objects as bytes: use recv()', '');
  }

  #takeRich(frame: FrameView): void {
    const bodyBytes = (frame.words[frame.word + 1] as number) >>> 0;
    this.#expect(handlesIn(frame));
    const word = frame.word + 2 + this.#handles.length * 2;
    this.#takeHead(frame.words, word, frame.bytes);
    this.#body = null;
    if (bodyBytes === 0) return;
    const start = word * 4 + ((frame.value + 7) & ~7);
    this.#body = Buffer.allocUnsafeSlow(bodyBytes);
    frame.bytes.copy(this.#body, 0, start, start + bodyBytes);
  }

  #richValue(): unknown {
    const body = this.#body;
    if (body !== null) {
      this.#body = null;
      return decodeBody(this.#scratch, 0, body.buffer as ArrayBuffer);
    }
    this.arrive();
    let objects: object[];
    try {
      objects = this.#handles.map(objectOf);
    } finally {
      this.#letGo();
    }
    return decoder.decode(this.#scratch, 0, this.#value, (index) => objects[index]);
  }

  #expect(handles: readonly Handle[]): void {
    if (handles.length === 0) return;
    this.#underWay = handles.filter(({ offset }) => (offset & UNCOUNTED) === 0);
    this.#handles = handles.map(({ offset, generation }) => ({ offset: offset & ~UNCOUNTED, generation }));
    for (const handle of this.#underWay) expectHandle(handle);
    this.#kept = this.#handles.map(keepBlock);
  }

  #letGo(): void {
    for (const letGo of this.#kept) letGo();
    this.#kept = NOTHING_KEPT;
    this.#handles = NO_HANDLES;
  }

  #takeHead(words: Int32Array, word: number, bytes: Buffer): void {
    const length = this.#value;
    if (length > this.#scratch.length || this.#scratch.length > KEEP_BYTES) this.#resize(length);
    if (length <= LOOP_BYTES) {
      const scratch = this.#words;
      for (let index = 0, end = (length + 3) >> 2; index < end; index++) scratch[index] = words[word + index] as number;
    } else bytes.copy(this.#scratch, 0, word * 4, word * 4 + length);
  }

  #resize(length: number): void {
    this.#scratch = Buffer.allocUnsafeSlow(Math.max(4096, (length + 7) & ~7));
    this.#words = new Int32Array(this.#scratch.buffer);
  }
}

new Incoming().arrive(); // compiled now: a first call takes a while, and in that moment nobody should be killed

/** How long the message is as `Incoming.toBytes` makes it; of inline values not known, and little. */
export function encodedBytes({ tag, value, words, word }: FrameView): number {
  if (tag === TAG_PACKED) return value;
  return tag === TAG_RICH ? value + (words[word + 1] as number) : 0;
}

/** For a message that nobody will get: its shared objects are no longer in transit. */
export function discardFrame(frame: FrameView): void {
  if (frame.tag === TAG_RICH) for (const handle of handlesIn(frame)) cancelCounted(handle);
}

function cancelCounted(handle: Handle): void {
  if ((handle.offset & UNCOUNTED) === 0) cancelHandle(handle);
}

function handlesIn(frame: FrameView): Handle[] {
  const { words, word } = frame;
  const handles: Handle[] = [];
  for (let index = 0, count = words[word] as number; index < count; index++) {
    handles.push({ offset: words[word + 2 + index * 2] as number, generation: (words[word + 3 + index * 2] as number) >>> 0 });
  }
  return handles;
}

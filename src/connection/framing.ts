/**
 * Messages in a stream of bytes, as CPython 3.x frames them (`multiprocessing/connection.py`, `_send_bytes` and `_recv_bytes`): a big-endian int32
 * with the length, then the payload; from 2^31 bytes on the int32 is -1, and a big-endian uint64 with the length follows.
 */
import { EOFError, StateError } from '../errors.js';

/** As a stream's `read`: how many bytes came, 0 at the end, -1 when there are none yet. */
export type Read = (bytes: Uint8Array, start: number, end: number) => number;
/** As a stream's `write`: how many bytes went, -1 when there is no room. */
export type Write = Read;

const SHORT_HEADER = 4;
const LONG_HEADER = 12;
const LONGEST_SHORT = 0x7fffffff;
/** What a length that a peer merely claims may cost, before anything of the message has come. */
const FIRST_BYTES = 1 << 16;
/** How much more than what has come memory is claimed for. */
const GROWTH = 4;
/** So much of a payload is written together with its header: what is shorter is one packet, and costs one copy instead of one more system call. */
const WITH_HEADER = 16384;

const scratch = Buffer.allocUnsafeSlow(LONG_HEADER + WITH_HEADER);
const NOTHING_YET = Buffer.alloc(0);

/** Takes messages from a stream, never a byte beyond the one that is wanted; what has come of it is kept until the rest comes. */
export class FrameReader {
  readonly #header = Buffer.allocUnsafeSlow(LONG_HEADER);
  #headerBytes = 0;
  /** -1 while the header has not come wholly. */
  #length = -1;
  #payload = NOTHING_YET;
  #came = 0;

  /**
   * The next message; null while it has not come wholly. `refuse` is called for one that is longer than `most`, or has no possible length, before it is read.
   * @throws EOFError at the end of the stream, StateError (ERR_FORKFUL_MESSAGE_TRUNCATED) at one in the midst of a message
   */
  take(read: Read, most: number, refuse: (length: number, most: number) => never): Buffer | null {
    if (this.#length < 0 && !this.#readHeader(read, refuse)) return null;
    if (this.#length > most) refuse(this.#length, most);
    while (this.#came < this.#length) {
      if (this.#came === this.#payload.length) this.#grow();
      const got = read(this.#payload, this.#came, this.#payload.length);
      if (got < 0) return null;
      if (got === 0) this.#end();
      this.#came += got;
    }
    const message = this.#payload;
    this.#restart();
    return message;
  }

  /** Whether a part of a message has been taken from the stream. */
  get isWithin(): boolean {
    return this.#headerBytes > 0;
  }

  #readHeader(read: Read, refuse: (length: number, most: number) => never): boolean {
    for (;;) {
      const short = this.#headerBytes < SHORT_HEADER ? undefined : this.#header.readInt32BE(0);
      if (short !== undefined && short >= 0) return this.#knowLength(short);
      if (short !== undefined && short < -1) refuse(short >>> 0, LONGEST_SHORT);
      if (this.#headerBytes === LONG_HEADER) return this.#knowLength(Number(this.#header.readBigUInt64BE(SHORT_HEADER)));
      const got = read(this.#header, this.#headerBytes, short === undefined ? SHORT_HEADER : LONG_HEADER);
      if (got < 0) return false;
      if (got === 0) this.#end();
      this.#headerBytes += got;
    }
  }

  #knowLength(length: number): true {
    this.#length = length;
    return true;
  }

  #grow(): void {
    const size = Math.min(this.#length, Math.max(FIRST_BYTES, this.#came * GROWTH));
    const larger = Buffer.allocUnsafeSlow(size);
    this.#payload.copy(larger);
    this.#payload = larger;
  }

  #restart(): void {
    this.#headerBytes = 0;
    this.#length = -1;
    this.#payload = NOTHING_YET;
    this.#came = 0;
  }

  /** To be told again by the next call: what has come is kept. */
  #end(): never {
    if (!this.isWithin) throw new EOFError('The other end of the connection is closed');
    throw new StateError(
      'ERR_FORKFUL_MESSAGE_TRUNCATED',
      'The connection ended in the midst of a message: the other end was closed or has ended',
    );
  }
}

/** One message on its way into a stream. It may take several calls of `push`. */
export class FrameWriter {
  #head: Uint8Array;
  #rest: Uint8Array;
  /** Of the head, then of the rest. */
  #gone = 0;
  #hasBegun = false;

  /** The head lies in memory that the next frame uses again, the rest in the caller's: see `detach`. */
  constructor(payload: Uint8Array) {
    const { length } = payload;
    const withHeader = Math.min(length, WITH_HEADER);
    let headerBytes = SHORT_HEADER;
    if (length <= LONGEST_SHORT) scratch.writeInt32BE(length, 0);
    else {
      headerBytes = LONG_HEADER;
      scratch.writeInt32BE(-1, 0);
      scratch.writeBigUInt64BE(BigInt(length), SHORT_HEADER);
    }
    scratch.set(withHeader === length ? payload : payload.subarray(0, withHeader), headerBytes);
    this.#head = scratch.subarray(0, headerBytes + withHeader);
    this.#rest = withHeader === length ? NOTHING_YET : payload.subarray(withHeader);
  }

  /** Whether some of it has gone, so that nothing else may go before all has. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Writes on. True: all has gone. */
  push(write: Write): boolean {
    for (;;) {
      const part = this.#head;
      while (this.#gone < part.length) {
        const put = write(part, this.#gone, part.length);
        if (put < 0) return false;
        this.#gone += put;
        this.#hasBegun = true;
      }
      if (this.#rest.length === 0) return true;
      this.#head = this.#rest;
      this.#rest = NOTHING_YET;
      this.#gone = 0;
    }
  }

  /** What has not gone becomes its own. */
  detach(): this {
    this.#head = Uint8Array.prototype.slice.call(this.#head, this.#gone);
    this.#gone = 0;
    if (this.#rest.length > 0) this.#rest = Uint8Array.prototype.slice.call(this.#rest);
    return this;
  }
}

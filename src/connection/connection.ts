/**
 * The public face of every connection: arguments, directions, errors, and objects as bytes. How a message crosses is the transport's: a subclass over
 * shared memory (`ring-connection.ts`), or over a socket.
 */
import { inspect } from 'node:util';
import type { Deadline } from '../arena/waiting.js';
import { BufferTooShort, ClosedError, StateError, TimeoutError } from '../errors.js';
import { Decoder, Encoder } from '../serialize/codec.js';
import { integer, typeError } from '../util/validate.js';
import { deadlineOf, type WaitOptions } from '../util/wait-options.js';
import { type Waitable, type Watch, waitable } from '../util/waitable.js';

/** What a hook answers when there is nothing to receive, now or until the deadline: no value can be it. */
export const NOTHING = Symbol('nothing');

type Now<T> = T | typeof NOTHING;

/** Memory that a message is sent from, or received into. */
export type Bytes = ArrayBufferView | ArrayBuffer | SharedArrayBuffer;

/** Connections are made by `Pipe`, `Client` and `Listener`, not by their users. */
export const making = Symbol('forkful.making');

const DONE: Promise<void> = Promise.resolve();

/** Usually the same object again and again; more when user code called by the codec uses a connection itself. */
let idleEncoder: Encoder | undefined;
const decoder = new Decoder();

/**
 * One end of a connection between two processes: whole messages, objects or bytes, in the order they were sent. As Python's
 * `multiprocessing.connection.Connection`. An object is sent as the bytes that it is encoded to: `recvBytes` receives those, `recv` decodes any message.
 *
 * Every call that waits has a promise form, which never blocks the event loop, and a `...Sync` twin, which blocks the thread. All take `timeout`
 * (milliseconds) and `signal` in an options object, and fail with
 *
 * - ClosedError after `close()`, StateError (ERR_FORKFUL_DIRECTION) in a direction that this end does not have, TypeError, RangeError for bad arguments;
 * - TimeoutError when the time is over, the signal's reason when it aborts: nothing has been sent or received then;
 * - EOFError when the other end is closed or its last holder has ended, and all that it sent has been received; BrokenPipeError when one sends then.
 */
export abstract class Connection implements Waitable, Disposable, AsyncDisposable {
  #readable: boolean;
  #writable: boolean;
  #closed = false;

  /** For subclasses. @throws TypeError for anybody else, and for an end without a direction */
  constructor(key: typeof making, directions: { readonly readable: boolean; readonly writable: boolean }) {
    if (key !== making) throw typeError('new Connection', 'made by Pipe(), connection.Client() or a Listener', key);
    if (!directions.readable && !directions.writable) throw typeError('directions', 'readable, writable or both', directions);
    this.#readable = directions.readable;
    this.#writable = directions.writable;
  }

  // ---- the transport's hooks -----------------------------------------------------------------------------------------------------
  // They are called on an open end that has the direction, with checked arguments. What waits answers false, or NOTHING, when the deadline has
  // passed; the deadline may have passed already: then it only looks. Promise forms reject with the signal's reason, and never block the event loop.

  /** Sends one message. The bytes are the caller's again when it returns, before the promise settles. True: it is sent already. @throws BrokenPipeError, RangeError (too long) */
  protected abstract sendMessage(message: Uint8Array, deadline: Deadline, signal: AbortSignal | undefined): true | Promise<boolean>;
  protected abstract sendMessageSync(message: Uint8Array, deadline: Deadline): boolean;

  /**
   * Receives one message, as bytes of its own. One that is longer than `maxLength` is refused by `refuseLength`, if possible before it is read.
   * @throws EOFError
   */
  protected abstract receiveMessage(
    deadline: Deadline,
    signal: AbortSignal | undefined,
    maxLength: number,
  ): Now<Uint8Array> | Promise<Now<Uint8Array>>;
  protected abstract receiveMessageSync(deadline: Deadline, maxLength: number): Now<Uint8Array>;

  /** Whether a message, or the end, is there by the deadline. */
  protected abstract pollMessage(deadline: Deadline, signal: AbortSignal | undefined): boolean | Promise<boolean>;
  protected abstract pollMessageSync(deadline: Deadline): boolean;

  /** For `connection.wait`: of an open, readable end. */
  protected abstract watchMessage(): Watch;

  /** The number that `fileno` gives. */
  protected abstract number(): number;

  /** Lets go of the transport; promises that wait reject with ClosedError. Called once. */
  protected abstract closeTransport(): void;

  /** For `util.inspect`: `pipe 17`, `tcp 127.0.0.1:80`. */
  protected abstract describeTransport(): string;

  /** Sends one object; true: it is sent already. A transport that has something better than bytes overrides the four of these. @throws SerializationError: nothing is sent then */
  protected sendValue(value: unknown, deadline: Deadline, signal: AbortSignal | undefined): true | Promise<boolean> {
    return withEncoded(value, (message) => this.sendMessage(message, deadline, signal));
  }

  protected sendValueSync(value: unknown, deadline: Deadline): boolean {
    return withEncoded(value, (message) => this.sendMessageSync(message, deadline));
  }

  /** @throws EOFError; SerializationError: the message is lost then */
  protected receiveValue(deadline: Deadline, signal: AbortSignal | undefined): unknown {
    const received = this.receiveMessage(deadline, signal, Number.POSITIVE_INFINITY);
    return received instanceof Promise ? received.then(decoded) : decoded(received);
  }

  protected receiveValueSync(deadline: Deadline): unknown {
    return decoded(this.receiveMessageSync(deadline, Number.POSITIVE_INFINITY));
  }

  /** For transports: a message is longer than was allowed, so what follows can no longer be trusted to be wanted. The end is readable no more; one that only reads is closed. */
  protected refuseLength(length: number, maxLength: number): never {
    if (this.#writable) this.#readable = false;
    else {
      this.#closed = true;
      queueMicrotask(() => this.closeTransport()); // whoever asked for this message is told why first
    }
    throw new StateError(
      'ERR_FORKFUL_MESSAGE_TOO_LONG',
      `A message of ${length} bytes has come, allowed were ${maxLength}: nothing more can be received here`,
    );
  }

  // ---- the public face -----------------------------------------------------------------------------------------------------------

  /** Whether messages can be received here. */
  get readable(): boolean {
    return this.#readable;
  }

  /** Whether messages can be sent here. */
  get writable(): boolean {
    return this.#writable;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Sends any value that a queue takes; resolves when it is on its way, whether or not the other end receives it. Encoded before it returns: later changes
   * of the value do not matter. Rejects as the class says, and with SerializationError naming the path in the value, RangeError if it is too long.
   */
  send(value: unknown, options?: WaitOptions): Promise<void> {
    try {
      this.#checkWritable();
      const deadline = deadlineOf(options);
      const sent = this.sendValue(value, deadline, options?.signal);
      return sent === true ? DONE : sentInTime(sent, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The blocking twin of `send`. */
  sendSync(value: unknown, options?: WaitOptions): void {
    this.#checkWritable();
    const deadline = deadlineOf(options);
    if (!this.sendValueSync(value, deadline)) throw notSent(options);
  }

  /** The next object that the other end has sent; waits for it. */
  recv(options?: WaitOptions): Promise<unknown> {
    try {
      this.#checkReadable();
      const deadline = deadlineOf(options);
      return receivedInTime(this.receiveValue(deadline, options?.signal), options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The blocking twin of `recv`. */
  recvSync(options?: WaitOptions): unknown {
    this.#checkReadable();
    const deadline = deadlineOf(options);
    return inTime(this.receiveValueSync(deadline), options);
  }

  /**
   * Whether a message, or the end, can be received: at once, or within so many milliseconds. Without an argument it only looks, as in Python; with
   * options that have no timeout it waits as long as it takes (Python: `poll(None)`). Takes nothing.
   */
  poll(timeout: number | WaitOptions = 0): Promise<boolean> {
    try {
      this.#checkReadable();
      const options = typeof timeout === 'number' ? { timeout } : timeout;
      const deadline = deadlineOf(options);
      return Promise.resolve(this.pollMessage(deadline, options.signal));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The blocking twin of `poll`. */
  pollSync(timeout: number | WaitOptions = 0): boolean {
    this.#checkReadable();
    return this.pollMessageSync(deadlineOf(typeof timeout === 'number' ? { timeout } : timeout));
  }

  /**
   * Sends `size` bytes of a buffer from byte `offset` on, by default all that follow, as one message; none are a message too. The buffer may be used again
   * when this has returned.
   */
  sendBytes(buffer: Bytes, offset = 0, size?: number, options?: WaitOptions): Promise<void> {
    try {
      this.#checkWritable();
      const message = slice(buffer, offset, size);
      const deadline = deadlineOf(options);
      const sent = this.sendMessage(message, deadline, options?.signal);
      return sent === true ? DONE : sentInTime(sent, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The blocking twin of `sendBytes`. */
  sendBytesSync(buffer: Bytes, offset = 0, size?: number, options?: WaitOptions): void {
    this.#checkWritable();
    const message = slice(buffer, offset, size);
    const deadline = deadlineOf(options);
    if (!this.sendMessageSync(message, deadline)) throw notSent(options);
  }

  /**
   * The bytes of the next message. If it is longer than `maxLength`, rejects with StateError (ERR_FORKFUL_MESSAGE_TOO_LONG), and from then on nothing can be
   * received here: the end only sends, or, if it never could, is closed. As in CPython.
   */
  recvBytes(maxLength?: number | WaitOptions, options?: WaitOptions): Promise<Uint8Array> {
    try {
      this.#checkReadable();
      const { most, wait } = lengthAndOptions(maxLength, options);
      return receivedInTime(this.receiveMessage(deadlineOf(wait), wait?.signal, most), wait);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The blocking twin of `recvBytes`. */
  recvBytesSync(maxLength?: number | WaitOptions, options?: WaitOptions): Uint8Array {
    this.#checkReadable();
    const { most, wait } = lengthAndOptions(maxLength, options);
    return inTime(this.receiveMessageSync(deadlineOf(wait), most), wait);
  }

  /**
   * Puts the bytes of the next message into a buffer from byte `offset` on; resolves to their number. If there is not room enough, rejects with
   * BufferTooShort, which has the message in `bytes`; the buffer is as it was, and the message is taken.
   */
  recvBytesInto(buffer: Bytes, offset = 0, options?: WaitOptions): Promise<number> {
    try {
      this.#checkReadable();
      const target = slice(buffer, offset, undefined);
      const deadline = deadlineOf(options);
      const received = this.receiveMessage(deadline, options?.signal, Number.POSITIVE_INFINITY);
      return receivedInTime(received, options).then((message) => fill(target, message));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The blocking twin of `recvBytesInto`. */
  recvBytesIntoSync(buffer: Bytes, offset = 0, options?: WaitOptions): number {
    this.#checkReadable();
    const target = slice(buffer, offset, undefined);
    return fill(target, inTime(this.receiveMessageSync(deadlineOf(options), Number.POSITIVE_INFINITY), options));
  }

  /** A number that names this end as long as it is open: of a socket its descriptor; of a pipe none of the system's, above all that are. @throws ClosedError */
  fileno(): number {
    this.#checkOpen();
    return this.number();
  }

  /**
   * This end is used no more here; its promises that wait reject with ClosedError. When nobody else has it, neither a process nor a message under way, the
   * other end learns of it. Idempotent.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.closeTransport();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  [waitable](): Watch {
    this.#checkReadable();
    return this.watchMessage();
  }

  [inspect.custom](): string {
    if (this.#closed) return '<Connection closed>';
    const directions = this.#readable ? (this.#writable ? '' : ' read-only') : ' write-only';
    return `<Connection ${this.describeTransport()}${directions}>`;
  }

  #checkOpen(): void {
    if (this.#closed) throw new ClosedError('This connection was closed');
  }

  #checkReadable(): void {
    if (this.#closed || !this.#readable) this.#refuse('write-only: nothing can be received here');
  }

  #checkWritable(): void {
    if (this.#closed || !this.#writable) this.#refuse('read-only: nothing can be sent here');
  }

  #refuse(reason: string): never {
    this.#checkOpen();
    throw new StateError('ERR_FORKFUL_DIRECTION', `This connection is ${reason}`);
  }
}

/** The encoded value, valid within the call: nothing of it is copied but a large binary root. @throws SerializationError; also for shared objects, which no bytes can carry */
function withEncoded<T>(value: unknown, use: (message: Uint8Array) => T): T {
  const encoder = idleEncoder ?? new Encoder(false);
  idleEncoder = undefined;
  try {
    encoder.encode(value);
    return use(encodedBytes(encoder));
  } finally {
    encoder.release();
    idleEncoder = encoder;
  }
}

function encodedBytes({ bytes, length, body }: Encoder): Uint8Array {
  const head = bytes.subarray(0, length);
  return body === null ? head : Buffer.concat([head, body]);
}

function decoded(message: Now<Uint8Array>): unknown {
  return message === NOTHING ? NOTHING : decodeMessage(message);
}

/** The value of a message, whose memory it may keep. @throws SerializationError when it is none */
export function decodeMessage(message: Uint8Array): unknown {
  return decoder.decode(message, 0, message.length, undefined, true);
}

function bytesOf(buffer: Bytes): Uint8Array {
  if (ArrayBuffer.isView(buffer)) return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  if (buffer instanceof ArrayBuffer || buffer instanceof SharedArrayBuffer) return new Uint8Array(buffer);
  throw typeError('buffer', 'a TypedArray, DataView, ArrayBuffer or SharedArrayBuffer', buffer);
}

function slice(buffer: Bytes, offset: number, size: number | undefined): Uint8Array {
  const bytes = bytesOf(buffer);
  const { length } = bytes;
  integer('offset', offset, 0, length);
  if (size === undefined) return offset === 0 ? bytes : bytes.subarray(offset);
  return bytes.subarray(offset, offset + integer('size', size, 0, length - offset));
}

function fill(target: Uint8Array, message: Uint8Array): number {
  if (message.length > target.length)
    throw new BufferTooShort(`The message has ${message.length} bytes, the buffer has room for ${target.length}`, message);
  target.set(message);
  return message.length;
}

function lengthAndOptions(
  maxLength: number | WaitOptions | undefined,
  options: WaitOptions | undefined,
): { most: number; wait: WaitOptions | undefined } {
  if (maxLength === undefined || maxLength === null) return { most: Number.POSITIVE_INFINITY, wait: options };
  if (typeof maxLength === 'object') return { most: Number.POSITIVE_INFINITY, wait: options ?? maxLength };
  return { most: integer('maxLength', maxLength, 0, Number.MAX_SAFE_INTEGER), wait: options };
}

async function sentInTime(sent: Promise<boolean>, options: WaitOptions | undefined): Promise<void> {
  if (!(await sent)) throw notSent(options);
}

function receivedInTime<T>(received: Now<T> | Promise<Now<T>>, options: WaitOptions | undefined): Promise<T> {
  if (received instanceof Promise) return received.then((message) => inTime(message, options));
  return Promise.resolve(inTime(received, options));
}

function inTime<T>(message: Now<T>, options: WaitOptions | undefined): T {
  if (message === NOTHING) throw notReceived(options);
  return message as T;
}

function notSent(options: WaitOptions | undefined): TimeoutError {
  return new TimeoutError(`The connection had no room for the message within ${options?.timeout} ms`);
}

function notReceived(options: WaitOptions | undefined): TimeoutError {
  return new TimeoutError(`No message came within ${options?.timeout} ms`);
}

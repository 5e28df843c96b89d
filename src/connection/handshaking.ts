/** One connection that a listener has taken in and that is not through the handshake yet. */
import { AuthenticationError } from '../errors.js';
import type { StreamSocket } from '../platform/platform.js';
import { handshake, MOST_BYTES, type Steps } from './auth.js';
import { FrameReader, FrameWriter } from './framing.js';

export class Handshaking {
  readonly stream: StreamSocket;
  /** Of the message that it waits for, on the clock of `performance.now()`. */
  deadline: number;
  readonly #messageMs: number;
  readonly #steps: Steps;
  readonly #reader = new FrameReader();
  #step: IteratorResult<Uint8Array | null, void>;
  #frame: FrameWriter | undefined;

  constructor(stream: StreamSocket, key: Uint8Array, now: number, messageMs: number) {
    this.stream = stream;
    this.deadline = now + messageMs;
    this.#messageMs = messageMs;
    this.#steps = handshake(key, 'listener');
    this.#step = this.#steps.next();
  }

  /** What must be possible before it can go on. */
  get awaits(): 'read' | 'write' {
    return this.#frame === undefined ? 'read' : 'write';
  }

  /** Goes on as far as it can without waiting. True: the peer has the key. @throws AuthenticationError: it has not, or does not keep to the rules, or to the time */
  advance(now: number): boolean {
    try {
      while (this.#step.done !== true) {
        const sent = this.#step.value;
        const received = sent === null ? this.#receive() : this.#send(sent);
        if (received === null) {
          if (now >= this.deadline) throw new AuthenticationError('The peer did not answer in time');
          return false;
        }
        // each has its own time: this thread may have been away when one came, and who sends the next waited for our answer. There are but three
        if (sent === null) this.deadline = now + this.#messageMs;
        this.#step = this.#steps.next(received);
      }
      return true;
    } catch (error) {
      if (error instanceof AuthenticationError) throw error;
      throw new AuthenticationError('The peer broke off the handshake, or does not know it', { cause: error });
    }
  }

  #receive(): Uint8Array | null {
    return this.#reader.take((bytes, start, end) => this.stream.read(bytes, start, end), MOST_BYTES, refuse);
  }

  #send(message: Uint8Array): Uint8Array | null {
    this.#frame ??= new FrameWriter(message).detach();
    if (!this.#frame.push((bytes, start, end) => this.stream.write(bytes, start, end))) return null;
    this.#frame = undefined;
    return NOTHING_RECEIVED;
  }
}

const NOTHING_RECEIVED = Buffer.alloc(0);

function refuse(length: number): never {
  throw new AuthenticationError(`The peer sent a message of ${length} bytes before it was through the handshake`);
}

/** A connection over a socket: whole messages in a stream of bytes, framed as CPython does. */
import type { Deadline } from '../arena/waiting.js';
import { AuthenticationError, BrokenPipeError, ClosedError, SerializationError, SystemError } from '../errors.js';
import type { StreamAddress, StreamSocket } from '../platform/platform.js';
import { closedError, type Handle, onRebuild } from '../memory/handle.js';
import { BLOCK_SOCKET } from '../memory/block.js';
import { handleOf, type Passable } from '../serialize/passable.js';
import type { Watch } from '../util/waitable.js';
import { Connection, making, NOTHING } from './connection.js';
import { FrameReader, FrameWriter } from './framing.js';
import { borrowed, Passes } from './passes.js';
import { descriptorsFor, StreamWaiting, streamSource } from './stream-waiting.js';

/** How long a thread that also waits for something else may not look at a socket. */
const BLIND_MS = 5;

const GONE = 'Cannot send: the other end of the connection is closed';

/** Sockets of connections that nobody closed, and nobody has any more. */
const abandoned = new FinalizationRegistry<StreamSocket>((stream) => stream.close());

/** One end over a socket. */
export class SocketConnection extends Connection implements Passable {
  readonly #stream: StreamSocket;
  readonly #waiting: StreamWaiting;
  readonly #reader = new FrameReader();
  readonly #mostBytes: number;
  /** The other end. */
  readonly peer: StreamAddress;
  /** A message that has come wholly, and that nobody has asked for yet. */
  #held: Uint8Array | undefined;
  /** Why nothing can be sent any more. */
  #sendFailure: string | undefined;
  readonly #passes: Passes;
  #isTrusted = false;

  /** REQUIRES: `stream` is connected; it is the connection's from now on. Messages of more than `mostBytes` are refused. `received`: what it came by. */
  constructor(stream: StreamSocket, mostBytes: number, directions = { readable: true, writable: true }, received?: Handle) {
    super(making, directions);
    this.#passes = new Passes(received);
    this.#stream = stream;
    this.#waiting = new StreamWaiting(streamSource(stream));
    this.#mostBytes = mostBytes;
    this.peer = stream.peer();
    abandoned.register(this, stream, this);
  }

  /** The peer has proved that it knows the key: objects may be exchanged. */
  trust(): void {
    this.#isTrusted = true;
  }

  /** Whoever receives it gets a socket of its own to the same peer. */
  [handleOf](): Handle {
    if (this.closed) throw closedError('connection');
    const isIdle = this.#held === undefined && !this.#reader.isWithin && this.#waiting.isFree('read') && this.#waiting.isFree('write');
    if (!isIdle) {
      throw new SerializationError(
        'Cannot send a connection over a socket on which something is under way here: receive what has come first',
        '',
      );
    }
    return this.#passes.handleFor(this, this.#stream, {
      isTrusted: this.#isTrusted,
      readable: this.readable,
      writable: this.writable,
      mostBytes: this.#mostBytes,
    });
  }

  protected override sendMessage(message: Uint8Array, deadline: Deadline, signal: AbortSignal | undefined): true | Promise<boolean> {
    const frame = new FrameWriter(message);
    if (this.#waiting.isFree('write') && this.#push(frame)) return true;
    frame.detach();
    return this.#waiting
      .wait(
        'write',
        () => this.#push(frame) || NOTHING,
        deadline,
        signal,
        () => this.#giveUp(frame),
      )
      .then(isSomething);
  }

  protected override sendMessageSync(message: Uint8Array, deadline: Deadline): boolean {
    descriptorsFor('To block for a connection');
    const frame = new FrameWriter(message);
    if (this.#waiting.isFree('write') && this.#push(frame)) return true;
    return isSomething(
      this.#waiting.waitSync(
        'write',
        () => this.#push(frame) || NOTHING,
        deadline,
        () => this.#giveUp(frame),
      ),
    );
  }

  protected override receiveMessage(
    deadline: Deadline,
    signal: AbortSignal | undefined,
    maxLength: number,
  ): Uint8Array | typeof NOTHING | Promise<Uint8Array | typeof NOTHING> {
    const attempt = (): Uint8Array | typeof NOTHING => this.#take(maxLength);
    if (this.#waiting.isFree('read')) {
      const message = attempt();
      if (message !== NOTHING) return message;
    }
    return this.#waiting.wait('read', attempt, deadline, signal);
  }

  protected override receiveMessageSync(deadline: Deadline, maxLength: number): Uint8Array | typeof NOTHING {
    descriptorsFor('To block for a connection');
    if (this.#waiting.isFree('read')) {
      const message = this.#take(maxLength);
      if (message !== NOTHING) return message;
    }
    return this.#waiting.waitSync('read', () => this.#take(maxLength), deadline);
  }

  protected override pollMessage(deadline: Deadline, signal: AbortSignal | undefined): boolean | Promise<boolean> {
    if (this.#waiting.isFree('read') && this.#hasMessage()) return true;
    return this.#waiting.wait('read', () => this.#hasMessage() || NOTHING, deadline, signal).then(isSomething);
  }

  protected override pollMessageSync(deadline: Deadline): boolean {
    descriptorsFor('To block for a connection');
    if (this.#waiting.isFree('read') && this.#hasMessage()) return true;
    return isSomething(this.#waiting.waitSync('read', () => this.#hasMessage() || NOTHING, deadline));
  }

  protected override watchMessage(): Watch {
    return {
      // of a closed one the descriptor may be another's by now
      isReady: () => this.closed || (this.#waiting.isFree('read') && this.#hasMessage()),
      subscribe: (onChange) => this.#waiting.subscribe(onChange),
      park: (timeoutMs) => {
        if (!this.closed) this.#waiting.waitSync('read', () => this.#hasMessage() || NOTHING, performance.now() + timeoutMs);
      },
      blindMs: BLIND_MS,
    };
  }

  protected override sendValue(value: unknown, deadline: Deadline, signal: AbortSignal | undefined): true | Promise<boolean> {
    this.#checkTrust('sent');
    return super.sendValue(value, deadline, signal);
  }

  protected override sendValueSync(value: unknown, deadline: Deadline): boolean {
    this.#checkTrust('sent');
    return super.sendValueSync(value, deadline);
  }

  protected override receiveValue(deadline: Deadline, signal: AbortSignal | undefined): unknown {
    this.#checkTrust('received');
    return super.receiveValue(deadline, signal);
  }

  protected override receiveValueSync(deadline: Deadline): unknown {
    this.#checkTrust('received');
    return super.receiveValueSync(deadline);
  }

  protected override number(): number {
    return this.#stream.fd;
  }

  protected override closeTransport(): void {
    abandoned.unregister(this);
    this.#waiting.close(new ClosedError('This connection was closed'));
    this.#stream.close();
    this.#passes.close(this);
    this.#held = undefined;
  }

  protected override describeTransport(): string {
    const { family, host, port } = this.peer;
    if (family === 'unix') return host === '' ? 'unix' : `unix ${JSON.stringify(host)}`;
    return family === 'inet' ? `tcp ${host}:${port}` : `tcp [${host}]:${port}`;
  }

  readonly #read = (bytes: Uint8Array, start: number, end: number): number => {
    const got = this.#readOrEnd(bytes, start, end);
    if (got === 0) this.#sendFailure ??= GONE; // nobody closes one direction only; TCP itself would tell at the second send
    return got;
  };

  #readOrEnd(bytes: Uint8Array, start: number, end: number): number {
    try {
      return this.#stream.read(bytes, start, end);
    } catch (error) {
      // The other end was closed, or has ended, before it had read everything: no more will come.
      if (error instanceof SystemError && error.code === 'ECONNRESET') return 0;
      throw error;
    }
  }

  readonly #write = (bytes: Uint8Array, start: number, end: number): number => {
    try {
      return this.#stream.write(bytes, start, end);
    } catch (error) {
      if (!(error instanceof SystemError) || (error.code !== 'EPIPE' && error.code !== 'ECONNRESET')) throw error;
      throw new BrokenPipeError(GONE, { cause: error });
    }
  };

  readonly #refuse = (length: number, most: number): never => this.refuseLength(length, most);

  #push(frame: FrameWriter): boolean {
    if (this.#sendFailure !== undefined) throw new BrokenPipeError(this.#sendFailure);
    return frame.push(this.#write);
  }

  /** The rest of a message that has begun will not go; what would follow could not be told from it. */
  #giveUp(frame: FrameWriter): void {
    if (frame.hasBegun) this.#sendFailure = 'Cannot send: a message was given up when a part of it had gone, by its timeout or signal';
  }

  #take(maxLength: number): Uint8Array | typeof NOTHING {
    const most = Math.min(maxLength, this.#mostBytes);
    const held = this.#held;
    if (held === undefined) return this.#reader.take(this.#read, most, this.#refuse) ?? NOTHING;
    this.#held = undefined;
    if (held.length > most) this.refuseLength(held.length, most);
    return held;
  }

  /** Whether `#take` would do something else than wait. */
  #hasMessage(): boolean {
    if (this.#held !== undefined) return true;
    try {
      this.#held = this.#reader.take(this.#read, this.#mostBytes, refuseLater) ?? undefined;
      return this.#held !== undefined;
    } catch {
      return true; // the end, or what `#take` will fail with again
    }
  }

  #checkTrust(what: 'sent' | 'received'): void {
    if (this.#isTrusted) return;
    throw new AuthenticationError(
      `Objects can be ${what} only when both ends have proved that they know the same key: give authkey to the Listener and to Client. Bytes need none: sendBytes, recvBytes`,
    );
  }
}

function refuseLater(): never {
  throw new Error('too long');
}

function isSomething(result: unknown): boolean {
  return result !== NOTHING;
}

onRebuild(BLOCK_SOCKET, (handle) => {
  const { stream, terms } = borrowed(handle);
  const connection = new SocketConnection(stream, terms.mostBytes, terms, handle);
  if (terms.isTrusted) connection.trust();
  return connection;
});

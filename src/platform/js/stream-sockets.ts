import { createServer, type Server, Socket } from 'node:net';
import { SystemError } from '../../errors.js';
import type { StreamAddress, StreamHandle, StreamListener, StreamSocket, StreamSockets } from '../platform.js';

/** What one write may put into a socket's buffer, which itself would take anything. */
const MOST_AT_ONCE = 1 << 16;

/** Sockets of `node:net`, read in steps. They have no descriptors that could be waited for. */
export const jsStreamSockets: StreamSockets = {
  descriptors: null,
  listen: (address, backlog) => new JsStreamListener(address, backlog),
  connect: (address) => {
    const socket = new Socket({ allowHalfOpen: true });
    const stream = new JsStreamSocket(socket, address);
    if (address.family === 'unix') socket.connect({ path: address.host });
    // a numeric host; without the delay that another family would be tried after
    else socket.connect({ host: address.host, port: address.port, noDelay: true, autoSelectFamily: false });
    return stream;
  },
};

/** Tells whoever awaits something, in a task of its own for as long as it is there, as a poll would. */
abstract class JsStreamHandle implements StreamHandle {
  readonly fd = -1;
  protected failure: SystemError | undefined;
  #onReady: (() => void) | undefined;
  #readable = false;
  #writable = false;
  #task: NodeJS.Immediate | undefined;

  protected abstract canRead(): boolean;
  protected abstract canWrite(): boolean;
  /** Whether the event loop is to live for it. */
  protected abstract setRef(on: boolean): void;

  await(readable: boolean, writable: boolean, onReady: (() => void) | undefined): void {
    const isAwaited = readable || writable;
    this.#readable = readable;
    this.#writable = writable;
    this.#onReady = isAwaited ? onReady : undefined;
    this.setRef(isAwaited);
    this.changed();
  }

  abstract close(): void;

  protected fail(error: Error): void {
    this.failure ??= systemError(error);
    this.changed();
  }

  /** To be called when what is there may have changed. */
  protected readonly changed = (): void => {
    if (this.#task !== undefined || this.#onReady === undefined || !this.#isReady()) return;
    this.#task = setImmediate(() => {
      this.#task = undefined;
      if (this.#isReady()) this.#onReady?.();
      this.changed();
    });
  };

  #isReady(): boolean {
    return this.failure !== undefined || (this.#readable && this.canRead()) || (this.#writable && this.canWrite());
  }
}

class JsStreamSocket extends JsStreamHandle implements StreamSocket {
  readonly #socket: Socket;
  readonly #peer: StreamAddress | undefined;
  #hasEnded = false;

  constructor(socket: Socket, peer?: StreamAddress) {
    super();
    this.#socket = socket;
    this.#peer = peer;
    socket.on('drain', this.changed).on('connect', this.changed);
    socket.on('readable', () => {
      if (socket.readableLength === 0) socket.read(0); // the end is near: asks for it
      this.changed();
    });
    socket.on('end', () => {
      this.#hasEnded = true;
      this.changed();
    });
    socket.on('error', (error) => this.fail(error));
    socket.unref();
  }

  connected(): boolean {
    if (this.failure !== undefined) throw this.failure;
    return !this.#socket.connecting;
  }

  read(bytes: Uint8Array, start: number, end: number): number {
    const wanted = Math.min(end - start, this.#socket.readableLength);
    const chunk: Buffer | null = wanted > 0 ? this.#socket.read(wanted) : null;
    if (chunk !== null) {
      bytes.set(chunk, start);
      return chunk.length;
    }
    if (this.failure !== undefined) throw this.failure;
    if (this.#hasEnded) return 0;
    this.#socket.read(0); // asks for more
    return -1;
  }

  write(bytes: Uint8Array, start: number, end: number): number {
    if (this.failure !== undefined) throw this.failure;
    if (!this.canWrite()) return -1;
    const count = Math.min(end - start, MOST_AT_ONCE);
    this.#socket.write(Uint8Array.prototype.slice.call(bytes, start, start + count));
    return count;
  }

  peer(): StreamAddress {
    const { remoteAddress, remoteFamily, remotePort } = this.#socket;
    if (this.#peer !== undefined) return this.#peer;
    if (remoteAddress === undefined) return { family: 'unix', host: '', port: 0 };
    return { family: remoteFamily === 'IPv6' ? 'inet6' : 'inet', host: remoteAddress, port: remotePort ?? 0 };
  }

  close(): void {
    this.await(false, false, undefined);
    // what was written goes out first
    this.#socket.destroySoon();
  }

  protected canRead(): boolean {
    return this.#hasEnded || this.#socket.readableLength > 0;
  }

  protected canWrite(): boolean {
    return !this.#socket.connecting && !this.#socket.writableNeedDrain;
  }

  protected setRef(on: boolean): void {
    on ? this.#socket.ref() : this.#socket.unref();
  }
}

class JsStreamListener extends JsStreamHandle implements StreamListener {
  readonly #server: Server;
  readonly #given: StreamAddress;
  readonly #accepted: Socket[] = [];
  readonly #opened: Promise<void>;
  #isClosed = false;

  constructor(address: StreamAddress, backlog: number) {
    super();
    this.#given = address;
    this.#server = createServer({ pauseOnConnect: true, noDelay: address.family !== 'unix', allowHalfOpen: true });
    this.#server.on('connection', (socket) => {
      if (this.#isClosed) socket.destroy();
      else this.#accepted.push(socket);
      this.changed();
    });
    this.#server.on('listening', () => {
      if (this.#isClosed) this.#server.close();
    });
    this.#opened = new Promise((resolve, reject) => {
      this.#server.once('listening', resolve);
      this.#server.on('error', (error) => {
        this.fail(error);
        reject(this.failure);
      });
    });
    this.#opened.catch(() => {}); // whoever accepts is told too
    if (address.family === 'unix') this.#server.listen({ path: address.host, backlog });
    else this.#server.listen({ host: address.host, port: address.port, backlog, exclusive: true });
    this.#server.unref();
  }

  address(): StreamAddress | null {
    const address = this.#server.address();
    if (address === null) return null;
    return typeof address === 'string' ? this.#given : { ...this.#given, host: address.address, port: address.port };
  }

  opened(): Promise<void> {
    return this.#opened;
  }

  hasPending(): boolean {
    return this.canRead() || this.failure !== undefined;
  }

  accept(): StreamSocket | null {
    const socket = this.#accepted.shift();
    if (socket !== undefined) return new JsStreamSocket(socket);
    if (this.failure !== undefined) throw this.failure;
    return null;
  }

  close(): void {
    this.await(false, false, undefined);
    for (const socket of this.#accepted.splice(0)) socket.destroy();
    this.#isClosed = true;
    this.#server.close();
  }

  protected canRead(): boolean {
    return this.#accepted.length > 0;
  }

  protected canWrite(): boolean {
    return false;
  }

  protected setRef(on: boolean): void {
    on ? this.#server.ref() : this.#server.unref();
  }
}

function systemError(error: Error): SystemError {
  const { syscall = 'connect', code = 'EIO', errno = -5 } = error as NodeJS.ErrnoException;
  return new SystemError(syscall, code, errno);
}

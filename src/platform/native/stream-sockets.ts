import { unlinkSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import type { Addon } from '../addon.js';
import type { Descriptors, StreamAddress, StreamHandle, StreamListener, StreamSocket, StreamSockets } from '../platform.js';

const FAMILIES = { unix: 0, inet: 4, inet6: 6 } as const;

/** Descriptors of our own, and libuv's watching of them. */
export class NativeStreamSockets implements StreamSockets {
  readonly descriptors: Descriptors;
  readonly #addon: Addon;

  constructor(addon: Addon) {
    this.#addon = addon;
    this.descriptors = {
      poll: addon.pollDescriptors,
      resolve: (name, family) => addon.resolveHost(name, FAMILIES[family]),
      lend: addon.descriptorLend,
      borrow: addon.descriptorBorrow,
      adopt: (fd) => new NativeStreamSocket(addon, fd),
      release: addon.descriptorRelease,
    };
  }

  listen({ family, host, port }: StreamAddress, backlog: number): StreamListener {
    const fd = this.#addon.streamListen(FAMILIES[family], Buffer.from(host), port, backlog);
    return new NativeStreamListener(this.#addon, fd, family === 'unix' && !host.startsWith('\0') ? host : undefined);
  }

  connect({ family, host, port }: StreamAddress): StreamSocket {
    return new NativeStreamSocket(this.#addon, this.#addon.streamConnect(FAMILIES[family], Buffer.from(host), port));
  }
}

class NativeStreamHandle implements StreamHandle {
  readonly fd: number;
  protected readonly addon: Addon;
  #watch: object | undefined;
  #onReady: (() => void) | undefined;
  protected isClosed = false;

  constructor(addon: Addon, fd: number) {
    this.addon = addon;
    this.fd = fd;
    // a Worker may be ended at any statement, and only what is watched is closed then
    if (!isMainThread) this.await(false, false, undefined);
  }

  await(readable: boolean, writable: boolean, onReady: (() => void) | undefined): void {
    if (this.isClosed) return;
    this.#onReady = readable || writable ? onReady : undefined;
    if (this.#watch === undefined) {
      if (!readable && !writable && isMainThread) return;
      this.#watch = this.addon.watchOpen(this.fd, () => this.#onReady?.());
    }
    // in a forked child it was stopped, and let go of the loop
    this.addon.watchSetRef(this.#watch, true);
    this.addon.watchFor(this.#watch, readable, writable);
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#onReady = undefined;
    if (this.#watch !== undefined) this.addon.watchClose(this.#watch);
    this.addon.closeDescriptor(this.fd);
  }
}

class NativeStreamListener extends NativeStreamHandle implements StreamListener {
  readonly #path: string | undefined;
  readonly #pid: number;

  constructor(addon: Addon, fd: number, path: string | undefined) {
    super(addon, fd);
    this.#path = path;
    this.#pid = addon.pid();
  }

  address(): StreamAddress {
    return addressOf(this.addon.streamAddress(this.fd, false));
  }

  opened(): Promise<void> {
    return Promise.resolve();
  }

  hasPending(): boolean {
    return this.addon.pollDescriptors([this.fd], [], 0).length > 0;
  }

  accept(): StreamSocket | null {
    const fd = this.addon.streamAccept(this.fd);
    return fd < 0 ? null : new NativeStreamSocket(this.addon, fd);
  }

  override close(): void {
    if (this.isClosed) return;
    super.close();
    if (this.#path === undefined || this.#pid !== this.addon.pid()) return;
    try {
      unlinkSync(this.#path);
    } catch {
      // somebody else removed it
    }
  }
}

class NativeStreamSocket extends NativeStreamHandle implements StreamSocket {
  connected(): boolean {
    if (this.addon.pollDescriptors([], [this.fd], 0).length === 0) return false;
    this.addon.streamOutcome(this.fd);
    return true;
  }

  read(bytes: Uint8Array, start: number, end: number): number {
    return this.addon.streamRead(this.fd, bytes, start, end);
  }

  write(bytes: Uint8Array, start: number, end: number): number {
    return this.addon.streamWrite(this.fd, bytes, start, end);
  }

  peer(): StreamAddress {
    try {
      return addressOf(this.addon.streamAddress(this.fd, true));
    } catch {
      return { family: 'unix', host: '', port: 0 }; // it has gone already
    }
  }
}

function addressOf({ family, host, port }: ReturnType<Addon['streamAddress']>): StreamAddress {
  return { family: family === 0 ? 'unix' : family === 4 ? 'inet' : 'inet6', host: Buffer.from(host).toString(), port };
}

/**
 * A fork server, as a process that uses it sees it: children are asked for, and their ends are heard of, over one socket. Messages are read on the
 * event loop, or by whoever blocks until a child has ended; either way each goes to the child that it is about.
 *
 * A child runs only when the message of its start is on its way to us (the server sees to that), so a request that was not answered when the server
 * died has had no effect, and can be made again.
 */
import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { SystemError } from '../../errors.js';
import type { Datagram, Datagrams, DescriptorWatch } from '../../platform/platform.js';
import { platform } from '../../platform/select.js';
import type { ExitCode } from '../start/launcher.js';
import { decodeReply, encodeRequest, type Greeting, type Reply, type Settings } from './protocol.js';
import { ServedChild } from './served-child.js';

/** Between two tries to send what found no room. */
const RETRY_MS = 1;
/** A server that is to tell of something and does not for so long, while somebody blocks for that, is not waited for any more: somebody has stopped it. */
const DUE_MS = 2000;
/** Bytes of settings that one message surely takes: the system's limit is some 200 KiB. */
const MOST_SETTINGS = 64 * 1024;

/** The server has ended, or will not serve; the request had no effect. */
export class ServerGone extends Error {
  override readonly name = 'ServerGone';
  readonly greeting: Greeting | undefined;
  constructor(greeting: Greeting | undefined) {
    super(greeting?.unable ?? 'the fork server has ended');
    this.greeting = greeting;
  }
}

/** To be sent. */
interface Message {
  /** Of a request; the settings have none. */
  readonly id: number | undefined;
  readonly bytes: Uint8Array;
  readonly fds: readonly number[];
}

interface Request {
  readonly onExit: (exitCode: ExitCode) => void;
  readonly resolve: (child: ServedChild) => void;
  readonly reject: (error: Error) => void;
}

export class ForkServerClient {
  readonly #socket: number;
  readonly #datagrams = platform.datagrams as Datagrams;
  readonly #watch: DescriptorWatch;
  readonly #requests = new Map<number, Request>();
  /** A descriptor for each request, closed before an answer is read: so that the child's can be taken, even if the program has used up all others by then. */
  readonly #spares: number[] = [];
  readonly #children = new Map<number, ServedChild>();
  /** What found no room in the socket. */
  readonly #outbox: Message[] = [];
  #flushTimer: NodeJS.Timeout | undefined;
  #lastId = 0;
  #greeting: Greeting | undefined;
  #isOpen = true;
  /** It did not tell what was due, and nothing since. */
  #isStopped = false;
  #onIdle: (() => void) | undefined;
  /** Children that keep the event loop alive. */
  #refs = 0;

  /** Takes over the socket. */
  constructor(socket: number) {
    this.#socket = socket;
    this.#watch = this.#datagrams.watch(socket, () => this.receive(0));
    this.#updateRef();
  }

  /** Whether it can be asked for children. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** What the server said when it was ready; undefined before that. */
  get greeting(): Greeting | undefined {
    return this.#greeting;
  }

  /** Once, before any request. */
  configure(settings: Settings): void {
    let bytes = Buffer.from(JSON.stringify(settings));
    // only modules that the server loads see it; children are told theirs
    if (bytes.length > MOST_SETTINGS) bytes = Buffer.from(JSON.stringify({ ...settings, argv: settings.argv.slice(0, 2) }));
    this.#send({ id: undefined, bytes, fds: [] });
  }

  /** Asks for a child. Rejects with ServerGone when there is none; SystemError what the system says. */
  launch(
    payload: string,
    isDaemon: boolean,
    outputs: readonly [number, number],
    onExit: (exitCode: ExitCode) => void,
  ): Promise<ServedChild> {
    return new Promise((resolve, reject) => {
      if (!this.#isOpen) throw new ServerGone(this.#greeting);
      this.#spares.push(openSync('/dev/null', 'r'));
      const id = ++this.#lastId;
      this.#requests.set(id, { onExit, resolve, reject });
      this.#updateRef();
      this.#send({ id, bytes: encodeRequest(id, isDaemon, payload), fds: outputs });
    });
  }

  /** Reads what has come, and if nothing has, waits for it at most `timeoutMs`. Returns whether anything came. */
  receive(timeoutMs: number): boolean {
    let waitMs = timeoutMs;
    let came = false;
    while (this.#isOpen) {
      const spare = this.#spares.pop();
      if (spare !== undefined) closeSync(spare);
      const message = this.#receiveOne(waitMs);
      if (message === null) {
        this.#keepSpares();
        break;
      }
      came = true;
      this.#isStopped = false;
      if (message.bytes.length === 0) {
        this.#lose();
        break;
      }
      this.#take(decodeReply(message.bytes), message.fds ?? []);
      this.#keepSpares();
      waitMs = 0;
    }
    if (this.#outbox.length > 0) this.#flush();
    return came;
  }

  /** Blocks until `hasCome`, by what is certain to come as soon as the server runs. A server that is stopped is waited for once, and not for long. */
  receiveDue(hasCome: () => boolean): void {
    const deadline = performance.now() + DUE_MS;
    while (this.#isOpen && !this.#isStopped && !hasCome()) {
      const leftMs = deadline - performance.now();
      if (!this.receive(Math.max(0, leftMs)) && leftMs <= 0) this.#isStopped = true;
    }
  }

  /** Counts children that keep the event loop alive. */
  addRef(by: 1 | -1): void {
    this.#refs += by;
    this.#updateRef();
  }

  /** Leaves the server, which ends with its last client. Children are watched without it. */
  close(): void {
    if (this.#isOpen) this.#lose();
  }

  /** As `close`, as soon as no child is left. */
  closeWhenIdle(onClosed: () => void): void {
    this.#onIdle = () => {
      this.close();
      onClosed();
    };
    this.#updateRef();
  }

  /** In a forked child: the socket is the parent's, and everything that was asked of the server. */
  abandon(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#datagrams.close(this.#socket);
    for (const spare of this.#spares.splice(0)) closeSync(spare);
  }

  #receiveOne(timeoutMs: number): Datagram | null {
    try {
      return this.#datagrams.receive(this.#socket, timeoutMs);
    } catch (error) {
      if (isHangUp(error)) return { bytes: new Uint8Array(0), fds: [] };
      throw error;
    }
  }

  #take(reply: Reply, [pidfd]: readonly number[]): void {
    if (reply.kind === 'greeting') {
      this.#greeting = reply.greeting;
      if (reply.greeting.unable !== undefined) this.#lose();
    } else if (reply.kind === 'ended') {
      const child = this.#children.get(reply.id);
      this.#children.delete(reply.id);
      child?.end(reply.status);
      this.#updateRef();
    } else {
      const request = this.#requests.get(reply.id);
      if (reply.kind === 'failed') this.#fail(reply.id, systemError('fork', reply.errno));
      else if (pidfd === undefined) {
        // another thread has got our spare descriptor: a child that cannot be watched must not be
        platform.processes.kill(reply.pid, constants.signals.SIGKILL);
        this.#fail(reply.id, systemError('recvmsg', constants.errno.EMFILE));
      } else if (request !== undefined) {
        const child = new ServedChild(this, reply.pid, pidfd, request.onExit);
        this.#children.set(reply.id, child);
        this.#requests.delete(reply.id);
        request.resolve(child);
        this.#updateRef();
      }
    }
  }

  #send(message: Message): void {
    this.#outbox.push(message);
    if (this.#outbox.length === 1) this.#flush();
  }

  /** As much as there is room for; the rest when the server has answered something, or a little later. */
  #flush(): void {
    clearTimeout(this.#flushTimer);
    for (let next = this.#outbox[0]; next !== undefined && this.#isOpen; next = this.#outbox[0]) {
      try {
        if (!this.#datagrams.send(this.#socket, next.bytes, next.fds)) {
          this.#flushTimer = setTimeout(() => this.#flush(), RETRY_MS);
          return;
        }
      } catch (error) {
        if ((error as SystemError).code === 'ETOOMANYREFS') {
          // descriptors under way are limited too
          this.#flushTimer = setTimeout(() => this.#flush(), RETRY_MS);
          return;
        }
        // it has ended: that, and what it said before, can be read still
        if (isHangUp(error)) return void (this.#outbox.length = 0);
        this.#fail(next.id, error as Error);
      }
      this.#outbox.shift();
    }
  }

  #fail(id: number | undefined, error: Error): void {
    if (id === undefined) {
      this.close(); // it would take a request for the settings
      throw error;
    }
    this.#requests.get(id)?.reject(error);
    this.#requests.delete(id);
    this.#keepSpares();
    this.#updateRef();
  }

  #lose(): void {
    this.#isOpen = false;
    clearTimeout(this.#flushTimer);
    this.#watch.close();
    this.#datagrams.close(this.#socket);
    const gone = new ServerGone(this.#greeting);
    for (const { reject } of this.#requests.values()) reject(gone);
    this.#requests.clear();
    this.#keepSpares();
    for (const child of this.#children.values()) child.loseServer();
    this.#children.clear();
  }

  /** As many as there are requests; fewer when another thread was faster. */
  #keepSpares(): void {
    for (const spare of this.#spares.splice(this.#requests.size)) closeSync(spare);
    try {
      while (this.#spares.length < this.#requests.size) this.#spares.push(openSync('/dev/null', 'r'));
    } catch {
      // tried again after the next message
    }
  }

  #updateRef(): void {
    if (!this.#isOpen) return;
    this.#watch.setRef(this.#refs > 0 || this.#requests.size > 0);
    if (this.#children.size === 0 && this.#requests.size === 0) this.#onIdle?.();
  }
}

function isHangUp(error: unknown): boolean {
  return error instanceof SystemError && ['EPIPE', 'ECONNRESET'].includes(error.code);
}

function systemError(syscall: string, errno: number): SystemError {
  return new SystemError(syscall, getSystemErrorName(-errno), -errno);
}

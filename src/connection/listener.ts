/** The end that others connect to. */
import { inspect } from 'node:util';
import { ClosedError, StateError, TimeoutError } from '../errors.js';
import type { StreamListener } from '../platform/platform.js';
import { platform } from '../platform/select.js';
import { staysHere } from '../serialize/passable.js';
import { atExit } from '../util/at-exit.js';
import { integer } from '../util/validate.js';
import { deadlineOf, type WaitOptions } from '../util/wait-options.js';
import { type Waitable, type Watch, waitable } from '../util/waitable.js';
import {
  type Address,
  arbitraryAddress,
  checkFamily,
  defaultFamily,
  type Family,
  familyOf,
  PrivateFolder,
  publicAddress,
  streamAddress,
} from './address.js';
import type { AuthKey } from './auth.js';
import { type Connection, NOTHING } from './connection.js';
import { Intake, type Outcome } from './intake.js';
import { resolvedNow } from './resolving.js';
import { SocketConnection } from './socket-connection.js';
import { checkSocketOptions, explained, positionalOptions, type SocketOptions } from './socket-options.js';
import { descriptorsFor, StreamWaiting } from './stream-waiting.js';

export interface ListenerOptions extends SocketOptions {
  /** Default: a path in a folder of its own that only this user can enter; of `AF_INET` a free port of localhost. */
  address?: Address | undefined;
  /** How many connections the system keeps waiting to be accepted, 0 to 65,535; default 1. */
  backlog?: number | undefined;
  /** Milliseconds for each of a peer's three messages of the handshake, 1 to 3,600,000; default 60,000. Time in which nobody accepts is not counted. */
  handshakeTimeout?: number | undefined;
}

const OPTIONS = ['address', 'family', 'backlog', 'authkey', 'handshakeTimeout', 'maxMessageBytes'] as const;
const POSITIONS = ['address', 'family', 'backlog', 'authkey'] as const;
const DEFAULT_HANDSHAKE_MS = 60_000;
/** How long a thread that also waits for something else may not look. */
const BLIND_MS = 5;

/** Those of listeners that nobody closed, and nobody has any more. */
const abandoned = new FinalizationRegistry<Resources>((resources) => resources.letGo());

/**
 * Listens at an address of TCP or of Unix sockets, for peers written with this package or with Python's `multiprocessing.connection`. As Python's `Listener`.
 *
 * With `authkey` both ends prove to each other that they know it before `accept` gives out the connection. That is no cipher: who can read the traffic can
 * read the messages. When the process is killed the path stays behind, as any socket's; else it goes with the listener.
 *
 * ```js
 * using listener = new connection.Listener({ address: ['localhost', 6000], authkey: 'secret' });
 * const conn = await listener.accept();
 * ```
 */
export class Listener implements Waitable, Disposable, AsyncDisposable {
  /** The family of the address. */
  readonly family: Family;
  readonly #isTrusting: boolean;
  readonly #mostBytes: number;
  readonly #resources: Resources;
  readonly #intake: Intake;
  readonly #waiting: StreamWaiting;
  #lastAccepted: string | [host: string, port: number] | null = null;

  /**
   * Binds and listens. As in Python the options can be arguments too: address, family, backlog, authkey.
   * @throws TypeError and RangeError for bad arguments, SystemError (EADDRINUSE, EACCES, ENOENT, ...); on the JS backend `opened` and `accept` reject with that one
   */
  constructor(options?: ListenerOptions);
  constructor(address: Address | null | undefined, family?: Family | null, backlog?: number | null, authkey?: AuthKey | null);
  constructor(...args: readonly unknown[]) {
    const given = positionalOptions<ListenerOptions>(args, POSITIONS, OPTIONS);
    const { key, mostBytes } = checkSocketOptions(given);
    const backlog = integer('backlog', given.backlog ?? 1, 0, 65_535);
    const handshakeMs = integer('handshakeTimeout', given.handshakeTimeout ?? DEFAULT_HANDSHAKE_MS, 1, 3_600_000);
    this.#isTrusting = key !== undefined;
    this.#mostBytes = mostBytes;
    this.family = given.address === undefined ? checkFamily(given.family ?? defaultFamily) : familyOf(given.address, given.family);
    this.#resources = open(given.address, this.family, backlog);
    this.#intake = new Intake(this.#resources.stream, key, handshakeMs);
    this.#waiting = new StreamWaiting(this.#intake);
    abandoned.register(this, this.#resources, this);
  }

  get [staysHere](): string {
    return 'a Listener stays with the process that made it. Send its address instead.';
  }

  /** Where it listens, with the port that was chosen: `[host, port]`, or a path. @throws ClosedError; StateError (ERR_FORKFUL_NOT_BOUND) on the JS backend before `opened()` */
  get address(): string | [host: string, port: number] {
    const address = this.#live().address();
    if (address !== null) return publicAddress(address);
    throw new StateError('ERR_FORKFUL_NOT_BOUND', 'The JS backend does not know the address at once: await listener.opened() first');
  }

  /** Where the connection that was accepted last comes from: `[host, port]`, or an empty string for a Unix socket without a name. Null before the first. */
  get lastAccepted(): string | [host: string, port: number] | null {
    return this.#lastAccepted;
  }

  get closed(): boolean {
    return this.#resources.areGone;
  }

  /** Resolves to the listener when its address is known: at once, except on the JS backend. Rejects with SystemError if it could not be had. */
  async opened(): Promise<this> {
    await this.#live().opened();
    return this;
  }

  /**
   * The next peer that has connected and, with `authkey`, has proved that it knows the key. Peers that are slow or silent do not hold up others.
   * @throws AuthenticationError for a peer that does not know the key, takes too long, or sends something else: the listener is none the worse, accept again.
   * ClosedError, TimeoutError, the signal's reason; SystemError (EMFILE: no descriptors are left)
   */
  accept(options?: WaitOptions): Promise<Connection> {
    try {
      this.#live();
      const deadline = deadlineOf(options);
      const first = this.#waiting.isFree('read') ? this.#next() : NOTHING;
      if (first !== NOTHING) return Promise.resolve(first);
      return this.#waiting.wait('read', this.#next, deadline, options?.signal).then((accepted) => inTime(accepted, options));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The blocking twin of `accept`. @throws StateError (ERR_FORKFUL_BACKEND) on the JS backend, which cannot block for sockets */
  acceptSync(options?: WaitOptions): Connection {
    this.#live();
    descriptorsFor('acceptSync');
    return inTime(this.#waiting.waitSync('read', this.#next, deadlineOf(options)), options);
  }

  /** Listens no more, and removes its path; accepted connections stay. Promises that wait reject with ClosedError. Idempotent. */
  close(): void {
    if (this.#resources.areGone) return;
    abandoned.unregister(this);
    this.#resources.letGo();
    this.#waiting.close(closedError());
    this.#intake.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  /** Ready when somebody has connected: with an `authkey`, `accept` may still wait for the handshake. */
  [waitable](): Watch {
    this.#live();
    return {
      isReady: () => this.#resources.areGone || this.#intake.hasOutcome(),
      subscribe: (onChange) => this.#waiting.subscribe(onChange),
      park: (timeoutMs) => {
        if (!this.#resources.areGone) this.#intake.park('read', timeoutMs);
      },
      blindMs: BLIND_MS,
    };
  }

  [inspect.custom](): string {
    if (this.#resources.areGone) return '<Listener closed>';
    const address = this.#resources.stream.address();
    return `<Listener ${address === null ? this.family : inspect(publicAddress(address))}>`;
  }

  readonly #next = (): SocketConnection | typeof NOTHING => {
    const outcome = this.#intake.next();
    if (outcome === NOTHING) return NOTHING;
    const connection = this.#connectionOf(outcome);
    this.#lastAccepted = publicAddress(connection.peer);
    return connection;
  };

  #connectionOf(outcome: Outcome): SocketConnection {
    if ('failure' in outcome) throw outcome.failure;
    const connection = new SocketConnection(outcome.stream, this.#mostBytes);
    if (this.#isTrusting) connection.trust();
    return connection;
  }

  #live(): StreamListener {
    if (this.#resources.areGone) throw closedError();
    return this.#resources.stream;
  }
}

/** What must not outlive the listener. */
class Resources {
  readonly stream: StreamListener;
  readonly #folder: PrivateFolder | undefined;
  readonly #cancel = atExit(() => this.letGo());
  areGone = false;

  constructor(stream: StreamListener, folder: PrivateFolder | undefined) {
    this.stream = stream;
    this.#folder = folder;
  }

  letGo(): void {
    if (this.areGone) return;
    this.areGone = true;
    this.#cancel();
    this.stream.close();
    this.#folder?.remove();
  }
}

function open(given: Address | undefined, family: Family, backlog: number): Resources {
  const folder = given === undefined && family === 'AF_UNIX' ? new PrivateFolder() : undefined;
  const address = given ?? folder?.freshPath() ?? arbitraryAddress(family);
  try {
    return new Resources(platform.streamSockets.listen(resolvedNow(streamAddress(address, family)), backlog), folder);
  } catch (error) {
    folder?.remove();
    throw explained(error, 'listen at', address);
  }
}

function inTime(accepted: SocketConnection | typeof NOTHING, options: WaitOptions | undefined): SocketConnection {
  if (accepted === NOTHING) throw new TimeoutError(`Nobody has connected within ${options?.timeout} ms`);
  return accepted;
}

function closedError(): ClosedError {
  return new ClosedError('This listener was closed');
}

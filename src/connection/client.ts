/** The end that connects. */
import type { Deadline } from '../arena/waiting.js';
import { SystemError, TimeoutError } from '../errors.js';
import type { StreamAddress, StreamSocket } from '../platform/platform.js';
import { platform } from '../platform/select.js';
import { options as checkOptions } from '../util/validate.js';
import { deadlineOf, type WaitOptions } from '../util/wait-options.js';
import { type Address, type Family, familyOf, streamAddress } from './address.js';
import { type AuthKey, converse, converseSync, handshake } from './auth.js';
import { type Connection, NOTHING } from './connection.js';
import { resolved, resolvedSync } from './resolving.js';
import { SocketConnection } from './socket-connection.js';
import { checkSocketOptions, explained, type SocketOptions } from './socket-options.js';
import { descriptorsFor, StreamWaiting, streamSource } from './stream-waiting.js';

/** `timeout` is that of the whole: looking up the name, connecting, and the handshake. */
export interface ClientOptions extends SocketOptions, WaitOptions {}

const OPTIONS = ['family', 'authkey', 'maxMessageBytes', 'timeout', 'signal'] as const;
/** Between two attempts to get into the full queue of a Unix listener, for which the system will not wait. */
const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 20;

/**
 * Connects to the address of a listener, in JavaScript or Python, and goes through the handshake if there is an `authkey`. As Python's `Client`: family
 * and key can be arguments too, and without a `timeout` it waits as long as the listener takes.
 * @throws TypeError, RangeError; SystemError (ECONNREFUSED, ENOENT, ENOTFOUND, ...); AuthenticationError when the keys differ; EOFError when the listener
 * breaks off; TimeoutError, also when the listener wants no key and therefore says nothing; the signal's reason
 */
export function Client(address: Address, options?: ClientOptions | Family | null, authkey?: AuthKey | null): Promise<Connection> {
  try {
    return connect(check(address, options, authkey));
  } catch (error) {
    return Promise.reject(error);
  }
}

/** The blocking twin of `Client`. @throws StateError (ERR_FORKFUL_BACKEND) on the JS backend, which cannot block for sockets */
export function ClientSync(address: Address, options?: ClientOptions | Family | null, authkey?: AuthKey | null): Connection {
  const request = check(address, options, authkey);
  descriptorsFor('ClientSync');
  return connectSync(request);
}

/** A call of the two, checked. */
interface Request {
  readonly address: Address;
  readonly place: StreamAddress;
  readonly key: Uint8Array | undefined;
  readonly mostBytes: number;
  readonly deadline: Deadline;
  readonly signal: AbortSignal | undefined;
}

function check(address: Address, options: ClientOptions | Family | null | undefined, authkey: AuthKey | null | undefined): Request {
  const isObject = typeof options === 'object' && options !== null;
  const given = isObject ? checkOptions('options', options, OPTIONS) : { family: options ?? undefined, authkey: authkey ?? undefined };
  const { timeout, signal } = given as ClientOptions;
  return {
    address,
    place: streamAddress(address, familyOf(address, given.family)),
    ...checkSocketOptions(given),
    deadline: deadlineOf({ timeout, signal }),
    signal,
  };
}

async function connect(request: Request): Promise<Connection> {
  const { key, mostBytes, deadline, signal } = request;
  const connection = new SocketConnection(await connectedStream(request), mostBytes);
  if (key === undefined) return connection;
  try {
    await converse(connection, handshake(key, 'client'), { timeout: deadline - performance.now(), signal });
    connection.trust();
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

function connectSync(request: Request): Connection {
  const { key, mostBytes, deadline } = request;
  const connection = new SocketConnection(connectedStreamSync(request), mostBytes);
  if (key === undefined) return connection;
  try {
    converseSync(connection, handshake(key, 'client'), { timeout: deadline - performance.now() });
    connection.trust();
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

async function connectedStream({ address, place, deadline, signal }: Request): Promise<StreamSocket> {
  try {
    const target = await within(resolved(place), address, deadline, signal);
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      const attempt = begin(target);
      if (attempt !== FULL) {
        const outcome = await attempt.wait(deadline, signal);
        if (outcome !== FULL) return attempt.take(outcome, address);
      }
      await within(new Promise<void>((resolve) => setTimeout(resolve, pauseMs)), address, deadline, signal);
    }
  } catch (error) {
    throw explained(error, 'connect to', address);
  }
}

function connectedStreamSync({ address, place, deadline }: Request): StreamSocket {
  try {
    const target = resolvedSync(place);
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      const attempt = begin(target);
      if (attempt !== FULL) {
        const outcome = attempt.waitSync(deadline);
        if (outcome !== FULL) return attempt.take(outcome, address);
      }
      if (performance.now() >= deadline) throw tooLate(address);
      Atomics.wait(nobodys, 0, 0, pauseMs);
    }
  } catch (error) {
    throw explained(error, 'connect to', address);
  }
}

/** Nobody wakes who waits for this word. */
const nobodys = new Int32Array(new SharedArrayBuffer(4));

/** The queue of a Unix listener is full, and the system does not tell when it no longer is: try again. */
const FULL = Symbol('full');

/** Connected, out of time, or full. */
type Outcome = true | typeof NOTHING | typeof FULL;

/** A socket that connects. */
class Attempt {
  readonly #waiting: StreamWaiting;
  readonly #stream: StreamSocket;

  constructor(stream: StreamSocket) {
    this.#stream = stream;
    this.#waiting = new StreamWaiting(streamSource(stream));
  }

  wait(deadline: Deadline, signal: AbortSignal | undefined): Promise<Outcome> {
    return this.#waiting.wait('write', this.#look, deadline, signal).catch(this.#fail);
  }

  waitSync(deadline: Deadline): Outcome {
    try {
      return this.#waiting.waitSync('write', this.#look, deadline);
    } catch (error) {
      return this.#fail(error);
    }
  }

  take(outcome: true | typeof NOTHING, address: Address): StreamSocket {
    if (outcome === true) return this.#stream;
    this.#stream.close();
    throw tooLate(address);
  }

  readonly #look = (): true | typeof NOTHING => this.#stream.connected() || NOTHING;

  readonly #fail = (error: unknown): typeof FULL => {
    this.#stream.close();
    return orFull(error);
  };
}

function begin(target: StreamAddress): Attempt | typeof FULL {
  try {
    return new Attempt(platform.streamSockets.connect(target));
  } catch (error) {
    return orFull(error);
  }
}

function orFull(error: unknown): typeof FULL {
  if (error instanceof SystemError && error.code === 'EAGAIN') return FULL;
  throw error;
}

/** What the promise resolves to, if that is in time. What is promised goes on all the same. */
function within<T>(promise: Promise<T>, address: Address, deadline: Deadline, signal: AbortSignal | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const onAbort = (): void => settle(() => reject(signal?.reason));
    const leftMs = Math.min(Math.max(Math.ceil(deadline - performance.now()), 0), 0x7fffffff);
    const timer = deadline === Number.POSITIVE_INFINITY ? undefined : setTimeout(() => settle(() => reject(tooLate(address))), leftMs);
    const settle = (result: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      result();
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    promise.then(
      (value) => settle(() => resolve(value)),
      (error) => settle(() => reject(error)),
    );
  });
}

function tooLate(address: Address): TimeoutError {
  return new TimeoutError(`Could not connect to ${JSON.stringify(address)} in time`);
}

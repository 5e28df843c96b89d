/** Waiting for a stream: promises in line, and threads that block. Whoever waits brings an attempt, which is made whenever the stream may be ready. */
import { onForked } from '../arena/agent.js';
import type { Deadline } from '../arena/waiting.js';
import { StateError } from '../errors.js';
import type { Descriptors, StreamHandle } from '../platform/platform.js';
import { backendReason, platform } from '../platform/select.js';
import { NOTHING } from './connection.js';

/** Gives NOTHING when the stream is not ready for it yet; otherwise its result, or a throw, is that of the wait. */
export type Attempt<T> = () => T | typeof NOTHING;

export type Side = 'read' | 'write';

const LONGEST_TIMER_MS = 0x7fffffff;
/** Thirty years: what the system takes for ever. */
const LONGEST_WAIT_MS = 1e12;

interface Waiter {
  readonly attempt: Attempt<unknown>;
  readonly resolve: (result: unknown) => void;
  readonly reject: (reason: unknown) => void;
  /** It will not be attempted any more, though it had not come to a result. */
  readonly onGivenUp: (() => void) | undefined;
  timer: NodeJS.Timeout | undefined;
  readonly signal: AbortSignal | undefined;
  onAbort: (() => void) | undefined;
}

/** What can be waited for. */
export interface Source {
  /** As that of a stream. */
  await(readable: boolean, writable: boolean, onReady: (() => void) | undefined): void;
  /** Blocks the thread until it may be ready, at most `timeoutMs`. @throws StateError (ERR_FORKFUL_BACKEND) where threads cannot block for streams */
  park(side: Side, timeoutMs: number): void;
}

export function streamSource(stream: StreamHandle): Source {
  const fds = [stream.fd];
  return {
    await: (readable, writable, onReady) => stream.await(readable, writable, onReady),
    park: (side, timeoutMs) => {
      descriptorsFor('To block for a socket').poll(side === 'read' ? fds : [], side === 'write' ? fds : [], timeoutMs);
    },
  };
}

/** Those in which somebody waits. */
const waiting = new Set<StreamWaiting>();

/** What waits for one source, first in, first out on each side. */
export class StreamWaiting {
  readonly #source: Source;
  readonly #lines: { readonly [side in Side]: Waiter[] } = { read: [], write: [] };
  readonly #subscribers = new Set<() => void>();

  constructor(source: Source) {
    this.#source = source;
  }

  /** False: a newcomer must queue behind those who wait. */
  isFree(side: Side): boolean {
    return this.#lines[side].length === 0;
  }

  /** NOTHING after the deadline. Rejects with the signal's reason, or what the attempt throws. REQUIRES: an attempt was made already if `isFree`. */
  wait<T>(
    side: Side,
    attempt: Attempt<T>,
    deadline: Deadline,
    signal: AbortSignal | undefined,
    onGivenUp?: () => void,
  ): Promise<T | typeof NOTHING> {
    return new Promise((resolve, reject) => {
      if (deadline <= performance.now()) {
        onGivenUp?.();
        return resolve(NOTHING);
      }
      signal?.throwIfAborted();
      const waiter: Waiter = {
        attempt,
        resolve: resolve as Waiter['resolve'],
        reject,
        onGivenUp,
        timer: undefined,
        signal,
        onAbort: undefined,
      };
      this.#lines[side].push(waiter);
      if (deadline !== Number.POSITIVE_INFINITY) this.#startTimer(side, waiter, deadline);
      if (signal !== undefined) {
        waiter.onAbort = () => {
          this.#drop(side, waiter);
          reject(signal.reason);
        };
        signal.addEventListener('abort', waiter.onAbort, { once: true });
      }
      this.#await();
    });
  }

  /** The same, and the thread is blocked. Those in line come first. @throws StateError (ERR_FORKFUL_BACKEND), from `park` */
  waitSync<T>(side: Side, attempt: Attempt<T>, deadline: Deadline, onGivenUp?: () => void): T | typeof NOTHING {
    for (;;) {
      this.#serve(side);
      if (this.isFree(side)) {
        const result = attempt();
        if (result !== NOTHING) return result;
      }
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) {
        onGivenUp?.();
        this.#serve(side);
        return NOTHING;
      }
      this.#source.park(side, Math.min(leftMs, LONGEST_WAIT_MS));
    }
  }

  /** Calls back whenever there may be something to read, until what it returns is called. */
  subscribe(onChange: () => void): () => void {
    const subscriber = (): void => onChange();
    this.#subscribers.add(subscriber);
    this.#await();
    return () => {
      this.#subscribers.delete(subscriber);
      this.#await();
    };
  }

  /** Rejects all that wait; subscribers are told. */
  close(reason: unknown): void {
    for (const side of ['read', 'write'] as const) {
      for (const waiter of this.#lines[side].splice(0)) {
        disconnect(waiter);
        waiter.reject(reason);
      }
    }
    for (const tell of [...this.#subscribers]) tell();
    this.#await();
  }

  /** In a forked child: those who wait do so in the parent. */
  forget(): void {
    for (const line of Object.values(this.#lines)) for (const waiter of line.splice(0)) disconnect(waiter);
    this.#subscribers.clear();
    this.#await();
  }

  #await(): void {
    const isReading = this.#lines.read.length > 0 || this.#subscribers.size > 0;
    const isWriting = this.#lines.write.length > 0;
    if (isReading || isWriting) waiting.add(this);
    else if (!waiting.delete(this)) return; // it rests already
    this.#source.await(isReading, isWriting, this.#onReady);
  }

  readonly #onReady = (): void => {
    this.#serve('read');
    this.#serve('write');
    for (const tell of [...this.#subscribers]) tell();
    this.#await();
  };

  /** Makes the attempts of those in line, until one finds the stream not ready. */
  #serve(side: Side): void {
    const line = this.#lines[side];
    for (let waiter = line[0]; waiter !== undefined; waiter = line[0]) {
      let result: unknown;
      try {
        result = waiter.attempt();
      } catch (error) {
        this.#settle(side, waiter);
        waiter.reject(error);
        continue;
      }
      if (result === NOTHING) return;
      this.#settle(side, waiter);
      waiter.resolve(result);
    }
  }

  /** It has come to a result. An attempt may have closed the stream, and with it ended the line. */
  #settle(side: Side, waiter: Waiter): void {
    const line = this.#lines[side];
    if (line[0] === waiter) line.shift();
    disconnect(waiter);
  }

  #drop(side: Side, waiter: Waiter): void {
    const line = this.#lines[side];
    line.splice(line.indexOf(waiter), 1);
    disconnect(waiter);
    waiter.onGivenUp?.();
    this.#serve(side); // that may have settled what becomes of those behind
    this.#await();
  }

  #startTimer(side: Side, waiter: Waiter, deadline: Deadline): void {
    // rounded up, since a timer that fires early would end the wait before its time; and cut to what a timer can
    const leftMs = Math.min(Math.ceil(deadline - performance.now()), LONGEST_TIMER_MS);
    waiter.timer = setTimeout(() => {
      if (performance.now() < deadline) return this.#startTimer(side, waiter, deadline);
      this.#serve(side); // the event loop may not have come to it
      if (!this.#lines[side].includes(waiter)) return this.#await();
      this.#drop(side, waiter);
      waiter.resolve(NOTHING);
    }, leftMs);
  }
}

/** What blocking takes. @throws StateError (ERR_FORKFUL_BACKEND) */
export function descriptorsFor(purpose: string): Descriptors {
  const { descriptors } = platform.streamSockets;
  if (descriptors !== null) return descriptors;
  throw new StateError(
    'ERR_FORKFUL_BACKEND',
    `${purpose} takes the native backend, which is not in use: ${backendReason}. Use the promise form`,
  );
}

/** Neither its timer nor its signal will come back to it. */
function disconnect(waiter: Waiter): void {
  clearTimeout(waiter.timer);
  if (waiter.onAbort !== undefined) waiter.signal?.removeEventListener('abort', waiter.onAbort);
}

onForked(() => {
  for (const one of waiting) one.forget();
});

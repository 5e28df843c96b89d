/** The public queue: values, limits, waiting, fairness and closing over the ring. As Python's `multiprocessing.Queue`, without its feeder thread. */
import { inspect } from 'node:util';
import { type Agent, currentAgent, isDead } from '../arena/agent.js';
import { NOT_ACQUIRED, SPIN } from '../arena/mutex.js';
import { currentWaiting, type Waiting } from '../arena/waiting.js';
import { load as loadWord } from '../arena/words.js';
import { ClosedError, Empty, Full } from '../errors.js';
import { BLOCK_QUEUE, onDestroy, payloadWord } from '../memory/block.js';
import { bindShared, closedError, createShared, Existing, type Handle, onRebuild, unbindShared } from '../memory/handle.js';
import { platform } from '../platform/select.js';
import { handleOf, type Passable } from '../serialize/passable.js';
import { options as checkOptions, integer } from '../util/validate.js';
import { deadlineOf, type WaitOptions } from '../util/wait-options.js';
import { discardFrame, Incoming, isInt, Outgoing } from './message.js';
import {
  destroyRing,
  initRing,
  PUT_DONE,
  Ring,
  RING_CLOSED,
  RING_ITEMS,
  RING_PUT_COUNT,
  RING_SPACE,
  RING_WORDS,
  TAG_INT,
  UNBOUNDED,
} from './ring.js';

export interface QueueOptions {
  /** Most items at a time, 1 to 2^31-2; 0 and less: no limit (default). */
  maxsize?: number;
  /** Most bytes of waiting messages, about; 64 KiB to 2 GiB, default 1 GiB. */
  maxBytes?: number;
}

/** Behind the event count of items: the agent that last went to sleep in `get` and still waits there, 0 for none. */
const GETTER_WORD = RING_ITEMS + 2;
const DEFAULT_MAX_BYTES = 2 ** 30;
const MIN_MAX_BYTES = 2 ** 16;
/** How long an agent leaves an item that it put, and for which it woke another one, to that one: ample for a wake-up on a busy machine. */
const GRACE_MS = 100;
const DONE: Promise<void> = Promise.resolve();
/** What a take answers when there is nothing to take: no value can be it. */
const NOTHING = Symbol('nothing');

/** Messages under work: usually the same two objects again and again; more when user code called by the codec uses a queue itself. */
let idleOutgoing: Outgoing | undefined;
let idleIncoming: Incoming | undefined;

/**
 * A first-in, first-out queue between any number of processes and threads: no broker, no feeder thread; a message is encoded inside `put`.
 *
 * - Values: what `structuredClone` preserves, plus Buffers, shared objects and registered classes, nested in any way.
 * - Killed at any instant of `put` or `get`, a process neither wedges nor corrupts it; what may be lost is the one item in its hands.
 * - Several getters: whoever comes first is served first, roughly; the promises of one thread exactly. A process that puts an item while another one
 *   waits in `get` does not receive it by a later `get` of its own.
 *
 * ```js
 * const queue = new Queue();
 * await queue.put({ id: 1 });
 * for await (const job of queue) { ... } // ends when the queue is closed and drained
 * ```
 */
export class Queue<T = unknown> implements Passable, AsyncIterable<T> {
  #ring: Ring | undefined;
  readonly #handle: Handle;
  readonly #at: number;
  readonly #agent: Agent;
  readonly #words: Int32Array;
  readonly #waiting: Waiting;
  /** Pauses to spin for an item before sleeping: doubled when it helped, halved when it did not. */
  #spin = SPIN;
  /** The item (by its count) that we put and left to another agent, until when, and how many times that happened. */
  #reserved = 0;
  #reservedUntil = 0;
  #reservations = 0;

  /** `maxsize`, or options. @throws TypeError, RangeError naming the argument; OutOfMemoryError */
  constructor(options?: number | QueueOptions) {
    const agent = currentAgent();
    this.#agent = agent;
    this.#words = agent.region.words;
    this.#waiting = currentWaiting();
    if (options instanceof Existing) {
      this.#handle = options.handle;
      this.#at = payloadWord(this.#handle.offset);
    } else {
      const { maxsize = 0, maxBytes = DEFAULT_MAX_BYTES } =
        typeof options === 'number' ? { maxsize: options } : checkOptions('options', options, ['maxsize', 'maxBytes']);
      const maxItems = Math.max(0, integer('maxsize', maxsize, -(2 ** 31), UNBOUNDED - 1)) || UNBOUNDED;
      integer('maxBytes', maxBytes, MIN_MAX_BYTES, 2 ** 31);
      this.#handle = createShared(BLOCK_QUEUE, RING_WORDS * 4);
      this.#at = payloadWord(this.#handle.offset);
      bindShared(this, this.#handle);
      try {
        initRing(agent, this.#at, maxItems, maxBytes);
      } catch (error) {
        unbindShared(this, this.#handle);
        throw error;
      }
    }
    this.#ring = new Ring(agent, this.#at);
  }

  /** Most items at a time, 0 for no limit. */
  get maxsize(): number {
    const { maxItems } = this.#live();
    return maxItems === UNBOUNDED ? 0 : maxItems;
  }

  /**
   * Puts a value; resolves when it is in the queue: at once, unless the queue is full. Encoded before it returns: later changes of the value do not matter.
   * Rejects with Full after `timeout` ms, with the signal's reason, with SerializationError naming the path, with ClosedError; the value is not in the queue then.
   */
  put(value: T, options?: WaitOptions): Promise<void> {
    try {
      const ring = this.#live();
      const deadline = deadlineOf(options);
      const mayGoFirst = !this.#waiting.hasAsyncWaiters(this.#at + RING_SPACE);
      if (mayGoFirst && isInt(value) && ring.putLock.acquireBriefly() !== NOT_ACQUIRED && this.#putLocked(ring, TAG_INT, value, null))
        return DONE;
      const message = load(value);
      if (mayGoFirst && this.#tryPut(ring, message)) {
        recycle(message);
        return DONE;
      }
      return this.#putLater(ring, message.detach(), deadline, options?.signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The blocking twin of `put`. @throws Full, SerializationError, ClosedError, RangeError */
  putSync(value: T, options?: WaitOptions): void {
    const ring = this.#live();
    const deadline = deadlineOf(options);
    if (isInt(value) && ring.putLock.acquireSync(deadline) !== NOT_ACQUIRED && this.#putLocked(ring, TAG_INT, value, null)) return;
    const message = load(value);
    try {
      if (!this.#putBefore(ring, message, deadline)) this.#putSlowly(ring, message, deadline, options);
    } finally {
      recycle(message);
    }
  }

  /** Puts a value without waiting. @throws Full when there is no room */
  putNowait(value: T): void {
    if (!this.tryPut(value)) throw new Full('The queue is full');
  }

  /** Puts a value if there is room now; false: there is none. `rootName`, for forkful's own use: what a SerializationError calls the value. */
  tryPut(value: T, rootName?: string): boolean {
    const ring = this.#live();
    const message = load(value, rootName);
    try {
      if (this.#tryPut(ring, message)) return true;
      message.cancel();
      return false;
    } finally {
      recycle(message);
    }
  }

  /** Takes the next value; waits while the queue is empty. Rejects with Empty after `timeout` ms, the signal's reason, ClosedError when closed and drained. */
  get(options?: WaitOptions): Promise<T> {
    try {
      const ring = this.#live();
      const deadline = deadlineOf(options);
      if (!this.#waiting.hasAsyncWaiters(this.#at + RING_ITEMS)) {
        const taken = this.#take(ring, this.#reservations, undefined);
        if (taken !== NOTHING) return Promise.resolve(decoded(taken) as T);
      }
      return this.#getLater(ring, deadline, options?.signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The blocking twin of `get`. @throws Empty, ClosedError */
  getSync(options?: WaitOptions): T {
    const ring = this.#live();
    const deadline = deadlineOf(options);
    let taken = this.#take(ring, this.#reservations, deadline);
    if (taken === NOTHING) taken = this.#getSlowly(ring, deadline);
    if (taken === NOTHING) throw new Empty(`The queue had no item within ${options?.timeout} ms`);
    return decoded(taken) as T;
  }

  /** Takes the next value without waiting. @throws Empty when there is none, ClosedError */
  getNowait(): T {
    const taken = this.#takeOrThrow(this.#live(), this.#reservations, undefined);
    if (taken === NOTHING) throw new Empty('The queue is empty');
    return decoded(taken) as T;
  }

  /** The next value, or undefined when there is none now (or the value put was undefined: then use `getNowait`). @throws ClosedError */
  tryGet(): T | undefined {
    const taken = this.#takeOrThrow(this.#live(), this.#reservations, undefined);
    return taken === NOTHING ? undefined : (decoded(taken) as T);
  }

  /** How many items wait: exact at some moment during the call. */
  qsize(): number {
    return this.#live().size();
  }

  empty(): boolean {
    return this.#live().size() === 0;
  }

  /** Whether `maxsize` items wait. A queue without that limit is never full, though `put` may wait for `maxBytes`. */
  full(): boolean {
    const ring = this.#live();
    return ring.size() >= ring.maxItems;
  }

  /** No more puts, by anybody: they throw ClosedError. What is inside can still be got; then `get` throws ClosedError and iterations end. Idempotent. */
  close(): void {
    const ring = this.#ring;
    if (ring === undefined) return;
    // under the put lock, so that nobody who saw the queue open puts an item after a getter saw it closed and empty; a holder that is stopped must not stop us
    const locked = ring.putLock.acquireSync(performance.now() + 1000) !== NOT_ACQUIRED;
    Atomics.store(this.#words, this.#at + RING_CLOSED, 1);
    if (locked) ring.putLock.release();
    this.#waiting.notifyAll(this.#at + RING_ITEMS);
    this.#waiting.notifyAll(this.#at + RING_SPACE);
  }

  /** Nothing to wait for: there is no feeder thread. Here for Python's sake. */
  joinThread(): void {}

  /** As `joinThread`. */
  cancelJoinThread(): void {}

  /** Values until the queue is closed and drained. Several iterations, in any processes, share the values. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      let value: T;
      try {
        value = await this.get();
      } catch (error) {
        if (error instanceof ClosedError) return;
        throw error;
      }
      yield value;
    }
  }

  /** Lets go of the queue's memory; freed with all it contains when all holders have. Does not close it for others. Idempotent. */
  [Symbol.dispose](): void {
    if (this.#ring === undefined) return;
    this.#ring = undefined;
    unbindShared(this, this.#handle);
  }

  [handleOf](): Handle {
    this.#live();
    return this.#handle;
  }

  [inspect.custom](): string {
    const ring = this.#ring;
    if (ring === undefined) return '<Queue disposed>';
    return `<Queue ${ring.size()} items${ring.maxItems === UNBOUNDED ? '' : ` of ${ring.maxItems}`}${ring.isClosed() ? ' closed' : ''}>`;
  }

  #live(): Ring {
    const ring = this.#ring;
    if (ring === undefined) throw closedError('queue');
    return ring;
  }

  // ---- putting ---------------------------------------------------------------------------------------------------------------

  #putBefore(ring: Ring, message: Outgoing, deadline: number): boolean {
    return ring.putLock.acquireSync(deadline) !== NOT_ACQUIRED && this.#putMessage(ring, message);
  }

  #tryPut(ring: Ring, message: Outgoing): boolean {
    return ring.putLock.acquireBriefly() !== NOT_ACQUIRED && this.#putMessage(ring, message);
  }

  #putMessage(ring: Ring, message: Outgoing): boolean {
    try {
      return this.#putLocked(ring, message.tag, message.value, message);
    } catch (error) {
      message.cancel();
      throw error;
    }
  }

  /** REQUIRES: the put lock; releases it. */
  #putLocked(ring: Ring, tag: number, value: number, message: Outgoing | null): boolean {
    let done = false;
    try {
      if (ring.isClosed()) throw new ClosedError('Cannot put: the queue is closed');
      done = ring.put(tag, value, message === null ? 0 : message.payloadBytes, message === null ? null : message.write) === PUT_DONE;
    } finally {
      ring.putLock.release();
    }
    if (done) this.#announce();
    return done;
  }

  /** Tells a getter, and remembers whether the item is meant for another agent. */
  #announce(): void {
    const words = this.#words;
    // behind the release of the put lock: an Atomics operation stands between our commit and these loads, so a getter that saw no item is seen here
    const getter = loadWord(words, this.#at + GETTER_WORD);
    if (getter === 0 && loadWord(words, this.#at + RING_ITEMS) === 0) return;
    const woken = this.#waiting.notifyOne(this.#at + RING_ITEMS);
    if (!woken && (getter === 0 || getter === this.#agent.id || isDead(words, getter))) return;
    this.#reserved = (Atomics.load(words, this.#at + RING_PUT_COUNT) - 1) | 0;
    this.#reservedUntil = performance.now() + GRACE_MS;
    this.#reservations++;
  }

  #putSlowly(ring: Ring, message: Outgoing, deadline: number, options: WaitOptions | undefined): void {
    if (this.#waiting.waitSync(this.#at + RING_SPACE, () => this.#putBefore(ring, message, deadline), deadline)) return;
    message.cancel();
    throw new Full(`The queue had no room within ${options?.timeout} ms`);
  }

  async #putLater(ring: Ring, message: Outgoing, deadline: number, signal: AbortSignal | undefined): Promise<void> {
    let done: boolean;
    try {
      done = await this.#waiting.waitAsync(this.#at + RING_SPACE, () => this.#tryPut(ring, message), { deadline, signal });
    } catch (error) {
      message.cancel();
      throw error;
    }
    if (done) return;
    message.cancel();
    throw new Full('The queue had no room in time');
  }

  // ---- getting ---------------------------------------------------------------------------------------------------------------

  /**
   * Takes the next message out of the ring: an inline value itself, else a message to decode; NOTHING when there is none.
   * `since`: our reservations when the get began. `deadline` undefined: for a promise form, which must not block.
   */
  #take(ring: Ring, since: number, deadline: number | undefined): unknown {
    if (!ring.mayHaveItem()) return NOTHING;
    const lock = ring.getLock;
    if ((deadline === undefined ? lock.acquireBriefly() : lock.acquireSync(deadline)) === NOT_ACQUIRED) return NOTHING;
    let taken: unknown;
    let mayWake = false;
    try {
      if (!ring.peek() || (this.#reservedUntil !== 0 && this.#isReserved(ring, since))) return NOTHING;
      const { frame } = ring;
      if (frame.tag === TAG_INT) taken = frame.value;
      else {
        const message = idleIncoming ?? new Incoming();
        idleIncoming = undefined;
        message.take(frame);
        taken = message;
      }
      ring.commitGet();
      mayWake = true;
    } finally {
      lock.release();
    }
    // behind the release: an Atomics operation stands between our commit and this load, so a producer that saw no room is seen here
    if (mayWake && loadWord(this.#words, this.#at + RING_SPACE) !== 0 && ring.hasMuchRoom()) this.#waiting.notifyOne(this.#at + RING_SPACE);
    return taken;
  }

  /** Whether the next item is one of ours that is meant for another agent, and the get began after that put. */
  #isReserved(ring: Ring, since: number): boolean {
    const ahead = (this.#reserved - ring.got()) | 0;
    if (ahead < 0 || performance.now() > this.#reservedUntil) {
      this.#reservedUntil = 0;
      return false;
    }
    return ahead === 0 && since === this.#reservations;
  }

  #takeOrThrow(ring: Ring, since: number, deadline: number | undefined): unknown {
    const taken = this.#take(ring, since, deadline);
    if (taken === NOTHING && ring.isClosed() && !ring.mayHaveItem()) throw new ClosedError('Cannot get: the queue is closed and drained');
    return taken;
  }

  #getSlowly(ring: Ring, deadline: number): unknown {
    const since = this.#reservations;
    let taken: unknown = NOTHING;
    const attempt = (): boolean => {
      taken = this.#takeOrThrow(ring, since, deadline);
      return taken !== NOTHING;
    };
    if (this.#spinForItem(attempt, deadline, 1)) return taken;
    // only now: writing it at every short wait would take the cache line from the producer each time
    Atomics.store(this.#words, this.#at + GETTER_WORD, this.#agent.id);
    try {
      if (this.#spinForItem(attempt, deadline, 3)) return taken;
      const slice = this.#reservedUntil === 0 ? undefined : GRACE_MS / 4;
      this.#waiting.waitSync(this.#at + RING_ITEMS, attempt, deadline, slice);
    } finally {
      this.#noLongerWaits();
    }
    return taken;
  }

  #spinForItem(attempt: () => boolean, deadline: number, rounds: number): boolean {
    if (SPIN === 0 || deadline <= performance.now()) return attempt();
    const words = this.#words;
    for (let round = 0; round < rounds; round++) {
      const seen = Atomics.load(words, this.#at + RING_PUT_COUNT);
      if (attempt()) return true;
      if (platform.parking.spin(this.#at + RING_PUT_COUNT, seen, this.#spin)) {
        this.#spin = Math.min(this.#spin * 2, SPIN * 4);
        if (attempt()) return true;
      } else this.#spin = Math.max(this.#spin >> 1, SPIN >> 3);
    }
    return false;
  }

  async #getLater(ring: Ring, deadline: number, signal: AbortSignal | undefined): Promise<T> {
    const since = this.#reservations;
    let taken: unknown = NOTHING;
    const attempt = (): boolean => {
      taken = this.#takeOrThrow(ring, since, undefined);
      return taken !== NOTHING;
    };
    Atomics.store(this.#words, this.#at + GETTER_WORD, this.#agent.id);
    try {
      const options = { deadline, signal, ...(this.#reservedUntil === 0 ? undefined : { sliceMs: GRACE_MS / 4 }) };
      await this.#waiting.waitAsync(this.#at + RING_ITEMS, attempt, options);
    } finally {
      if (!this.#waiting.hasAsyncWaiters(this.#at + RING_ITEMS)) this.#noLongerWaits();
    }
    if (taken === NOTHING) throw new Empty('The queue had no item in time');
    return decoded(taken) as T;
  }

  #noLongerWaits(): void {
    Atomics.compareExchange(this.#words, this.#at + GETTER_WORD, this.#agent.id, 0);
  }
}

function load(value: unknown, rootName?: string): Outgoing {
  const message = idleOutgoing ?? new Outgoing();
  idleOutgoing = undefined;
  return message.load(value, rootName);
}

function recycle(message: Outgoing): void {
  message.release();
  idleOutgoing = message;
}

function decoded(taken: unknown): unknown {
  if (!(taken instanceof Incoming)) return taken;
  try {
    return taken.toValue();
  } finally {
    idleIncoming = taken;
  }
}

onDestroy(BLOCK_QUEUE, (payload) => destroyRing(currentAgent(), payload, discardFrame));
onRebuild(BLOCK_QUEUE, (handle) => new Queue(new Existing(handle) as QueueOptions));

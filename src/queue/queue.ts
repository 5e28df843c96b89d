/** The public queue: values, limits, waiting, fairness and closing over the ring. As Python's `multiprocessing.Queue`, without its feeder thread. */
import { inspect } from 'node:util';
import { type Agent, currentAgent, isDead } from '../arena/agent.js';
import { MUTEX_EVENTS } from '../arena/layout.js';
import { type Mutex, NOT_ACQUIRED, SPIN } from '../arena/mutex.js';
import { currentWaiting, type Waiting } from '../arena/waiting.js';
import { load as loadWord } from '../arena/words.js';
import { ClosedError, Empty, Full } from '../errors.js';
import { BLOCK_QUEUE, onDestroy, payloadWord } from '../memory/block.js';
import {
  bindShared,
  closedError,
  createShared,
  Existing,
  type Handle,
  onRebuild,
  unbindShared,
  holdBlock,
  releaseHold,
} from '../memory/handle.js';
import { platform } from '../platform/select.js';
import { handleOf, type Passable } from '../serialize/passable.js';
import { options as checkOptions, integer } from '../util/validate.js';
import { deadlineOf, type WaitOptions } from '../util/wait-options.js';
import { GRACE_MS, Reservation } from './reservation.js';
import { discardFrame, Incoming, isInt, Outgoing } from './message.js';
import {
  destroyRing,
  initRing,
  PUT_DONE,
  Ring,
  RING_CLOSED,
  RING_ITEMS,
  RING_GET_LOCK,
  RING_PUT_COUNT,
  RING_PUT_LOCK,
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
/** Forms that do not wait give the holder of a side's lock this long: it holds it for microseconds unless it is stopped or preempted. */
const NOWAIT_MS = 20;
/** A producer is woken when there is much room; for one message's room it looks by itself this often. */
const ROOM_SLICE_MS = 50;
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
  readonly #reservation = new Reservation();
  /** Sides whose lock was busy when one of our promises looked: it looks again when the lock is free. */
  readonly #busy = new Set<number>();

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
      if (this.#putBefore(ring, message, performance.now() + NOWAIT_MS)) return true;
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
        const taken = this.#take(ring, this.#reservation.times, undefined);
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
    let taken = this.#take(ring, this.#reservation.times, deadline);
    if (taken === NOTHING) taken = this.#getSlowly(ring, deadline);
    if (taken === NOTHING) throw new Empty(`The queue had no item within ${options?.timeout} ms`);
    return decoded(taken) as T;
  }

  /** Takes the next value without waiting. @throws Empty when there is none, ClosedError */
  getNowait(): T {
    const taken = this.#takeOrThrow(this.#live(), this.#reservation.times, performance.now() + NOWAIT_MS);
    if (taken === NOTHING) throw new Empty('The queue is empty');
    return decoded(taken) as T;
  }

  /** The next value, or undefined when there is none now (or the value put was undefined: then use `getNowait`). @throws ClosedError */
  tryGet(): T | undefined {
    const taken = this.#takeOrThrow(this.#live(), this.#reservation.times, performance.now() + NOWAIT_MS);
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

  /** Lets go of the queue's memory; freed with all it contains when all holders have. Does not close it for others; this thread's promises that still wait reject with ClosedError. Idempotent. */
  [Symbol.dispose](): void {
    const ring = this.#ring;
    if (ring === undefined) return;
    this.#ring = undefined;
    const sides = [RING_ITEMS, RING_SPACE, RING_PUT_LOCK + MUTEX_EVENTS, RING_GET_LOCK + MUTEX_EVENTS];
    for (const events of sides) this.#waiting.reject(this.#at + events, closedError('queue'));
    ring.putLock.close();
    ring.getLock.close();
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

  /** For promises. */
  #tryPut(ring: Ring, message: Outgoing): boolean {
    if (ring.putLock.acquireBriefly() !== NOT_ACQUIRED) return this.#putMessage(ring, message);
    this.#lookAgainWhenFree(ring.putLock, RING_SPACE);
    return false;
  }

  /** Somebody holds a side's lock for longer than the event loop should wait. */
  #lookAgainWhenFree(lock: Mutex, events: number): void {
    if (this.#busy.has(events)) return;
    this.#busy.add(events);
    const { offset } = this.#handle;
    holdBlock(offset);
    void lock
      .acquire(Number.POSITIVE_INFINITY)
      .then(
        () => lock.release(),
        () => {}, // disposed of meanwhile
      )
      .then(() => {
        this.#busy.delete(events);
        this.#waiting.lookAgain(this.#at + events);
        releaseHold(offset);
      });
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
      const bytes = message === null ? 0 : message.payloadBytes;
      done = ring.put(tag, value, bytes, bytes === 0 ? null : (message as Outgoing).write) === PUT_DONE;
    } finally {
      ring.putLock.release();
    }
    if (done) this.#announce(ring.lastPut);
    return done;
  }

  /** Tells a getter, and remembers whether the item is meant for another agent. */
  #announce(count: number): void {
    const words = this.#words;
    // behind the release of the put lock: an Atomics operation stands between our commit and these loads, so a getter that saw no item is seen here
    const getter = loadWord(words, this.#at + GETTER_WORD);
    if (getter === 0 && loadWord(words, this.#at + RING_ITEMS) === 0) return;
    const woken = this.#waiting.notifyOne(this.#at + RING_ITEMS);
    if (!woken && (getter === 0 || getter === this.#agent.id || isDead(words, getter))) return;
    this.#reservation.add(count);
  }

  #putSlowly(ring: Ring, message: Outgoing, deadline: number, options: WaitOptions | undefined): void {
    const events = this.#at + RING_SPACE;
    if (this.#waiting.waitSync(events, () => this.#putBefore(ring, message, deadline), deadline, ROOM_SLICE_MS)) {
      this.#waiting.notifyOne(events); // there may be room for another one who waits
      return;
    }
    message.cancel();
    throw new Full(`The queue had no room within ${options?.timeout} ms`);
  }

  async #putLater(ring: Ring, message: Outgoing, deadline: number, signal: AbortSignal | undefined): Promise<void> {
    const events = this.#at + RING_SPACE;
    holdBlock(this.#handle.offset);
    let done = false;
    try {
      done = await this.#waiting.waitAsync(events, () => this.#tryPut(ring, message), { deadline, signal, sliceMs: ROOM_SLICE_MS });
      if (!done) throw new Full('The queue had no room in time');
      this.#waiting.notifyOne(events); // there may be room for another one who waits
    } finally {
      if (!done) message.cancel();
      releaseHold(this.#handle.offset);
    }
  }

  // ---- getting ---------------------------------------------------------------------------------------------------------------

  /**
   * Takes the next message out of the ring: an inline value itself, else a message to decode; NOTHING when there is none.
   * `since`: our reservations when the get began. `deadline` undefined: for a promise form, which must not block.
   */
  #take(ring: Ring, since: number, deadline: number | undefined): unknown {
    if (!ring.mayHaveItem()) return NOTHING;
    const lock = ring.getLock;
    if ((deadline === undefined ? lock.acquireBriefly() : lock.acquireSync(deadline)) === NOT_ACQUIRED) {
      if (deadline === undefined) this.#lookAgainWhenFree(lock, RING_ITEMS);
      return NOTHING;
    }
    let taken: unknown;
    let mayWake = false;
    try {
      if (!ring.peek()) return NOTHING;
      if (this.#reservation.isActive && this.#reservation.covers(ring.got(), since)) return this.#leaveToOther();
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

  /** We may have been told of the item that is another agent's: tells that one again. */
  #leaveToOther(): typeof NOTHING {
    this.#waiting.notifyOther(this.#at + RING_ITEMS);
    return NOTHING;
  }

  #takeOrThrow(ring: Ring, since: number, deadline: number | undefined): unknown {
    const taken = this.#take(ring, since, deadline);
    if (taken === NOTHING && ring.isClosed() && !ring.mayHaveItem()) throw new ClosedError('Cannot get: the queue is closed and drained');
    return taken;
  }

  #getSlowly(ring: Ring, deadline: number): unknown {
    const since = this.#reservation.times;
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
      const slice = this.#reservation.isActive ? GRACE_MS / 4 : undefined;
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
    const since = this.#reservation.times;
    let taken: unknown = NOTHING;
    const attempt = (): boolean => {
      taken = this.#takeOrThrow(ring, since, undefined);
      return taken !== NOTHING;
    };
    holdBlock(this.#handle.offset);
    Atomics.store(this.#words, this.#at + GETTER_WORD, this.#agent.id);
    try {
      const options = { deadline, signal, ...(this.#reservation.isActive ? { sliceMs: GRACE_MS / 4 } : undefined) };
      await this.#waiting.waitAsync(this.#at + RING_ITEMS, attempt, options);
    } finally {
      if (!this.#waiting.hasAsyncWaiters(this.#at + RING_ITEMS)) this.#noLongerWaits();
      releaseHold(this.#handle.offset);
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

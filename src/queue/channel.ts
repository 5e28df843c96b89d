/**
 * A channel: a ring with its two sides guarded, waited for, and shared fairly. It moves messages; `queue.ts` moves values.
 * Who waits for an item is woken by the next put, who waits for room when there is much of it again (or looks by itself every `ROOM_SLICE_MS`).
 */
import { type Agent, currentAgent, isDead } from '../arena/agent.js';
import { MUTEX_EVENTS } from '../arena/layout.js';
import { ABANDONED, type Mutex, NOT_ACQUIRED } from '../arena/mutex.js';
import { Spinning } from '../arena/spinning.js';
import { currentWaiting, type Deadline, LAST_SLICE_MS, type Waiting } from '../arena/waiting.js';
import { load } from '../arena/words.js';
import { ClosedError } from '../errors.js';
import { closedError, holdForWait, letGoAfterWait } from '../memory/handle.js';
import type { Watch } from '../util/waitable.js';
import { Incoming, type Outgoing } from './message.js';
import { LEFT_SLICE_MS, Reservation } from './reservation.js';
import {
  PUT_DONE,
  Ring,
  RING_CLOSED,
  RING_GET_LOCK,
  RING_GETTER,
  RING_ITEMS,
  RING_PUT_COUNT,
  RING_PUT_LOCK,
  RING_SPACE,
  TAG_INT,
} from './ring.js';
import type { Tasks } from './tasks.js';

const ROOM_SLICE_MS = 50;
/** What a take answers when there is nothing to take: no value can be it. */
export const NOTHING = Symbol('nothing');

/** Usually the same object again and again; more when user code called by the codec uses a queue itself. */
let idleIncoming: Incoming | undefined;

export class Channel {
  readonly ring: Ring;
  /** What was got and is not done yet, where that is known. */
  readonly tasks: Tasks | undefined;
  readonly #at: number;
  readonly #agent: Agent;
  readonly #words: Int32Array;
  readonly #waiting: Waiting;
  /** Where the block starts: kept while a promise waits on its words. */
  readonly #offset: number;
  #reservation = new Reservation();
  /** Sides whose lock was busy when one of our promises looked: it looks again when the lock is free. */
  readonly #busy = new Set<number>();
  /** Whose affairs the two above are: in a forked child at first the parent's, who alone keeps them. */
  #of: number;
  readonly #spinning: Spinning;

  /** `at`: first word of the ring's control block, in the block at `offset`. */
  constructor(at: number, offset: number, tasks?: Tasks) {
    this.#agent = currentAgent();
    this.#words = this.#agent.region.words;
    this.#waiting = currentWaiting();
    this.#of = this.#agent.id;
    this.#at = at;
    this.#offset = offset;
    this.ring = new Ring(this.#agent, at);
    this.#spinning = new Spinning(this.#words, at + RING_PUT_COUNT);
    this.tasks = tasks;
  }

  /** Whether a promise of this agent waits for room: another one must wait behind it. */
  get hasWaitingPuts(): boolean {
    return this.#waiting.hasAsyncWaiters(this.#at + RING_SPACE);
  }

  get hasWaitingGets(): boolean {
    return this.#waiting.hasAsyncWaiters(this.#at + RING_ITEMS);
  }

  /** Puts a 32-bit integer if there is room now. `deadline` is for the side's lock; undefined: for a promise form, which must not block. @throws ClosedError */
  putInt(value: number, deadline: Deadline | undefined): boolean {
    const { ring } = this;
    const acquired = deadline === undefined ? ring.putLock.acquireBriefly() : ring.putLock.acquireSync(deadline);
    return acquired !== NOT_ACQUIRED && this.#putLocked(TAG_INT, value, null);
  }

  /** Puts a message if there is room now. What it throws (ClosedError, OutOfMemoryError, RangeError), it has cancelled the message before. */
  tryPut(message: Outgoing, deadline: Deadline | undefined): boolean {
    const { putLock } = this.ring;
    if ((deadline === undefined ? putLock.acquireBriefly() : putLock.acquireSync(deadline)) === NOT_ACQUIRED) {
      if (deadline === undefined) this.#lookAgainWhenFree(putLock, RING_SPACE);
      return false;
    }
    try {
      return this.#putLocked(message.tag, message.value, message);
    } catch (error) {
      message.cancel();
      throw error;
    }
  }

  /** Puts a message, waiting for room until the deadline. */
  putSync(message: Outgoing, deadline: Deadline): boolean {
    const events = this.#at + RING_SPACE;
    if (!this.#waiting.waitSync(events, () => this.tryPut(message, deadline), deadline, { sliceMs: ROOM_SLICE_MS })) return false;
    this.#waiting.notifyOne(events); // there may be room for another one who waits
    return true;
  }

  /** The promise twin of `putSync`. REQUIRES: the message is its own (`detach`). */
  async put(message: Outgoing, deadline: Deadline, signal: AbortSignal | undefined): Promise<boolean> {
    const events = this.#at + RING_SPACE;
    holdForWait(this.#offset);
    let done = false;
    try {
      done = await this.#waiting.waitAsync(events, () => this.tryPut(message, undefined), { deadline, signal, sliceMs: ROOM_SLICE_MS });
      if (done) this.#waiting.notifyOne(events);
      return done;
    } finally {
      if (!done) message.cancel();
      letGoAfterWait(this.#offset);
    }
  }

  /** The next message: an inline value itself, else an `Incoming` to decode and `recycle`; NOTHING when there is none now. `deadline` as in `putInt`. */
  take(deadline: Deadline | undefined): unknown {
    return this.#take(this.#reservation.times, deadline);
  }

  /** As `take`. @throws ClosedError when closed and drained */
  takeOrThrow(deadline: Deadline | undefined): unknown {
    return this.#takeOrThrow(this.#reservation.times, deadline);
  }

  /** The next message, waited for until the deadline; then NOTHING. @throws ClosedError */
  getSync(deadline: Deadline): unknown {
    this.#renewIfForked();
    const since = this.#reservation.times;
    let taken: unknown = NOTHING;
    const attempt = (): boolean => {
      taken = this.#takeOrThrow(since, deadline);
      return taken !== NOTHING;
    };
    if (this.#spinning.until(attempt, deadline, 1)) return taken;
    // only now: writing it at every short wait would take the cache line from the producer each time
    this.#nowWaits();
    try {
      if (this.#spinning.until(attempt, deadline, 3)) return taken;
      this.#waiting.waitSync(this.#at + RING_ITEMS, attempt, deadline, this.#reservation.isActive ? { sliceMs: LEFT_SLICE_MS } : undefined);
    } finally {
      this.#noLongerWaits();
    }
    return taken;
  }

  /** The promise twin of `getSync`. */
  async get(deadline: Deadline, signal: AbortSignal | undefined): Promise<unknown> {
    this.#renewIfForked();
    const since = this.#reservation.times;
    let taken: unknown = NOTHING;
    const attempt = (): boolean => {
      taken = this.#takeOrThrow(since, undefined);
      return taken !== NOTHING;
    };
    // some microseconds here save the way through the event loop, and the producer the ringing
    if (!this.hasWaitingGets && this.#spinning.until(attempt, deadline, 1)) return taken;
    holdForWait(this.#offset);
    this.#nowWaits();
    try {
      const slice = this.#reservation.isActive ? { sliceMs: LEFT_SLICE_MS } : undefined;
      await this.#waiting.waitAsync(this.#at + RING_ITEMS, attempt, { deadline, signal, ...slice });
      return taken;
    } finally {
      if (!this.hasWaitingGets) this.#noLongerWaits();
      letGoAfterWait(this.#offset);
    }
  }

  /** For `connection.wait`: ready when a `get` that begins now would not wait. */
  watch(): Watch {
    this.#renewIfForked();
    const reservation = this.#reservation;
    const { ring } = this;
    const since = reservation.times;
    holdForWait(this.#offset);
    return {
      isReady: () => (ring.mayHaveItem() ? !reservation.isActive || !this.#isAnothers(ring.got(), since) : this.#isDrained()),
      events: [this.#at + RING_ITEMS],
      get sliceMs() {
        return reservation.isActive ? LEFT_SLICE_MS : LAST_SLICE_MS;
      },
      end: () => letGoAfterWait(this.#offset),
    };
  }

  /** No more puts by anybody; those who wait look again. */
  close(): void {
    Atomics.store(this.#words, this.#at + RING_CLOSED, 1); // who is inside `put` already may still put: see `#isDrained`
    this.#waiting.notifyAll(this.#at + RING_ITEMS);
    this.#waiting.notifyAll(this.#at + RING_SPACE);
  }

  /** This agent lets go: its promises that wait here are rejected. */
  dispose(): void {
    const sides = [RING_ITEMS, RING_SPACE, RING_PUT_LOCK + MUTEX_EVENTS, RING_GET_LOCK + MUTEX_EVENTS];
    for (const events of sides) this.#waiting.reject(this.#at + events, closedError('queue'));
    if (this.tasks !== undefined) this.#waiting.reject(this.tasks.events, closedError('queue'));
    this.ring.putLock.close();
    this.ring.getLock.close();
  }

  /** REQUIRES: the put lock; releases it. */
  #putLocked(tag: number, value: number, message: Outgoing | null): boolean {
    const { ring } = this;
    let done = false;
    try {
      if (ring.isClosed()) throw new ClosedError('Cannot put: the queue is closed');
      const bytes = message === null ? 0 : message.payloadBytes;
      done = ring.put(tag, value, bytes, bytes === 0 ? null : (message as Outgoing).write) === PUT_DONE;
    } finally {
      ring.putLock.release();
      // behind the release: a getter that found us inside, and so could not tell whether anything comes, is told that it can
      if (ring.isClosed()) this.#waiting.notifyAll(this.#at + RING_ITEMS);
    }
    if (done) this.#announce(ring.lastPut);
    return done;
  }

  /** Tells a getter, and remembers whether the item is meant for another agent. */
  #announce(count: number): void {
    const words = this.#words;
    // behind the release of the put lock: an Atomics operation stands between our commit and these loads, so a getter that saw no item is seen here
    const getter = load(words, this.#at + RING_GETTER);
    if (getter === 0 && load(words, this.#at + RING_ITEMS) === 0) return;
    const woken = this.#waiting.notifyOne(this.#at + RING_ITEMS);
    const isAnothers = getter !== 0 && getter !== this.#agent.id && !isDead(words, getter);
    if (woken || isAnothers) {
      this.#renewIfForked();
      this.#reservation.add(count, isAnothers ? getter : 0);
    }
  }

  #renewIfForked(): void {
    if (this.#of === this.#agent.id) return;
    this.#of = this.#agent.id;
    this.#reservation = new Reservation();
    this.#busy.clear();
  }

  #take(since: number, deadline: Deadline | undefined): unknown {
    const { ring } = this;
    if (!ring.mayHaveItem()) return NOTHING;
    const lock = ring.getLock;
    const acquired = deadline === undefined ? lock.acquireBriefly() : lock.acquireSync(deadline);
    if (acquired === NOT_ACQUIRED) {
      if (deadline === undefined) this.#lookAgainWhenFree(lock, RING_ITEMS);
      return NOTHING;
    }
    if (acquired === ABANDONED) this.tasks?.repair(ring.got());
    let taken: unknown = NOTHING;
    let isLeft = false;
    try {
      if (ring.peek()) {
        isLeft = this.#reservation.isActive && this.#isAnothers(ring.got(), since);
        if (!isLeft) taken = takeFrame(ring, this.tasks);
      }
    } finally {
      lock.release();
    }
    // behind the release: an Atomics operation stands between our commit and this load, so a producer that saw no room is seen here
    if (taken !== NOTHING && load(this.#words, this.#at + RING_SPACE) !== 0 && ring.hasMuchRoom()) {
      this.#waiting.notifyOne(this.#at + RING_SPACE);
    }
    // we may have been told of the item that is another agent's: tell that one again
    if (isLeft) this.#waiting.notifyOther(this.#at + RING_ITEMS);
    return taken;
  }

  /** Whether a get that began at `since` must leave the next item to another agent. */
  #isAnothers(next: number, since: number): boolean {
    this.#renewIfForked();
    const { waiter } = this.#reservation;
    if (waiter !== 0 && isDead(this.#words, waiter)) this.#reservation.end();
    return this.#reservation.covers(next, since, this.#isAwaited());
  }

  /** Whether the one for whom we left an item is known to wait still. */
  #isAwaited(): boolean {
    const { isActive, waiter } = this.#reservation;
    return isActive && waiter !== 0 && load(this.#words, this.#at + RING_GETTER) === waiter;
  }

  /** From now on whoever puts an item knows that we wait. One for whom we have left an item ourselves comes first. */
  #nowWaits(): void {
    if (!this.#isAwaited()) Atomics.store(this.#words, this.#at + RING_GETTER, this.#agent.id);
  }

  #takeOrThrow(since: number, deadline: Deadline | undefined): unknown {
    const taken = this.#take(since, deadline);
    if (taken === NOTHING && this.#isDrained()) throw new ClosedError('Cannot get: the queue is closed and drained');
    return taken;
  }

  /**
   * Whether it is closed, and nothing will come any more. Who has the put lock may have seen it open and be about to put, however long that takes; who takes
   * the lock later sees that it is closed. So in this order: the mark, the lock, the items.
   */
  #isDrained(): boolean {
    const { ring } = this;
    if (!ring.isClosed() || ring.mayHaveItem()) return false;
    const putter = ring.putLock.owner();
    if (putter !== 0 && putter !== this.#agent.id && !isDead(this.#words, putter)) return false;
    return !ring.mayHaveItem();
  }

  /** Somebody holds a side's lock for longer than the event loop should wait. */
  #lookAgainWhenFree(lock: Mutex, events: number): void {
    this.#renewIfForked();
    if (this.#busy.has(events)) return;
    this.#busy.add(events);
    holdForWait(this.#offset);
    void lock
      .acquire(Number.POSITIVE_INFINITY)
      .then(
        (acquired) => {
          if (acquired === ABANDONED && events === RING_ITEMS) this.tasks?.repair(this.ring.got());
          lock.release();
        },
        () => {}, // disposed of meanwhile
      )
      .then(() => {
        this.#busy.delete(events);
        this.#waiting.lookAgain(this.#at + events);
        letGoAfterWait(this.#offset);
      });
  }

  #noLongerWaits(): void {
    Atomics.compareExchange(this.#words, this.#at + RING_GETTER, this.#agent.id, 0);
  }
}

/** Gives a decoded message back for the next one. */
export function recycle(message: Incoming): void {
  idleIncoming = message;
}

/** Copies what `peek` found, and commits. REQUIRES: the get lock. */
function takeFrame(ring: Ring, tasks: Tasks | undefined): unknown {
  const { frame } = ring;
  if (frame.tag === TAG_INT) {
    const { value } = frame;
    if (tasks !== undefined) tasks.take(ring.got());
    ring.commitGet();
    return value;
  }
  const message = idleIncoming ?? new Incoming();
  idleIncoming = undefined;
  message.take(frame);
  if (tasks !== undefined) tasks.take(ring.got());
  ring.commitGet();
  message.arrive();
  return message;
}

/**
 * A channel: a ring with its two sides guarded, waited for, and shared fairly. It moves messages; `queue.ts` moves values.
 * Who waits for an item is woken by the next put, who waits for room when there is much of it again (or looks by itself every `ROOM_SLICE_MS`).
 */
import { type Agent, currentAgent, isDead } from '../arena/agent.js';
import { MUTEX_EVENTS } from '../arena/layout.js';
import { type Mutex, NOT_ACQUIRED, SPIN } from '../arena/mutex.js';
import { currentWaiting, type Deadline, type Waiting } from '../arena/waiting.js';
import { load } from '../arena/words.js';
import { ClosedError } from '../errors.js';
import { closedError, holdForWait, letGoAfterWait } from '../memory/handle.js';
import { platform } from '../platform/select.js';
import { Incoming, type Outgoing } from './message.js';
import { GRACE_MS, Reservation } from './reservation.js';
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

const ROOM_SLICE_MS = 50;
/** What a take answers when there is nothing to take: no value can be it. */
export const NOTHING = Symbol('nothing');

/** Usually the same object again and again; more when user code called by the codec uses a queue itself. */
let idleIncoming: Incoming | undefined;

export class Channel {
  readonly ring: Ring;
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
  /** Pauses to spin for an item before sleeping: doubled when it helped, halved when it did not. */
  #spin = SPIN;

  /** `at`: first word of the ring's control block, in the block at `offset`. */
  constructor(at: number, offset: number) {
    this.#agent = currentAgent();
    this.#words = this.#agent.region.words;
    this.#waiting = currentWaiting();
    this.#of = this.#agent.id;
    this.#at = at;
    this.#offset = offset;
    this.ring = new Ring(this.#agent, at);
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
    if (!this.#waiting.waitSync(events, () => this.tryPut(message, deadline), deadline, ROOM_SLICE_MS)) return false;
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
    if (this.#spinForItem(attempt, deadline, 1)) return taken;
    // only now: writing it at every short wait would take the cache line from the producer each time
    Atomics.store(this.#words, this.#at + RING_GETTER, this.#agent.id);
    try {
      if (this.#spinForItem(attempt, deadline, 3)) return taken;
      this.#waiting.waitSync(this.#at + RING_ITEMS, attempt, deadline, this.#reservation.isActive ? GRACE_MS / 4 : undefined);
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
    holdForWait(this.#offset);
    Atomics.store(this.#words, this.#at + RING_GETTER, this.#agent.id);
    try {
      const slice = this.#reservation.isActive ? { sliceMs: GRACE_MS / 4 } : undefined;
      await this.#waiting.waitAsync(this.#at + RING_ITEMS, attempt, { deadline, signal, ...slice });
      return taken;
    } finally {
      if (!this.hasWaitingGets) this.#noLongerWaits();
      letGoAfterWait(this.#offset);
    }
  }

  /** No more puts by anybody; those who wait look again. */
  close(): void {
    // under the put lock, so that nobody who saw it open puts an item after a getter saw it closed and empty; a holder that is stopped must not stop us
    const { putLock } = this.ring;
    const locked = putLock.acquireSync(performance.now() + 1000) !== NOT_ACQUIRED;
    Atomics.store(this.#words, this.#at + RING_CLOSED, 1);
    if (locked) putLock.release();
    this.#waiting.notifyAll(this.#at + RING_ITEMS);
    this.#waiting.notifyAll(this.#at + RING_SPACE);
  }

  /** This agent lets go: its promises that wait here are rejected. */
  dispose(): void {
    const sides = [RING_ITEMS, RING_SPACE, RING_PUT_LOCK + MUTEX_EVENTS, RING_GET_LOCK + MUTEX_EVENTS];
    for (const events of sides) this.#waiting.reject(this.#at + events, closedError('queue'));
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
    if (woken || (getter !== 0 && getter !== this.#agent.id && !isDead(words, getter))) {
      this.#renewIfForked();
      this.#reservation.add(count);
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
    if ((deadline === undefined ? lock.acquireBriefly() : lock.acquireSync(deadline)) === NOT_ACQUIRED) {
      if (deadline === undefined) this.#lookAgainWhenFree(lock, RING_ITEMS);
      return NOTHING;
    }
    let taken: unknown = NOTHING;
    let isLeft = false;
    try {
      if (ring.peek()) {
        if (this.#reservation.isActive) this.#renewIfForked();
        isLeft = this.#reservation.isActive && this.#reservation.covers(ring.got(), since);
        if (!isLeft) taken = takeFrame(ring);
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

  #takeOrThrow(since: number, deadline: Deadline | undefined): unknown {
    const taken = this.#take(since, deadline);
    if (taken === NOTHING && this.ring.isClosed() && !this.ring.mayHaveItem())
      throw new ClosedError('Cannot get: the queue is closed and drained');
    return taken;
  }

  #spinForItem(attempt: () => boolean, deadline: Deadline, rounds: number): boolean {
    if (SPIN === 0 || deadline <= performance.now()) return attempt();
    for (let round = 0; round < rounds; round++) {
      const seen = Atomics.load(this.#words, this.#at + RING_PUT_COUNT);
      if (attempt()) return true;
      if (platform.parking.spin(this.#at + RING_PUT_COUNT, seen, this.#spin)) {
        this.#spin = Math.min(this.#spin * 2, SPIN * 4);
        if (attempt()) return true;
      } else this.#spin = Math.max(this.#spin >> 1, SPIN >> 3);
    }
    return false;
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
        () => lock.release(),
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
function takeFrame(ring: Ring): unknown {
  const { frame } = ring;
  let taken: unknown;
  if (frame.tag === TAG_INT) taken = frame.value;
  else {
    const message = idleIncoming ?? new Incoming();
    idleIncoming = undefined;
    message.take(frame);
    taken = message;
  }
  ring.commitGet();
  return taken;
}

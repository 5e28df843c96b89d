/**
 * A lane: one direction of a pipe, a ring (`queue/ring.ts`) as the agent at one of its ends sees it. Whoever is at an end may be several agents of
 * several processes, so each side of the ring has its lock; but nobody owes another one anything, so there are no reservations as in queues.
 *
 * A lane ends when nobody holds its other end any more. Whoever frees that end's block marks the ring and tells those who wait; who waits looks
 * for itself too, since the last holder may have been killed and nobody may be there to free anything.
 */
import type { Agent, AgentId } from '../arena/agent.js';
import { type Mutex, NOT_ACQUIRED } from '../arena/mutex.js';
import { Spinning } from '../arena/spinning.js';
import { type AsyncWait, currentWaiting, type Deadline, type SyncWait, type Waiting } from '../arena/waiting.js';
import { load } from '../arena/words.js';
import { BrokenPipeError, ClosedError, EOFError } from '../errors.js';
import { holdForWait, letGoAfterWait } from '../memory/handle.js';
import type { Holders } from '../memory/holders.js';
import { Incoming } from '../queue/message.js';
import {
  LARGEST_MESSAGE,
  NOWAIT_MS,
  PUT_DONE,
  Ring,
  RING_ITEMS,
  RING_PUT_COUNT,
  RING_SPACE,
  TAG_INT,
  type WritePayload,
} from '../queue/ring.js';
import type { Watch } from '../util/waitable.js';
import { NOTHING } from './connection.js';
import { discardAll } from './pipe-block.js';

/** Within 200 ms of its death a holder is missed by whoever waits. Threads sleep beside one where the system can do that; promises, and others, look. */
const DEATH_SLICE_MS = 100;
const ROOM_SLICE_MS = 50;
/** A promise that found a side's lock held looks again after so long. */
const BUSY_SLICE_MS = 5;

/** A message on its way out: `queue/message.ts` has values, `ring-connection.ts` bytes. */
export interface Parcel {
  readonly tag: number;
  readonly value: number;
  readonly payloadBytes: number;
  readonly write: WritePayload;
  /** It will not be sent. */
  cancel(): void;
}

/** What both sides have in common. */
class Lane {
  protected readonly ring: Ring;
  protected readonly words: Int32Array;
  protected readonly waiting: Waiting;
  protected readonly at: number;
  /** The block by which this agent holds its end. */
  protected readonly offset: number;
  protected readonly others: Holders;
  /** The side's lock was held by another one when a promise form last tried: nobody tells when it is free. */
  protected isBusy = false;

  /** `at`: first word of the ring; `offset`: this end's block; `others`: who holds the other end. */
  constructor(agent: Agent, at: number, offset: number, others: Holders) {
    this.words = agent.region.words;
    this.waiting = currentWaiting();
    this.ring = new Ring(agent, at, LARGEST_MESSAGE);
    this.at = at;
    this.offset = offset;
    this.others = others;
  }

  /** Whether nobody is, or will be, at the other end. */
  protected isDeserted(): boolean {
    return this.ring.isClosed() || this.others.areGone();
  }

  /** `deadline`: the whole wait's, which all its attempts together may exceed by `NOWAIT_MS`; undefined: for a promise form, which must not block. */
  protected acquire(lock: Mutex, deadline: Deadline | undefined): boolean {
    if (deadline === undefined) {
      this.isBusy = lock.acquireBriefly() === NOT_ACQUIRED;
      return !this.isBusy;
    }
    return lock.acquireSync(deadline + NOWAIT_MS) !== NOT_ACQUIRED;
  }

  /** Of a promise that waits. */
  protected asyncWait(deadline: Deadline, signal: AbortSignal | undefined, sliceMs: number): AsyncWait {
    const lane = this;
    return {
      deadline,
      signal,
      get sliceMs() {
        return lane.isBusy ? BUSY_SLICE_MS : sliceMs;
      },
    };
  }

  protected rejectWaiting(events: number): void {
    if (this.waiting.hasAsyncWaiters(events)) this.waiting.reject(events, new ClosedError('This connection was closed'));
  }

  protected readonly watched = (): AgentId => this.others.watched;
}

/** The side that sends. */
export class Outlet extends Lane {
  readonly #wait: SyncWait = { sliceMs: ROOM_SLICE_MS, agent: this.watched };

  /** Whether a promise of this agent waits for room: another one must wait behind it. */
  get hasWaiting(): boolean {
    return this.waiting.hasAsyncWaiters(this.at + RING_SPACE);
  }

  /** Sends a 32-bit integer if there is room now. `deadline` is for the side's lock; undefined: for a promise form, which must not block. @throws BrokenPipeError */
  putInt(value: number, deadline: Deadline | undefined): boolean {
    return this.#lock(deadline) && this.#putLocked(TAG_INT, value, 0, null);
  }

  /** Sends a message if there is room now. What it throws (BrokenPipeError, OutOfMemoryError, RangeError), it has cancelled the message before. */
  tryPut(message: Parcel, deadline: Deadline | undefined): boolean {
    try {
      return this.#lock(deadline) && this.#putLocked(message.tag, message.value, message.payloadBytes, message.write);
    } catch (error) {
      message.cancel();
      throw error;
    }
  }

  /** Sends a message, waiting for room until the deadline. */
  putSync(message: Parcel, deadline: Deadline): boolean {
    const events = this.at + RING_SPACE;
    if (!this.waiting.waitSync(events, () => this.tryPut(message, deadline), deadline, this.#wait)) return false;
    this.waiting.notifyOne(events); // there may be room for another one who waits
    return true;
  }

  /** The promise twin of `putSync`. REQUIRES: the message is its own. */
  async put(message: Parcel, deadline: Deadline, signal: AbortSignal | undefined): Promise<boolean> {
    const events = this.at + RING_SPACE;
    holdForWait(this.offset);
    let done = false;
    try {
      const options = this.asyncWait(deadline, signal, ROOM_SLICE_MS);
      done = await this.waiting.waitAsync(events, () => this.tryPut(message, undefined), options);
      if (done) this.waiting.notifyOne(events);
      return done;
    } finally {
      if (!done) message.cancel();
      letGoAfterWait(this.offset);
    }
  }

  /** This agent lets go. */
  close(): void {
    this.rejectWaiting(this.at + RING_SPACE);
    this.ring.putLock.close();
  }

  /** Looks at the other end first: outside of the lock, since the look may have to sweep. */
  #lock(deadline: Deadline | undefined): boolean {
    if (this.isDeserted()) throw brokenPipe();
    return this.acquire(this.ring.putLock, deadline);
  }

  /** REQUIRES: the put lock; releases it. */
  #putLocked(tag: number, value: number, payloadBytes: number, write: WritePayload | null): boolean {
    const { ring } = this;
    let done = false;
    try {
      if (ring.isClosed()) throw brokenPipe();
      done = ring.put(tag, value, payloadBytes, payloadBytes === 0 ? null : write) === PUT_DONE;
    } finally {
      ring.putLock.release();
    }
    // behind the release: an Atomics operation stands between our commit and this load, so a receiver that saw no message is seen here
    if (done) this.waiting.notifyOne(this.at + RING_ITEMS);
    if (done && ring.isClosed()) discardAll(ring);
    return done;
  }
}

/** Takes the message that the ring has found (`ring.frame`), or throws and leaves it. Called with the get lock held; the message is committed when it returns. */
export type Take = (ring: Ring) => unknown;

/** The side that receives. */
export class Inlet extends Lane {
  readonly #wait: SyncWait = { sliceMs: DEATH_SLICE_MS, agent: this.watched };
  readonly #spinning = new Spinning(this.words, this.at + RING_PUT_COUNT);

  get hasWaiting(): boolean {
    return this.waiting.hasAsyncWaiters(this.at + RING_ITEMS);
  }

  /** The next message, or NOTHING when there is none now. `deadline` is for the side's lock; undefined: for a promise form. */
  take(take: Take, deadline: Deadline | undefined): unknown {
    const { ring } = this;
    if (!ring.mayHaveItem()) return NOTHING;
    if (!this.acquire(ring.getLock, deadline)) return NOTHING;
    let taken: unknown = NOTHING;
    try {
      if (ring.peek()) {
        taken = take(ring);
        ring.commitGet();
        if (taken instanceof Incoming) taken.arrive();
      }
    } finally {
      ring.getLock.release();
    }
    // behind the release, as in put: a sender that saw no room is seen here
    if (taken !== NOTHING && load(this.words, this.at + RING_SPACE) !== 0 && ring.hasMuchRoom())
      this.waiting.notifyOne(this.at + RING_SPACE);
    return taken;
  }

  /** The next message, waited for until the deadline; then NOTHING. @throws EOFError */
  getSync(take: Take, deadline: Deadline): unknown {
    let taken: unknown = NOTHING;
    const attempt = (): boolean => {
      taken = this.#takeOrEnd(take, deadline);
      return taken !== NOTHING;
    };
    if (!this.#spinning.until(attempt, deadline, 4)) this.waiting.waitSync(this.at + RING_ITEMS, attempt, deadline, this.#wait);
    return taken;
  }

  /** The promise twin of `getSync`. */
  async get(take: Take, deadline: Deadline, signal: AbortSignal | undefined): Promise<unknown> {
    let taken: unknown = NOTHING;
    const attempt = (): boolean => {
      taken = this.#takeOrEnd(take, undefined);
      return taken !== NOTHING;
    };
    // some microseconds here save the way through the event loop, and the sender the ringing
    if (signal?.aborted || this.hasWaiting || !this.#spinning.until(attempt, deadline, 1)) await this.#waitAsync(attempt, deadline, signal);
    return taken;
  }

  /** Whether a message or the end can be received now. */
  readonly isReady = (): boolean => this.ring.mayHaveItem() || this.isDeserted();

  /** Whether it can be received by the deadline. */
  pollSync(deadline: Deadline): boolean {
    if (this.isReady()) return true;
    if (deadline <= performance.now()) return false;
    const events = this.at + RING_ITEMS;
    if (!this.#spinning.until(this.isReady, deadline, 4) && !this.waiting.waitSync(events, this.isReady, deadline, this.#wait))
      return false;
    this.waiting.notifyOther(events); // we took nothing: another one that waits is to know
    return true;
  }

  /** The promise twin of `pollSync`. */
  async poll(deadline: Deadline, signal: AbortSignal | undefined): Promise<boolean> {
    const isReady = await this.#waitAsync(this.isReady, deadline, signal);
    if (isReady) this.waiting.notifyOther(this.at + RING_ITEMS);
    return isReady;
  }

  watch(): Watch {
    holdForWait(this.offset);
    return {
      isReady: this.isReady,
      events: [this.at + RING_ITEMS],
      sliceMs: DEATH_SLICE_MS,
      agent: this.watched,
      end: () => letGoAfterWait(this.offset),
    };
  }

  /** This agent lets go. */
  close(): void {
    this.rejectWaiting(this.at + RING_ITEMS);
    this.ring.getLock.close();
  }

  #takeOrEnd(take: Take, deadline: Deadline | undefined): unknown {
    const taken = this.take(take, deadline);
    // in this order: what was sent before the end was there by then
    if (taken === NOTHING && this.isDeserted() && !this.ring.mayHaveItem())
      throw new EOFError('The other end is closed, and all that was sent has been received');
    return taken;
  }

  async #waitAsync(attempt: () => boolean, deadline: Deadline, signal: AbortSignal | undefined): Promise<boolean> {
    holdForWait(this.offset);
    try {
      return await this.waiting.waitAsync(this.at + RING_ITEMS, attempt, this.asyncWait(deadline, signal, DEATH_SLICE_MS));
    } finally {
      letGoAfterWait(this.offset);
    }
  }
}

function brokenPipe(): BrokenPipeError {
  return new BrokenPipeError('Cannot send: the other end is closed, nobody will receive it');
}

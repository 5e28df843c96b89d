/**
 * A mutex over four words of the near window: the algorithm under `Lock`, under both sides of a queue and under the page table.
 * Source: the three-state futex mutex of U. Drepper ("Futexes are tricky", 2011), with an owner that may die, and with bounded passing-over.
 *
 * State word: 0 = free, else the owner's agent id (22 bits) | W "somebody may sleep" | H "there is an heir". Without an owner, H and W say that the lock is
 * reserved for the heir (see `heir.ts`), and W alone that the heir has gone without taking it.
 * - acquire: CAS 0 -> id. release: CAS id -> 0; where that fails there is a W or an H to serve.
 * - one that has slept acquires with W set: it cannot know whether others sleep still.
 * - owner dead: CAS the word from the dead id to ours, with W. From any state, at any step.
 * - fairness: a release leaves the lock to whoever comes first, as every fast mutex does; but one that was passed over `PATIENCE` times
 *   names itself the heir and sets H, and the next release leaves the lock to it alone, and wakes everybody, since it cannot tell who that is.
 * - one that gives up makes a last attempt, and leaves W for those behind it.
 *
 * Killed at any instruction: the state word always tells whether, and by whom, the lock is held; a wake-up lost with its owner is repaired
 * by the next look of any waiter, at most `OWNER_SLICE_MS` later. Nobody owns it without knowing: an heir is named, and takes the lock itself.
 */
import { platform } from '../platform/select.js';
import { fault } from '../util/fault.js';
import { type Agent, isDead } from './agent.js';
import { GRACE_MS, Heir, PATIENCE } from './heir.js';
import { MUTEX_EVENTS, MUTEX_HEIR, MUTEX_STATE } from './layout.js';
import { type AsyncWait, currentWaiting, type Deadline, SPIN } from './waiting.js';
import { parkBeside } from './watching.js';
import { load } from './words.js';

const OWNER = (1 << 22) - 1;
const MAY_SLEEP = 1 << 22;
const HAS_HEIR = 1 << 23;
const EVERYBODY = 0x7fffffff;

/** Sleeping on lock and owner: the kernel wakes us at either's change, the slice only repairs lost wake-ups; without that, it finds dead owners. */
const OWNER_SLICE_MS = 150;
const BLIND_SLICE_MS = 50;
const BRIEF_MS = 1;
/** Not acquired. */
export const NOT_ACQUIRED = 0;
export const ACQUIRED = 1;
/** Acquired from an owner that has died. */
export const ABANDONED = 2;
export type Acquisition = typeof NOT_ACQUIRED | typeof ACQUIRED | typeof ABANDONED;

/** A condition within one agent on trying the mutex; asked, and told of success, in the same attempt. Whoever opens it calls `lookAgain`. */
export interface Gate {
  isOpen(): boolean;
  enter(): void;
}

export class Mutex {
  readonly #words: Int32Array;
  /** Its id is what the state word holds when we own it. Asked each time: in a forked child it is another one. */
  readonly #agent: Agent;
  /** First of the four words. */
  readonly #at: number;
  /** False: a dead owner keeps the lock, as in CPython. */
  readonly #recovers: boolean;
  /** Word that counts how often the owner has acquired a recursive one; -1: not recursive. Only the owner reads and writes it. */
  readonly #depthAt: number;
  readonly #heir: Heir;
  /** How many of this agent wait here, threads and promises: they share the one place that an agent has as heir. */
  #waiting = 0;
  /** Whose waiting this tells of: in a forked child, until it waits here for the first time, the parent's. */
  #of: number;

  constructor(agent: Agent, at: number, recovers = true, depthAt = -1) {
    this.#words = agent.region.words;
    this.#agent = agent;
    this.#of = agent.id;
    this.#at = at;
    this.#recovers = recovers;
    this.#depthAt = depthAt;
    this.#heir = new Heir(agent, at + MUTEX_HEIR);
  }

  tryAcquire(): Acquisition {
    return this.#takeFree() ? ACQUIRED : this.#attempt(0);
  }

  acquireSync(deadline: Deadline): Acquisition {
    return this.#takeFree() ? ACQUIRED : this.#acquireSlowly(deadline);
  }

  /** For promise forms: a holder that is stopped or preempted may hold up the event loop for `BRIEF_MS` at most. */
  acquireBriefly(): Acquisition {
    return this.#takeFree() ? ACQUIRED : this.#acquireSlowly(performance.now() + BRIEF_MS);
  }

  /** Resolves as `acquireSync` returns. Rejects with the signal's reason. */
  async acquire(deadline: Deadline, signal?: AbortSignal, gate?: Gate): Promise<Acquisition> {
    let result: Acquisition = NOT_ACQUIRED;
    const options: AsyncWait = { deadline, signal, sliceMs: platform.parking.watchesTwo ? OWNER_SLICE_MS - 50 : BLIND_SLICE_MS };
    const attempt = (looks: number): boolean => {
      if (gate !== undefined && !gate.isOpen()) return false;
      result = this.#attemptAsync(looks > PATIENCE + 1); // the first two looks come before there is anything to wait for
      if (result !== NOT_ACQUIRED) gate?.enter();
      return result !== NOT_ACQUIRED;
    };
    this.#renewIfForked();
    this.#waiting++;
    try {
      await currentWaiting().waitAsync(this.#at + MUTEX_EVENTS, attempt, options);
    } finally {
      this.#stopWaiting();
    }
    return result;
  }

  /** @returns false when the lock was free, or a recursive one not ours: nothing has happened. */
  release(): boolean {
    const me = this.#agent.id;
    if (this.#depthAt >= 0) {
      if (!this.isMine()) return false;
      const depth = (this.#words[this.#depthAt] as number) - 1;
      this.#words[this.#depthAt] = depth;
      if (depth > 0) return true;
    }
    if (Atomics.compareExchange(this.#words, this.#at, me, 0) === me) return true;
    return this.#releaseSlowly();
  }

  /** Also while it is reserved for another agent. */
  isLocked(): boolean {
    const state = load(this.#words, this.#at);
    return (state & OWNER) !== 0 || ((state & HAS_HEIR) !== 0 && this.#heir.isAnothers());
  }

  /** Whether this agent holds it. */
  isMine(): boolean {
    return (load(this.#words, this.#at) & OWNER) === this.#agent.id;
  }

  /** How often it is held by its owner: more than once only if it is recursive. */
  get depth(): number {
    if (this.owner() === 0) return 0;
    return this.#depthAt < 0 ? 1 : (this.#words[this.#depthAt] as number);
  }

  /** Of a recursive one: as if acquired or released so often. REQUIRES: it is ours. */
  set depth(depth: number) {
    if (this.#depthAt >= 0) this.#words[this.#depthAt] = depth;
  }

  /** The owner's agent id, 0 when free. */
  owner(): number {
    return load(this.#words, this.#at) & OWNER;
  }

  /** The object whose lock this is lets go of its memory, and rejects its promises. */
  close(): void {
    this.#renewIfForked();
    this.#withdraw();
  }

  /** The uncontended case. */
  #takeFree(): boolean {
    if (Atomics.compareExchange(this.#words, this.#at, 0, this.#agent.id) !== 0) return false;
    if (this.#depthAt >= 0) this.#words[this.#depthAt] = 1;
    return true;
  }

  /** What a forked child finds here are its parent's promises and hopes; those who wait do so in the parent. */
  #renewIfForked(): void {
    const me = this.#agent.id;
    if (this.#of === me) return;
    this.#of = me;
    this.#waiting = 0;
    this.#heir.forget();
  }

  /** One attempt. `mark` is MAY_SLEEP for one that has slept, or may leave others asleep. */
  #attempt(mark: number): Acquisition {
    const words = this.#words;
    const me = this.#agent.id;
    let state = load(words, this.#at);
    for (;;) {
      const owner = state & OWNER;
      let next: number;
      if (owner === 0) {
        if ((state & HAS_HEIR) !== 0 && this.#heir.isAnothers()) return NOT_ACQUIRED;
        next = (state & MAY_SLEEP) | me | mark;
      } else if (owner === me) return this.#acquireAgain();
      else if (this.#recovers && isDead(words, owner)) next = (state & ~OWNER) | me | MAY_SLEEP;
      else return NOT_ACQUIRED;
      const found = Atomics.compareExchange(words, this.#at, state, next);
      if (found === state) {
        if (fault !== null) fault('mutex.acquired');
        if (this.#depthAt >= 0) words[this.#depthAt] = 1;
        return owner === 0 ? ACQUIRED : ABANDONED;
      }
      state = found;
    }
  }

  #acquireAgain(): Acquisition {
    if (this.#depthAt < 0) return NOT_ACQUIRED;
    this.#words[this.#depthAt] = (this.#words[this.#depthAt] as number) + 1;
    return ACQUIRED;
  }

  #acquireSlowly(deadline: Deadline): Acquisition {
    const words = this.#words;
    const { parking } = platform;
    let result = this.#attempt(0);
    if (result !== NOT_ACQUIRED) return result;
    if (deadline <= performance.now()) return NOT_ACQUIRED;
    for (let round = 0; round < 4; round++) {
      parking.spin(this.#at, load(words, this.#at), SPIN >> 2);
      result = this.#attempt(0);
      if (result !== NOT_ACQUIRED) return result;
    }
    this.#renewIfForked();
    this.#waiting++;
    try {
      return this.#wait(deadline);
    } finally {
      this.#stopWaiting();
    }
  }

  #wait(deadline: Deadline): Acquisition {
    for (let passedOver = 0; ; passedOver++) {
      const result = this.#attempt(MAY_SLEEP);
      if (result !== NOT_ACQUIRED) return result;
      const marked = this.#mark(passedOver >= PATIENCE);
      if (marked === 0) continue;
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return this.#attempt(MAY_SLEEP);
      this.#parkOn(marked, leftMs);
    }
  }

  /** Notes in the state that we wait, and if we were passed over too often that we are the heir. Returns the state then; 0 when it has changed, so that another attempt is due. */
  #mark(isPassedOver: boolean): number {
    const words = this.#words;
    const state = load(words, this.#at);
    const isFree = (state & OWNER) === 0;
    // reserved for us, or for one that waits no more: it is ours to take, and nobody would tell us again
    if (isFree && ((state & HAS_HEIR) === 0 || !this.#heir.isAnothers())) return 0;
    const marked = state | MAY_SLEEP | (isPassedOver && !isFree && this.#heir.claim() ? HAS_HEIR : 0);
    if (state !== marked && Atomics.compareExchange(words, this.#at, state, marked) !== state) return 0;
    if (fault !== null) fault('mutex.marked');
    return marked;
  }

  /** The last of this agent that waited has acquired, or given up: what it claimed as heir is given back. */
  #stopWaiting(): void {
    this.#renewIfForked();
    if (this.#waiting > 0) this.#waiting--;
    if (this.#waiting > 0) return;
    this.#withdraw();
  }

  /** Is the heir no more. Those who saw the lock reserved for us sleep on that: the state changes, or they would not be told that it is free. */
  #withdraw(): void {
    if (!this.#heir.withdraw()) return;
    const reserved = HAS_HEIR | MAY_SLEEP;
    if (load(this.#words, this.#at) !== reserved) return;
    if (Atomics.compareExchange(this.#words, this.#at, reserved, MAY_SLEEP) === reserved) this.#tellOne();
  }

  /** Sleeps until the state changes, its owner dies, or its heir has had time enough. */
  #parkOn(state: number, leftMs: number): void {
    const { parking } = platform;
    const owner = state & OWNER;
    if (owner === 0) {
      parking.park(this.#at, state, Math.min(GRACE_MS, leftMs));
      return;
    }
    if (!parking.watchesTwo || !this.#recovers || owner === this.#agent.id) {
      parking.park(this.#at, state, Math.min(BLIND_SLICE_MS, leftMs));
      return;
    }
    parkBeside(owner, this.#at, state, Math.min(OWNER_SLICE_MS, leftMs));
  }

  /** For the first of this agent's promises. */
  #attemptAsync(isPassedOver: boolean): Acquisition {
    this.#renewIfForked();
    for (;;) {
      const result = this.#attempt(MAY_SLEEP);
      if (result !== NOT_ACQUIRED) {
        this.#withdraw(); // those behind it have waited as long, but were not passed over
        return result;
      }
      if (this.#mark(isPassedOver) !== 0) return NOT_ACQUIRED;
    }
  }

  #releaseSlowly(): boolean {
    const words = this.#words;
    const { parking } = platform;
    let state = load(words, this.#at);
    let next: number;
    for (;;) {
      if ((state & OWNER) === 0) return false;
      next = (state & HAS_HEIR) !== 0 && this.#heir.isNamed() ? HAS_HEIR | MAY_SLEEP : 0;
      const found = Atomics.compareExchange(words, this.#at, state, next);
      if (found === state) break;
      state = found;
    }
    if (fault !== null) fault(next === 0 ? 'mutex.freed' : 'mutex.reserved');
    if (next !== 0) {
      parking.unpark(this.#at, EVERYBODY);
      currentWaiting().notifyAll(this.#at + MUTEX_EVENTS);
    } else if ((state & MAY_SLEEP) !== 0) this.#tellOne();
    return true;
  }

  #tellOne(): void {
    const { parking } = platform;
    if (parking.unpark(this.#at, 1) === 0 || !parking.countsExactly) currentWaiting().notifyOne(this.#at + MUTEX_EVENTS);
  }
}

/** The words of a mutex, for dumps of a hang. */
export function dumpMutex(words: Int32Array, at: number): string {
  const state = words[at + MUTEX_STATE] as number;
  const flags = `${(state & MAY_SLEEP) !== 0 ? ' W' : ''}${(state & HAS_HEIR) !== 0 ? ' H' : ''}`;
  return `owner ${state & OWNER}${flags} events ${(words[at + MUTEX_EVENTS] as number).toString(16)} heir ${words[at + MUTEX_HEIR]}`;
}

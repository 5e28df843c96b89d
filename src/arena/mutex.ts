/**
 * A mutex over four words of the near window: the algorithm under `Lock`, under both sides of a queue and under the page table.
 * Source: the three-state futex mutex of U. Drepper ("Futexes are tricky", 2011), with an owner that may die, and with bounded passing-over.
 *
 * State word: 0 = free, else the owner's agent id (22 bits) | W "somebody may sleep" | H "hand over".
 * - acquire: CAS 0 -> id. release: CAS id -> 0; where that fails there is a W or an H to serve.
 * - one that has slept acquires with W set: it cannot know whether others sleep still.
 * - owner dead: CAS the word from the dead id to ours, with W. From any state, at any step.
 * - fairness: a release leaves the lock to whoever comes first, as every fast mutex does; but one that was passed over `PATIENCE` times
 *   writes its id into the heir word and sets H, and the next release hands the lock to it directly.
 * - one that gives up makes a last attempt, and leaves W for those behind it.
 *
 * Killed at any instruction: the state word always tells whether, and by whom, the lock is held; a wake-up lost with its owner is repaired
 * by the next look of any waiter, at most `OWNER_SLICE_MS` later.
 */
import { availableParallelism } from 'node:os';
import { LIFE_DIED, LIFE_WATCHED } from '../platform/platform.js';
import { platform } from '../platform/select.js';
import { fault } from '../util/fault.js';
import { type Agent, isDead, lifeWord } from './agent.js';
import { MUTEX_EVENTS, MUTEX_HEIR, MUTEX_STATE } from './layout.js';
import { load } from './words.js';
import { type AsyncWait, currentWaiting, type Deadline } from './waiting.js';

const OWNER = (1 << 22) - 1;
const MAY_SLEEP = 1 << 22;
const HAND_OVER = 1 << 23;

/** Sleeping on lock and owner: the kernel wakes us at either's change, the slice only repairs lost wake-ups; without that, it finds dead owners. */
const OWNER_SLICE_MS = 150;
const BLIND_SLICE_MS = 50;
const BRIEF_MS = 1;
/** How often an agent looks whether a hand-over that it no longer wants has come. */
const RETURN_MS = 5;
/** How often one may be passed over before it asks for the lock by name. */
const PATIENCE = 4;
/** About 4 µs, a few times what a short critical section takes; spinning longer never paid (bench/cases/contended.mjs). */
export const SPIN = availableParallelism() > 1 ? 200 : 0;

/** Not acquired. */
export const NOT_ACQUIRED = 0;
export const ACQUIRED = 1;
/** Acquired from an owner that has died. */
export const ABANDONED = 2;
export type Acquisition = typeof NOT_ACQUIRED | typeof ACQUIRED | typeof ABANDONED;

export class Mutex {
  readonly #words: Int32Array;
  /** Its id is what the state word holds when we own it. Asked each time: in a forked child it is another one. */
  readonly #agent: Agent;
  /** First of the four words. */
  readonly #at: number;
  /** False: a dead owner keeps the lock, as in CPython. */
  readonly #recovers: boolean;
  /** How often the first of our promises was passed over. */
  #asyncPassedOver = 0;
  /** How many of this agent wait here, threads and promises: they share the one place that an agent has as heir. */
  #waiting = 0;
  /** The heir word was set to us, and what came of it is not known yet: a release that takes our name out of it hands us the lock. */
  #expected = false;
  /** Who owned the lock when we first saw that a release had taken our name: if another owns it later, that release died. */
  #takenBy = 0;
  #closed = false;
  /** Whose waiting the four above tell of: in a forked child, until it waits here for the first time, the parent's. */
  #of: number;

  constructor(agent: Agent, at: number, recovers = true) {
    this.#words = agent.region.words;
    this.#agent = agent;
    this.#of = agent.id;
    this.#at = at;
    this.#recovers = recovers;
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
  async acquire(deadline: Deadline, signal?: AbortSignal): Promise<Acquisition> {
    let result: Acquisition = NOT_ACQUIRED;
    const options: AsyncWait = { deadline, signal, sliceMs: platform.parking.watchesTwo ? OWNER_SLICE_MS - 50 : BLIND_SLICE_MS };
    const attempt = (): boolean => {
      result = this.#attemptAsync();
      return result !== NOT_ACQUIRED;
    };
    this.#renewIfForked();
    this.#waiting++;
    try {
      await currentWaiting().waitAsync(this.#at + MUTEX_EVENTS, attempt, options);
    } finally {
      this.#waiting--;
      if (result === NOT_ACQUIRED) this.#stopExpecting();
    }
    return result;
  }

  /** @returns false when the lock was free: nothing has happened. */
  release(): boolean {
    const me = this.#agent.id;
    if (Atomics.compareExchange(this.#words, this.#at, me, 0) === me) return true;
    return this.#releaseSlowly();
  }

  /** Also while it is on its way to an heir. */
  isLocked(): boolean {
    return (load(this.#words, this.#at) & OWNER) !== 0;
  }

  /** The owner's agent id, 0 when free. */
  owner(): number {
    return load(this.#words, this.#at) & OWNER;
  }

  /** The object whose lock this is lets go of its memory: touches it no more. */
  close(): void {
    this.#stopExpecting();
    this.#closed = true;
  }

  /** The uncontended case. */
  #takeFree(): boolean {
    if (Atomics.compareExchange(this.#words, this.#at, 0, this.#agent.id) !== 0) return false;
    if (this.#expected) this.#forgetHeir(); // as in #attempt
    return true;
  }

  /** What a forked child finds here are its parent's promises and hopes; those who wait do so in the parent. */
  #renewIfForked(): void {
    const me = this.#agent.id;
    if (this.#of === me) return;
    this.#of = me;
    this.#asyncPassedOver = 0;
    this.#waiting = 0;
    this.#expected = false;
    this.#takenBy = 0;
  }

  /** One attempt. `mark` is MAY_SLEEP for one that has slept, or may leave others asleep. */
  #attempt(mark: number): Acquisition {
    this.#renewIfForked();
    const words = this.#words;
    const me = this.#agent.id;
    let state = load(words, this.#at);
    for (;;) {
      const owner = state & OWNER;
      let next: number;
      if (owner === 0) next = state | me | mark;
      else if (owner === me) return this.#expected && this.#wasHandedOver() ? ACQUIRED : NOT_ACQUIRED;
      else if (this.#recovers && isDead(words, owner)) next = (state & ~OWNER) | me | MAY_SLEEP;
      else return NOT_ACQUIRED;
      const found = Atomics.compareExchange(words, this.#at, state, next);
      if (found === state) {
        if (fault !== null) fault('mutex.acquired');
        // no hand-over is on its way to us any more: whoever could make one has freed the lock, or died
        if (this.#expected) this.#forgetHeir();
        return owner === 0 ? ACQUIRED : ABANDONED;
      }
      state = found;
    }
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
    this.#waiting++;
    try {
      result = this.#wait(deadline);
    } finally {
      this.#waiting--;
    }
    if (result === NOT_ACQUIRED) this.#stopExpecting();
    return result;
  }

  #wait(deadline: Deadline): Acquisition {
    const words = this.#words;
    for (let passedOver = 0; ; passedOver++) {
      const result = this.#attempt(MAY_SLEEP);
      if (result !== NOT_ACQUIRED) return result;
      const state = load(words, this.#at);
      if ((state & OWNER) === 0) continue;
      if (passedOver >= PATIENCE && !this.#isExpectedFrom(state & OWNER)) this.#claimHeir();
      const marked = state | MAY_SLEEP | (this.#expected ? HAND_OVER : 0);
      if (state !== marked && Atomics.compareExchange(words, this.#at, state, marked) !== state) continue;
      if (fault !== null) fault('mutex.marked');
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return this.#attempt(MAY_SLEEP);
      this.#parkOn(marked, leftMs);
    }
  }

  /** Sleeps until the state changes or its owner dies. Whoever learns of the death tells all others that watch the same owner: the kernel wakes one. */
  #parkOn(state: number, leftMs: number): void {
    const words = this.#words;
    const { parking } = platform;
    const owner = state & OWNER;
    if (!parking.watchesTwo || !this.#recovers || owner === this.#agent.id) {
      parking.park(this.#at, state, Math.min(BLIND_SLICE_MS, leftMs));
      return;
    }
    const life = lifeWord(owner);
    let alive = load(words, life);
    if (alive === 0) return; // died, swept, and free for a next tenant: a mark there would keep it from ever being claimed
    if ((alive & LIFE_DIED) === 0 && (alive & LIFE_WATCHED) === 0) {
      const watched = alive | LIFE_WATCHED;
      if (Atomics.compareExchange(words, life, alive, watched) !== alive) return;
      alive = watched;
    }
    if (isDead(words, owner)) return;
    parking.parkEither(this.#at, state, life, alive, Math.min(OWNER_SLICE_MS, leftMs));
    if (isDead(words, owner)) parking.unpark(life, 0x7fffffff);
  }

  /** The state names us. If the heir word does not, a release has taken our name from it and completed: the lock is ours. */
  #wasHandedOver(): boolean {
    if (load(this.#words, this.#at + MUTEX_HEIR) === this.#agent.id) return false;
    this.#expected = false;
    return true;
  }

  /** Whether a hand-over may still come, now that `owner` owns the lock. A release that took our name and died will not make it. */
  #isExpectedFrom(owner: number): boolean {
    if (!this.#expected) return false;
    if (load(this.#words, this.#at + MUTEX_HEIR) === this.#agent.id) {
      this.#takenBy = 0;
      return true;
    }
    if (this.#takenBy === 0) this.#takenBy = owner;
    else if (this.#takenBy !== owner) this.#expected = false;
    return this.#expected;
  }

  /** Asks for the next release by name. The heir word must be free, or name an agent that died waiting. */
  #claimHeir(): void {
    const heir = load(this.#words, this.#at + MUTEX_HEIR);
    if (heir !== 0 && !isDead(this.#words, heir)) return;
    this.#takenBy = 0;
    this.#expected = Atomics.compareExchange(this.#words, this.#at + MUTEX_HEIR, heir, this.#agent.id) === heir;
  }

  /** @returns whether the heir word still named us: then no release will. */
  #forgetHeir(): boolean {
    this.#expected = false;
    const me = this.#agent.id;
    return Atomics.compareExchange(this.#words, this.#at + MUTEX_HEIR, me, 0) === me;
  }

  /** One of this agent gave up. Others inherit its place; if there is none, the place is given up too. */
  #stopExpecting(): void {
    this.#renewIfForked();
    if (!this.#expected || this.#waiting > 0 || this.#closed) return;
    this.#asyncPassedOver = 0;
    if (this.#forgetHeir()) return;
    // a release has read our name: the lock comes to us unless the releaser dies, or is stopped, within its next two instructions
    this.#expected = true;
    this.#returnUnwanted(this.owner());
  }

  /** The lock may still come to us although nobody here wants it any more: releases it when it does. */
  #returnUnwanted(releaser: number): void {
    const owner = this.owner();
    if (!this.#expected || this.#closed) return; // somebody here came to want it after all
    if (owner === this.#agent.id) {
      if (this.#wasHandedOver()) this.release();
    } else if (owner !== releaser) this.#expected = false;
    else setTimeout(() => this.#returnUnwanted(releaser), RETURN_MS).unref();
  }

  /** For the first of this agent's promises, on behalf of all. */
  #attemptAsync(): Acquisition {
    const words = this.#words;
    for (;;) {
      const result = this.#attempt(MAY_SLEEP);
      if (result !== NOT_ACQUIRED) {
        this.#asyncPassedOver = 0;
        return result;
      }
      const state = load(words, this.#at);
      if ((state & OWNER) === 0) continue;
      if (++this.#asyncPassedOver > PATIENCE && !this.#isExpectedFrom(state & OWNER)) this.#claimHeir();
      const marked = state | MAY_SLEEP | (this.#expected ? HAND_OVER : 0);
      if (state === marked || Atomics.compareExchange(words, this.#at, state, marked) === state) {
        if (fault !== null) fault('mutex.marked');
        return NOT_ACQUIRED;
      }
    }
  }

  #releaseSlowly(): boolean {
    const words = this.#words;
    const { parking } = platform;
    let state = load(words, this.#at);
    for (;;) {
      if ((state & OWNER) === 0) return false;
      if ((state & HAND_OVER) !== 0) {
        const heir = Atomics.exchange(words, this.#at + MUTEX_HEIR, 0);
        if (fault !== null) fault('mutex.heirTaken');
        if (heir !== 0 && !isDead(words, heir)) {
          if (this.#handOver(state, heir)) return true;
          Atomics.compareExchange(words, this.#at + MUTEX_HEIR, 0, heir);
          return true;
        }
      }
      const found = Atomics.compareExchange(words, this.#at, state, 0);
      if (found === state) break;
      state = found;
    }
    if (fault !== null) fault('mutex.freed');
    if ((state & MAY_SLEEP) !== 0 && (parking.unpark(this.#at, 1) === 0 || !parking.countsExactly))
      currentWaiting().notifyOne(this.#at + MUTEX_EVENTS);
    return true;
  }

  /** False: the lock has changed hands meanwhile, since somebody else released it too; the heir waits on. */
  #handOver(seenState: number, heir: number): boolean {
    const words = this.#words;
    let state = seenState;
    for (;;) {
      const found = Atomics.compareExchange(words, this.#at, state, heir | MAY_SLEEP);
      if (found === state) break;
      if ((found & OWNER) !== (seenState & OWNER)) return false;
      state = found;
    }
    platform.parking.unpark(this.#at, 0x7fffffff);
    currentWaiting().notifyAll(this.#at + MUTEX_EVENTS);
    return true;
  }
}

/** The words of a mutex, for dumps of a hang. */
export function dumpMutex(words: Int32Array, at: number): string {
  const state = words[at + MUTEX_STATE] as number;
  const flags = `${(state & MAY_SLEEP) !== 0 ? ' W' : ''}${(state & HAND_OVER) !== 0 ? ' H' : ''}`;
  return `owner ${state & OWNER}${flags} events ${(words[at + MUTEX_EVENTS] as number).toString(16)} heir ${words[at + MUTEX_HEIR]}`;
}

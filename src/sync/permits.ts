/**
 * Permits: the two state machines under the semaphores, one attempt at a time; `semaphore.ts` does the waiting.
 *
 * A *count* is one word: how many are free, and above them H, "there is an heir" (see `arena/heir.ts`): then the last free one is reserved for it. Whoever
 * takes a permit is not known.
 *
 * A *table* has a word for each permit: 0, or the agent id of its holder. One whose holder has ended is free too: it goes from the dead id to the next
 * one's, or to 0, by one CAS, so two who notice cannot both have it. The word of the count holds H, and changes at each release.
 */
import { type Agent, isDead } from '../arena/agent.js';
import type { Heir } from '../arena/heir.js';
import { load } from '../arena/words.js';
import { ANNEX_WORDS, annexAt } from '../memory/annex.js';
import { fault } from '../util/fault.js';

const HAS_HEIR = -0x80000000;
export const MAX_COUNT = 0x7fffffff;

export interface Permits {
  /** The word that changes when permits come free. */
  readonly watched: number;
  /** Takes one if there is one that is not reserved for another agent. */
  take(): boolean;
  /** Whether the last `take` failed since the last free one was reserved: it may be had when the heir has had its time. */
  readonly wasReserved: boolean;
  /** From now on the next permit is reserved for the heir. REQUIRES: we are it, and another attempt follows. */
  reserve(): void;
  /** Gives back `n`; -1: done, and nobody is the heir. -2: done, and somebody may be. Else nothing was done, and the answer is how many could have been given back. */
  give(n: number): number;
  free(): number;
}

export const GIVEN = -1;
export const GIVEN_TO_HEIR = -2;

/** Permits without owners. */
export class CountedPermits implements Permits {
  readonly watched: number;
  wasReserved = false;
  readonly #words: Int32Array;
  readonly #heir: Heir;

  constructor(agent: Agent, at: number, heir: Heir) {
    this.#words = agent.region.words;
    this.watched = at;
    this.#heir = heir;
  }

  take(): boolean {
    this.wasReserved = false;
    let word = load(this.#words, this.watched);
    for (;;) {
      const count = word & MAX_COUNT;
      if (count === 0) return false;
      let next = word - 1;
      if (count === 1 && word < 0) {
        this.wasReserved = this.#heir.isAnothers();
        if (this.wasReserved) return false;
        next = 0; // the heir is served, or nobody is it any more
      }
      const found = Atomics.compareExchange(this.#words, this.watched, word, next);
      if (found === word) {
        if (fault !== null) fault('semaphore.taken');
        return true;
      }
      word = found;
    }
  }

  reserve(): void {
    Atomics.or(this.#words, this.watched, HAS_HEIR);
    if (fault !== null) fault('semaphore.reserved');
  }

  give(n: number): number {
    let word = load(this.#words, this.watched);
    for (;;) {
      const room = MAX_COUNT - (word & MAX_COUNT);
      if (n > room) return room;
      const found = Atomics.compareExchange(this.#words, this.watched, word, word + n);
      if (found === word) break;
      word = found;
    }
    if (fault !== null) fault('semaphore.given');
    return word < 0 ? GIVEN_TO_HEIR : GIVEN;
  }

  free(): number {
    return load(this.#words, this.watched) & MAX_COUNT;
  }
}

/** Permits with owners. */
export class TrackedPermits implements Permits {
  readonly watched: number;
  wasReserved = false;
  readonly #words: Int32Array;
  readonly #agent: Agent;
  readonly #heir: Heir;
  /** First words of the parts of the table, and how many permits there are in all. */
  readonly #parts: number[] = [];
  readonly #permits: number;
  /** Where a free one was found last. */
  #hint = 0;

  /** `directory`: of the annexes that the table stands in; `inline`: where it stands if it needs none. */
  constructor(agent: Agent, at: number, heir: Heir, permits: number, inline: number, directory: number) {
    this.#words = agent.region.words;
    this.#agent = agent;
    this.watched = at;
    this.#heir = heir;
    this.#permits = permits;
    if (permits <= INLINE_PERMITS) this.#parts.push(inline);
    else for (let index = 0; index * ANNEX_WORDS < permits; index++) this.#parts.push(annexAt(directory, index));
  }

  take(): boolean {
    this.wasReserved = false;
    const words = this.#words;
    const me = this.#agent.id;
    for (;;) {
      const index = this.#findFree(this.#hint, this.#permits);
      if (index < 0) return false;
      const hasHeir = load(words, this.watched) < 0;
      // the last one is the heir's
      this.wasReserved = hasHeir && this.#findFree(index + 1, this.#permits - 1) < 0 && this.#heir.isAnothers();
      if (this.wasReserved) return false;
      const at = this.#wordOf(index);
      const holder = load(words, at);
      if (!this.#isFree(holder) || Atomics.compareExchange(words, at, holder, me) !== holder) continue;
      if (fault !== null) fault('semaphore.taken');
      this.#hint = index;
      if (hasHeir && !this.#heir.isNamed()) Atomics.and(words, this.watched, MAX_COUNT);
      return true;
    }
  }

  reserve(): void {
    Atomics.or(this.#words, this.watched, HAS_HEIR);
    if (fault !== null) fault('semaphore.reserved');
  }

  /** Its own first, then those of the dead, then any: whoever acquired may let another one release. */
  give(n: number): number {
    if (n > 1) {
      const held = this.#permits - this.#count((holder) => holder === 0);
      if (n > held) return held;
    }
    for (let given = 0; given < n; given++) if (!this.#giveOne()) return given;
    if (fault !== null) fault('semaphore.given');
    return Atomics.add(this.#words, this.watched, 1) < 0 ? GIVEN_TO_HEIR : GIVEN;
  }

  free(): number {
    return this.#count((holder) => this.#isFree(holder));
  }

  #giveOne(): boolean {
    const me = this.#agent.id;
    return (
      this.#clear((holder) => holder === me) ||
      this.#clear((holder) => holder !== 0 && isDead(this.#words, holder)) ||
      this.#clear((holder) => holder !== 0)
    );
  }

  #clear(isIt: (holder: number) => boolean): boolean {
    const words = this.#words;
    for (let i = 0; i < this.#permits; i++) {
      const index = (this.#hint + i) % this.#permits;
      const at = this.#wordOf(index);
      const holder = load(words, at);
      if (!isIt(holder) || Atomics.compareExchange(words, at, holder, 0) !== holder) continue;
      this.#hint = index;
      return true;
    }
    return false;
  }

  /** Looks at `count` permits from `start`, and round. */
  #findFree(start: number, count: number): number {
    const permits = this.#permits;
    for (let i = 0, index = start; i < count; i++, index++) {
      if (index >= permits) index -= permits;
      if (this.#isFree(load(this.#words, this.#wordOf(index)))) return index;
    }
    return -1;
  }

  #isFree(holder: number): boolean {
    return holder === 0 || isDead(this.#words, holder);
  }

  #count(isIt: (holder: number) => boolean): number {
    let count = 0;
    for (let index = 0; index < this.#permits; index++) if (isIt(load(this.#words, this.#wordOf(index)))) count++;
    return count;
  }

  #wordOf(index: number): number {
    if (this.#parts.length === 1) return (this.#parts[0] as number) + index;
    return (this.#parts[Math.floor(index / ANNEX_WORDS)] as number) + (index % ANNEX_WORDS);
  }
}

/** Up to so many have their table in the semaphore's own block. */
export const INLINE_PERMITS = 64;

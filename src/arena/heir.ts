/**
 * The heir of a lock or of a permit: the one agent for whom the next release reserves it, since it was passed over too often. A single word.
 *
 * A reservation is advice, never ownership: what is reserved is free, and whoever takes it does so by the same CAS as ever. So an heir that is killed,
 * stopped, or busy elsewhere takes nothing along: the dead are not waited for, and the living for `GRACE_MS`.
 */
import { type Agent, isDead } from './agent.js';
import { load } from './words.js';

/** Ample for a wake-up on a busy machine, and little beside the time that its heir has waited. */
export const GRACE_MS = 20;
/** How often one may be passed over before it asks to be the heir. */
export const PATIENCE = 4;

/** The word: agent id, and above it the number of the claim, so that two claims of one agent are told apart. */
const ID = (1 << 22) - 1;
const CLAIM_SHIFT = 22;
const CLAIM_MASK = 0x3ff;

/** One agent's view of the word. */
export class Heir {
  readonly #words: Int32Array;
  readonly #agent: Agent;
  readonly #at: number;
  /** What we have written there; 0: we have not asked, or were served. */
  #claim = 0;
  #claims = 0;
  /** Whose reservation we met last, and when first. */
  #met = 0;
  #metAt = 0;

  constructor(agent: Agent, at: number) {
    this.#words = agent.region.words;
    this.#agent = agent;
    this.#at = at;
  }

  /** In a forked child: what is known here is its parent's. */
  forget(): void {
    this.#claim = 0;
    this.#met = 0;
  }

  /** Asks for the next release. Whether this agent is the heir now: another living one may be. */
  claim(): boolean {
    const found = load(this.#words, this.#at);
    if (found !== 0) {
      if (found === this.#claim) return true;
      if (!isDead(this.#words, found & ID)) return false;
    }
    this.#claims = (this.#claims + 1) & CLAIM_MASK;
    const claim = this.#agent.id | (this.#claims << CLAIM_SHIFT);
    this.#claim = Atomics.compareExchange(this.#words, this.#at, found, claim) === found ? claim : 0;
    return this.#claim !== 0;
  }

  /** Served, or waiting no more. @returns whether it was named until now: what is reserved for it then is anybody's, and nobody has been told */
  withdraw(): boolean {
    const claim = this.#claim;
    this.#claim = 0;
    return claim !== 0 && Atomics.compareExchange(this.#words, this.#at, claim, 0) === claim;
  }

  /** Whether a living agent is named: a release reserves then. */
  isNamed(): boolean {
    const heir = load(this.#words, this.#at);
    return heir !== 0 && !isDead(this.#words, heir & ID);
  }

  /** Whether what is reserved must be left to another agent. When its grace is over, its name is taken out. REQUIRES: there is a reservation. */
  isAnothers(): boolean {
    const heir = load(this.#words, this.#at);
    if (heir === 0 || (heir & ID) === this.#agent.id || isDead(this.#words, heir & ID)) return false;
    const now = performance.now();
    if (heir !== this.#met) {
      this.#met = heir;
      this.#metAt = now;
    } else if (now - this.#metAt >= GRACE_MS) {
      this.#met = 0;
      Atomics.compareExchange(this.#words, this.#at, heir, 0);
      return false;
    }
    return true;
  }
}

/**
 * Who has arrived at a Barrier: a record of 64 bits for each party, the round it arrived in and its agent id. In a round the records fill from the first
 * one on; a record of an earlier round is an empty one. So one CAS makes a party arrive, and says who it is, and nothing has to be cleared.
 *
 * A party may come to a round that is over by then. So a record of a later round is never an empty one: it would be taken from a party that waits.
 */
import { currentAgent, isDead } from '../arena/agent.js';
import { longs } from '../arena/words.js';
import { ANNEX_WORDS, annexAt } from '../memory/annex.js';

const ID_BITS = 22n;
const ID = (1 << 22) - 1;
/** Rounds are numbered with 30 bits, and come round. */
const ROUND_SHIFT = 2;
const ANNEX_RECORDS = ANNEX_WORDS / 2;
/** Up to so many have their records in the barrier's own block. */
export const INLINE_ARRIVALS = 32;

export class Arrivals {
  readonly #longs: BigInt64Array;
  readonly #parties: number;
  /** First records of the parts of the table. */
  readonly #parts: number[] = [];

  /** `inline`: first word of the table, if it needs no annexes. Both are even. */
  constructor(parties: number, inline: number, directory: number) {
    this.#longs = longs(currentAgent().region.words);
    this.#parties = parties;
    if (parties <= INLINE_ARRIVALS) this.#parts.push(inline >> 1);
    else for (let index = 0; index * ANNEX_RECORDS < parties; index++) this.#parts.push(annexAt(directory, index) >> 1);
  }

  /** The calling agent arrives in the round: its place, 0 for the first. -1: all have, or the round is over. */
  arrive(round: number): number {
    const mine = (BigInt(round) << ID_BITS) | BigInt(currentAgent().id);
    for (;;) {
      const place = this.count(round);
      if (place === this.#parties || leadOf(Atomics.load(this.#longs, this.#at(0)), round) > 0) return -1;
      const at = this.#at(place);
      const found = Atomics.load(this.#longs, at);
      if (leadOf(found, round) >= 0) continue; // another one was quicker
      if (Atomics.compareExchange(this.#longs, at, found, mine) === found) return place;
    }
  }

  /** How many have arrived in the round, or in a later one. */
  count(round: number): number {
    let [from, to] = [0, this.#parties];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (this.#hasArrived(middle, round)) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /** Whether one that has arrived in the round has ended since. */
  hasDead(round: number): boolean {
    const { words } = currentAgent().region;
    for (let place = 0; place < this.#parties && this.#hasArrived(place, round); place++)
      if (isDead(words, Number(Atomics.load(this.#longs, this.#at(place))) & ID)) return true;
    return false;
  }

  #hasArrived(place: number, round: number): boolean {
    return leadOf(Atomics.load(this.#longs, this.#at(place)), round) >= 0;
  }

  #at(place: number): number {
    return (this.#parts[Math.floor(place / ANNEX_RECORDS)] as number) + (place % ANNEX_RECORDS);
  }
}

/** By how many rounds a record is later than the round; negative when it is an empty one. */
function leadOf(record: bigint, round: number): number {
  return record === 0n ? -1 : ((Number(record >> ID_BITS) - round) << ROUND_SHIFT) >> ROUND_SHIFT;
}

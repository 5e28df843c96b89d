/**
 * Tasks in hand, of a JoinableQueue: what was got and is not done yet. Each agent has a record of how many it has; so
 *
 *     unfinished = put - got, by the ring's own counts, + what is in the hands of the living
 *
 * and there is no counter of unfinished tasks that a kill could part from the queue. What the dead had in hand is done, and *lost*.
 *
 * A record has the agent's id, BASE, and HELD = BASE + how many tasks it has in hand. When an agent takes over the record of one that has ended, HELD stays
 * as it is and becomes BASE: so of the living BASE, of the dead HELD is what was lost by all who had the record, whenever the one that takes it over is
 * killed.
 *
 * HELD is raised before the get is committed. So that a task is not counted as lost whose taker was killed between the two, since it is still in the queue:
 * the low bit of HELD, its phase, changes with each get, and before that PHASE says what it is going to be, and AT the ring's count. The get was counted, but
 * not committed, if the phase is as PHASE says and the ring's count still as AT does. Whoever inherits the get lock from a dead one takes that back.
 *
 * Records are taken over under the get lock. Everything else is a CAS: an agent's own HELD by itself, another's together with its id, as a pair.
 */
import { currentAgent, isDead } from '../arena/agent.js';
import { currentWaiting } from '../arena/waiting.js';
import { load, longs, store } from '../arena/words.js';
import { addAnnex, ANNEX_WORDS, annexAt, DIRECTORY_WORDS, dropAnnexes } from '../memory/annex.js';
import { fault } from '../util/fault.js';
import type { Ring } from './ring.js';

// ---- words of the table: behind the ring's ----------------------------------------------------------------------------------------
/** Event count of those who wait until all is done. */
const EVENTS = 0;
/** How many tasks were called done after their holder had ended. */
const FOUND = 2;
const DIRECTORY = 16;
const FIRST_RECORDS = DIRECTORY + DIRECTORY_WORDS;
/** A cache line each: its agent writes it at every task. */
const RECORD_WORDS = 16;
const INLINE_RECORDS = 16;
const ANNEX_RECORDS = ANNEX_WORDS / RECORD_WORDS;
export const TASKS_WORDS = FIRST_RECORDS + INLINE_RECORDS * RECORD_WORDS;

// ---- words of a record: the first two are a pair ----------------------------------------------------------------------------------
const ID = 0;
/** Twice the tasks, plus the phase. */
const HELD = 1;
const BASE = 2;
const PHASE = 3;
const AT = 4;
const ONE = 2;
const ONE_OF_PAIR = BigInt(ONE) << 32n;

export class Tasks {
  /** Event count of those who wait until all is done. */
  readonly events: number;
  readonly #words: Int32Array;
  readonly #longs: BigInt64Array;
  readonly #at: number;
  /** This agent's record, 0 while it is not known. */
  #own = 0;
  /** First words of the annexes met so far. */
  readonly #annexes: number[] = [];

  constructor(at: number) {
    const { words } = currentAgent().region;
    this.#words = words;
    this.#longs = longs(words);
    this.#at = at;
    this.events = at + EVENTS;
  }

  /** The calling agent has one more, if the get is committed now. `got`: the ring's count. REQUIRES: the get lock. @throws OutOfMemoryError */
  take(got: number): void {
    const words = this.#words;
    const record = this.#findOwn() || this.#claim();
    const phase = ~(words[record + HELD] as number) & 1;
    store(words, record + PHASE, phase);
    store(words, record + AT, got);
    if (fault !== null) fault('tasks.taking');
    Atomics.add(words, record + HELD, phase === 1 ? ONE + 1 : ONE - 1);
    if (fault !== null) fault('tasks.taken');
  }

  /** Takes back what a dead one has counted and not committed. REQUIRES: the get lock, inherited from a dead one, and no get since. */
  repair(got: number): void {
    const words = this.#words;
    for (let index = 0, record = this.#record(0); record !== 0; record = this.#record(++index)) {
      const id = load(words, record + ID);
      if (id === 0) break;
      if (!isDead(words, id) || this.#torn(record, load(words, record + HELD), got) === 0) continue;
      Atomics.sub(words, record + HELD, words[record + PHASE] === 1 ? ONE + 1 : ONE - 1);
    }
  }

  /**
   * One task is done: of the calling agent, or if it has none of another living one, or else of one that has ended, and then it was not lost after all.
   * False: all are done already. REQUIRES: the ring of the same queue
   */
  finish(ring: Ring): boolean {
    for (;;) {
      const got = ring.got();
      if (this.#finishOwn() || this.#finishAnothers(ring) || this.#finishLost(ring)) break;
      if (ring.got() === got) return false; // else there may be one now where we have looked already
    }
    if (fault !== null) fault('tasks.done');
    if (load(this.#words, this.events) !== 0 && this.areDone(ring)) currentWaiting().notifyAll(this.events);
    return true;
  }

  /**
   * Whether all that was ever put is done, at some moment during the call. While both counts of the ring stay the same nobody takes anything, so what is in
   * hand only shrinks while we look; and one who puts a task before it calls its own done is seen with the one or with the other.
   */
  areDone(ring: Ring): boolean {
    for (;;) {
      const got = ring.got();
      if (ring.size() !== 0 || this.inHand() !== 0) return false;
      if (ring.got() === got && ring.size() === 0) return true;
    }
  }

  /** How many tasks the living have in hand. */
  inHand(): number {
    const words = this.#words;
    let sum = 0;
    for (let index = 0, record = this.#record(0); record !== 0; record = this.#record(++index)) {
      const id = load(words, record + ID);
      if (id === 0) break;
      const held = this.#inHandOf(record);
      if (held !== 0 && !isDead(words, id)) sum += held;
    }
    return sum;
  }

  /** How many tasks were in the hands of agents that have ended, and were not called done by others since. */
  lost(ring: Ring): number {
    return Math.max(0, this.#lostByAll(ring) - load(this.#words, this.#at + FOUND));
  }

  #inHandOf(record: number): number {
    return ((load(this.#words, record + HELD) & ~1) - load(this.#words, record + BASE)) / ONE;
  }

  /** ONE if the last of those that are held was counted and is not committed, or 0. */
  #torn(record: number, held: number, got: number): number {
    const words = this.#words;
    if (load(words, record + AT) !== got || (held & 1) !== load(words, record + PHASE)) return 0;
    return (held & ~1) === load(words, record + BASE) ? 0 : ONE; // a new record looks so before the first get of all
  }

  #finishOwn(): boolean {
    const words = this.#words;
    const record = this.#findOwn();
    if (record === 0) return false;
    for (;;) {
      const held = load(words, record + HELD);
      if ((held & ~1) === words[record + BASE]) return false;
      if (Atomics.compareExchange(words, record + HELD, held, held - ONE) === held) return true;
    }
  }

  #finishAnothers(ring: Ring): boolean {
    const words = this.#words;
    for (let index = 0, record = this.#record(0); record !== 0; record = this.#record(++index)) {
      for (;;) {
        const got = ring.got();
        const pair = Atomics.load(this.#longs, record >> 1);
        const id = Number(BigInt.asIntN(32, pair));
        const held = Number(pair >> 32n);
        if (id === 0 || isDead(words, id) || (held & ~1) === load(words, record + BASE)) break;
        const torn = this.#torn(record, held, got);
        if (ring.got() !== got) continue; // what was read may belong to two gets
        if ((held & ~1) - torn === load(words, record + BASE)) break;
        if (Atomics.compareExchange(this.#longs, record >> 1, pair, pair - ONE_OF_PAIR) === pair) return true;
      }
    }
    return false;
  }

  #finishLost(ring: Ring): boolean {
    const at = this.#at + FOUND;
    for (;;) {
      const found = load(this.#words, at);
      if (this.#lostByAll(ring) - found <= 0) return false;
      if (Atomics.compareExchange(this.#words, at, found, found + 1) === found) return true;
    }
  }

  /** Whoever has dropped what they held, called done since or not. */
  #lostByAll(ring: Ring): number {
    const words = this.#words;
    for (;;) {
      const got = ring.got();
      let sum = 0;
      for (let index = 0, record = this.#record(0); record !== 0; record = this.#record(++index)) {
        const pair = Atomics.load(this.#longs, record >> 1);
        const id = Number(BigInt.asIntN(32, pair));
        if (id === 0) break;
        const held = Number(pair >> 32n);
        sum += isDead(words, id) ? (held & ~1) - this.#torn(record, held, got) : load(words, record + BASE);
      }
      if (ring.got() === got) return sum / ONE; // else records may have changed hands, or been repaired, between two looks
    }
  }

  /** The calling agent's record, 0 if it has none. In a forked child the one that was known is the parent's. */
  #findOwn(): number {
    const words = this.#words;
    const { id } = currentAgent();
    if (this.#own !== 0 && words[this.#own + ID] === id) return this.#own;
    for (let index = 0, record = this.#record(0); record !== 0; record = this.#record(++index)) {
      const holder = load(words, record + ID);
      if (holder === 0) break; // they fill from the first one on
      if (holder === id) return (this.#own = record);
    }
    return 0;
  }

  /** Makes a record the calling agent's: one that nobody had yet, or that of one that has ended. REQUIRES: the get lock. */
  #claim(): number {
    const words = this.#words;
    const { id } = currentAgent();
    for (let index = 0; ; index++) {
      const record = this.#record(index) || this.#grow();
      for (;;) {
        const pair = Atomics.load(this.#longs, record >> 1);
        const holder = Number(BigInt.asIntN(32, pair));
        if (holder !== 0 && !isDead(words, holder)) break;
        Atomics.store(words, record + BASE, Number(pair >> 32n) & ~1);
        if (fault !== null) fault('tasks.settled');
        // fails if one that took the holder for alive has called a task of it done
        if (Atomics.compareExchange(this.#longs, record >> 1, pair, pair - BigInt(holder) + BigInt(id)) !== pair) continue;
        if (fault !== null) fault('tasks.claimed');
        this.#own = record;
        return record;
      }
    }
  }

  /** First word of the record of that number, 0 if there is no memory for it yet. */
  #record(index: number): number {
    if (index < INLINE_RECORDS) return this.#at + FIRST_RECORDS + index * RECORD_WORDS;
    const number = Math.floor((index - INLINE_RECORDS) / ANNEX_RECORDS);
    const annex = this.#annexes[number] || annexAt(this.#at + DIRECTORY, number);
    if (annex === 0) return 0;
    this.#annexes[number] = annex;
    return annex + ((index - INLINE_RECORDS) % ANNEX_RECORDS) * RECORD_WORDS;
  }

  #grow(): number {
    return addAnnex(this.#at + DIRECTORY);
  }
}

/** The queue is being freed. */
export function dropTasks(at: number): void {
  dropAnnexes(at + DIRECTORY);
}

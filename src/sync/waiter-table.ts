/**
 * The waiters of a Condition: a record for each, so that a notification goes to one that waits and to nobody else. It is the earliest living one, and
 * it alone is woken: each record has an event count of its own.
 *
 * A record is free (state 0), or its waiter's: agent id | WAITING, and then, by a notifier's CAS, id | NOTIFIED. A waiter that ended is passed over; if it
 * was notified and ended before its wait was over, whoever finds that out takes its notification by CAS and passes it on. So none is lost, and none comes
 * twice. Records are taken and given back under the condition's lock, but nothing breaks where that is not so: every change is a CAS.
 */
import { currentAgent, isDead } from '../arena/agent.js';
import { type AsyncWait, currentWaiting, type Deadline } from '../arena/waiting.js';
import { load } from '../arena/words.js';
import { addAnnex, ANNEX_WORDS, annexAt, DIRECTORY_WORDS, dropAnnexes } from '../memory/annex.js';
import { fault } from '../util/fault.js';

const ID = (1 << 22) - 1;
const WAITING = 1 << 22;
const NOTIFIED = 1 << 23;

/** A record: state, ticket, event count. */
const STATE = 0;
const TICKET = 1;
const EVENTS = 2;
const RECORD_WORDS = 4;

/** Between two looks for the notified dead by those who wait. A look goes through the whole table, and a thousand promises may look at once. */
const LOOK_MS = 100;

/** The table: the next ticket, then the directory of further records, then the first ones, on a cache line of their own. */
const NEXT_TICKET = 0;
const DIRECTORY = 4;
const FIRST_RECORDS = 4 + DIRECTORY_WORDS + 12;
const INLINE_RECORDS = 16;
const ANNEX_RECORDS = ANNEX_WORDS / RECORD_WORDS;
export const WAITER_TABLE_WORDS = FIRST_RECORDS + INLINE_RECORDS * RECORD_WORDS;

/** First word of a record. */
export type WaiterRecord = number;

export class WaiterTable {
  readonly #words: Int32Array;
  readonly #at: number;
  /** First words of the annexes met so far. */
  readonly #annexes: number[] = [];
  /** When a waiter of this agent has last looked for the notified dead. */
  #lookedAt = 0;

  constructor(at: number) {
    this.#words = currentAgent().region.words;
    this.#at = at;
  }

  /** The calling agent waits from now on. REQUIRES: the lock. @throws OutOfMemoryError */
  enter(): WaiterRecord {
    const words = this.#words;
    const { id } = currentAgent();
    this.#passOnFromDead(); // before there is one more: what was notified before is not for those who come later
    const ticket = Atomics.add(words, this.#at + NEXT_TICKET, 1);
    for (let index = 0; ; index++) {
      const record = this.#record(index) || this.#grow();
      const state = load(words, record + STATE);
      if (state !== 0 && !isDead(words, state & ID)) continue;
      words[record + TICKET] = ticket;
      if (Atomics.compareExchange(words, record + STATE, state, id | WAITING) !== state) continue;
      if (fault !== null) fault('condition.entered');
      if ((state & NOTIFIED) !== 0) this.notify(1); // of one that ended
      return record;
    }
  }

  /** Blocks until this waiter is notified, or the deadline has passed. */
  waitSync(record: WaiterRecord, deadline: Deadline): boolean {
    return currentWaiting().waitSync(record + EVENTS, (looks) => this.#isOver(record, looks), deadline, { watched: record + STATE });
  }

  /** The promise twin of `waitSync`. */
  wait(record: WaiterRecord, options: AsyncWait): Promise<boolean> {
    return currentWaiting().waitAsync(record + EVENTS, (looks) => this.#isOver(record, looks), options);
  }

  isNotified(record: WaiterRecord): boolean {
    return (load(this.#words, record + STATE) & NOTIFIED) !== 0;
  }

  /** Gives the record back. @returns whether the waiter had been notified */
  leave(record: WaiterRecord): boolean {
    return (Atomics.exchange(this.#words, record + STATE, 0) & NOTIFIED) !== 0;
  }

  /** Notifies the `count` living waiters that have waited longest, or all if they are fewer. Waits for nobody. */
  notify(count: number): void {
    for (let left = count; left > 0; left--) {
      const record = this.#earliest();
      if (record === 0) return;
      const state = load(this.#words, record + STATE);
      if ((state & WAITING) === 0 || !this.#tell(record, state)) left++; // it has just left, or been told by another one
    }
  }

  notifyAll(): void {
    const words = this.#words;
    for (let index = 0, record = this.#record(0); record !== 0; record = this.#record(++index)) {
      const state = load(words, record + STATE);
      if ((state & WAITING) !== 0) this.#tell(record, state);
    }
  }

  /** How many living agents' waits are under way, notified ones not counted. */
  count(): number {
    let count = 0;
    for (let index = 0, record = this.#record(0); record !== 0; record = this.#record(++index)) if (this.#waits(record)) count++;
    return count;
  }

  /** Rejects the promises of this agent that wait here. */
  reject(reason: Error): void {
    const { id } = currentAgent();
    for (let index = 0, record = this.#record(0); record !== 0; record = this.#record(++index))
      if ((load(this.#words, record + STATE) & ID) === id) currentWaiting().reject(record + EVENTS, reason);
  }

  #tell(record: WaiterRecord, state: number): boolean {
    if (Atomics.compareExchange(this.#words, record + STATE, state, (state & ID) | NOTIFIED) !== state) return false;
    if (fault !== null) fault('condition.notified');
    currentWaiting().notifyOne(record + EVENTS);
    return true;
  }

  #waits(record: WaiterRecord): boolean {
    const state = load(this.#words, record + STATE);
    return (state & WAITING) !== 0 && !isDead(this.#words, state & ID);
  }

  #earliest(): WaiterRecord {
    const words = this.#words;
    let earliest = 0;
    for (let index = 0, record = this.#record(0); record !== 0; record = this.#record(++index)) {
      if (!this.#waits(record)) continue;
      if (earliest === 0 || (((words[record + TICKET] as number) - (words[earliest + TICKET] as number)) | 0) < 0) earliest = record;
    }
    return earliest;
  }

  /** One look of a waiter; when it has slept, it also looks whether a notified one has ended, since nobody else may. */
  #isOver(record: WaiterRecord, looks: number): boolean {
    if (this.isNotified(record)) return true;
    if (looks < 2 || performance.now() - this.#lookedAt < LOOK_MS) return false;
    this.#passOnFromDead();
    return this.isNotified(record);
  }

  #passOnFromDead(): void {
    const words = this.#words;
    this.#lookedAt = performance.now();
    for (let index = 0, record = this.#record(0); record !== 0; record = this.#record(++index)) {
      const state = load(words, record + STATE);
      if ((state & NOTIFIED) === 0 || !isDead(words, state & ID)) continue;
      if (Atomics.compareExchange(words, record + STATE, state, 0) === state) this.notify(1);
    }
  }

  /** 0: there are no more. */
  #record(index: number): WaiterRecord {
    if (index < INLINE_RECORDS) return this.#at + FIRST_RECORDS + index * RECORD_WORDS;
    const further = index - INLINE_RECORDS;
    const number = Math.floor(further / ANNEX_RECORDS);
    const known = this.#annexes[number];
    const base = known ?? annexAt(this.#at + DIRECTORY, number);
    if (base === 0) return 0;
    if (known === undefined) this.#annexes[number] = base;
    return base + (further % ANNEX_RECORDS) * RECORD_WORDS;
  }

  #grow(): WaiterRecord {
    return addAnnex(this.#at + DIRECTORY);
  }
}

/** The condition is being freed. */
export function dropWaiterTable(at: number): void {
  dropAnnexes(at + DIRECTORY);
}

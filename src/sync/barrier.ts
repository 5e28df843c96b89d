/** A meeting of a fixed number of parties. As Python's `multiprocessing.Barrier`. */
import { inspect } from 'node:util';
import { currentAgent } from '../arena/agent.js';
import { type Attempt, currentWaiting, type Deadline } from '../arena/waiting.js';
import { load } from '../arena/words.js';
import { BrokenBarrierError, StateError } from '../errors.js';
import { addAnnex, ANNEX_WORDS, DIRECTORY_WORDS, dropAnnexes, MAX_ANNEXES } from '../memory/annex.js';
import { BLOCK_BARRIER, onDestroy, payloadWord } from '../memory/block.js';
import {
  bindShared,
  closedError,
  createShared,
  Existing,
  type Handle,
  holdForWait,
  letGoAfterWait,
  onRebuild,
  unbindShared,
} from '../memory/handle.js';
import { handleOf, type Passable } from '../serialize/passable.js';
import { fault } from '../util/fault.js';
import { options as checkOptions, integer, rangeError, typeError } from '../util/validate.js';
import { deadlineOf, type WaitOptions } from '../util/wait-options.js';
import { Arrivals, INLINE_ARRIVALS } from './arrivals.js';
import { type Action, BarrierAction } from './barrier-action.js';

export interface BarrierOptions {
  /** Runs once in each round, in the process that comes last, before anybody is let go; may be async for those who `wait()`. */
  action?: Action;
  /** Milliseconds that a party waits for the others unless its `wait` says otherwise. Default: for ever. */
  timeout?: number;
}

/** Payload: state, event count, parties; the timeout, a float64; the action's state, 2 words; how the last rounds ended; directories; records. */
const STATE_WORD = 0;
const EVENTS_WORD = 1;
const PARTIES_WORD = 3;
const TIMEOUT_WORD = 4;
const ACTION_WORD = 6;
const ENDINGS_WORD = 8;
/** For the last broken one of the rounds that have the same number modulo this: that number, plus 1. Nothing is ever cleared, so one who was stopped can do no harm here. */
const ENDINGS_WORDS = 64;
const ACTION_DIRECTORY = ENDINGS_WORD + ENDINGS_WORDS;
const DIRECTORY_WORD = ACTION_DIRECTORY + DIRECTORY_WORDS;
const RECORDS_WORD = DIRECTORY_WORD + DIRECTORY_WORDS;

/** State: the round, above one bit that says that it is broken. */
const BROKEN = 1;
const ROUND_MASK = 0x3fffffff;
const MAX_PARTIES = (ANNEX_WORDS / 2) * MAX_ANNEXES;

/** Between two looks whether a party has ended, of which nobody else tells: a thread, and a promise, which its event loop may delay. */
const DEAD_SLICE_MS = 150;
const DEAD_SLICE_ASYNC_MS = 100;

/**
 * A barrier shared by all processes and threads of the family that hold it: whoever calls `wait` is let go when `parties` have called it, again and again.
 *
 * A party that ends, gives up or is out of time while it waits *breaks* the barrier: all that wait, and all that come, get BrokenBarrierError until somebody
 * calls `reset()`. An ended one is noticed within 200 ms.
 *
 * ```js
 * const barrier = new Barrier(3);
 * await barrier.wait(); // in each of three processes
 * ```
 */
export class Barrier implements Passable {
  readonly #handle: Handle;
  readonly #at: number;
  readonly #arrivals: Arrivals;
  readonly #action: BarrierAction;
  #words: Int32Array | undefined;

  /** `parties`: 1 to 32,000. @throws TypeError, RangeError, OutOfMemoryError */
  constructor(parties: number, options?: BarrierOptions) {
    const { words } = currentAgent().region;
    let action: Action | undefined;
    if ((parties as unknown) instanceof Existing) this.#handle = (parties as unknown as Existing).handle;
    else {
      this.#handle = this.#create(parties, options);
      action = options?.action;
    }
    const at = payloadWord(this.#handle.offset);
    this.#at = at;
    this.#words = words;
    this.#arrivals = new Arrivals(words[at + PARTIES_WORD] as number, at + RECORDS_WORD, at + DIRECTORY_WORD);
    this.#action = new BarrierAction(this.#handle.offset, at + ACTION_WORD, at + ACTION_DIRECTORY, action);
  }

  /** How many must come. */
  get parties(): number {
    return this.#live()[this.#at + PARTIES_WORD] as number;
  }

  /** How many wait at this moment. */
  get nWaiting(): number {
    const state = this.#state();
    return (state & BROKEN) !== 0 ? 0 : this.#arrivals.count(roundOf(state));
  }

  /** Whether the barrier is broken. */
  get broken(): boolean {
    return (this.#state() & BROKEN) !== 0;
  }

  /**
   * Waits for the other parties. Resolves, when all have come, to this party's place: 0 for the first, and each once. Rejects with BrokenBarrierError when the
   * barrier is broken, or when `timeout` milliseconds are over, which breaks it; with the signal's reason, which breaks it too; with what the action throws, in the
   * party that ran it, which breaks it as well.
   */
  async wait(options?: WaitOptions): Promise<number> {
    this.#live();
    const deadline = this.#deadline(options);
    const signal = options?.signal;
    const { offset } = this.#handle;
    holdForWait(offset);
    try {
      const action = this.#action.exists ? await this.#action.get(deadline, signal).catch((error: unknown) => error as Error) : undefined;
      const [round, place] = await this.#arrive(async (attempt) => {
        await currentWaiting().waitAsync(this.#at + EVENTS_WORD, attempt, { deadline, signal, sliceMs: DEAD_SLICE_ASYNC_MS });
      });
      try {
        if (action !== undefined && place === this.parties - 1) {
          if (typeof action !== 'function') throw action;
          await action();
          this.#complete(round);
        }
        await currentWaiting().waitAsync(this.#at + EVENTS_WORD, this.#attempt(round), { deadline, signal, sliceMs: DEAD_SLICE_ASYNC_MS });
        if (!this.#isOver(round)) this.#break(round); // out of time
        return this.#conclude(round, place);
      } catch (error) {
        this.#break(round);
        throw error;
      }
    } finally {
      letGoAfterWait(offset);
    }
  }

  /** The blocking twin of `wait`: parks the thread. The action must not be async. */
  waitSync(options?: WaitOptions): number {
    this.#live();
    const deadline = this.#deadline(options);
    const waitFor = (attempt: Attempt): void =>
      void currentWaiting().waitSync(this.#at + EVENTS_WORD, attempt, deadline, { watched: this.#at + STATE_WORD, sliceMs: DEAD_SLICE_MS });
    const [round, place] = this.#arriveSync(waitFor);
    try {
      if (place === this.parties - 1 && this.#action.exists) {
        const result = this.#action.getNow()();
        if (typeof (result as PromiseLike<unknown> | null)?.then === 'function')
          throw new StateError('ERR_FORKFUL_ACTION', "The barrier's action is async, and waitSync() cannot wait for it: use wait()");
        this.#complete(round);
      }
      waitFor(this.#attempt(round));
      if (!this.#isOver(round)) this.#break(round); // out of time
      return this.#conclude(round, place);
    } catch (error) {
      this.#break(round);
      throw error;
    }
  }

  /** Mends a broken barrier, and sends those who wait away with BrokenBarrierError. Does nothing when it is whole and nobody waits. */
  reset(): void {
    const words = this.#live();
    for (;;) {
      const state = load(words, this.#at + STATE_WORD);
      const round = roundOf(state);
      if ((state & BROKEN) === 0) {
        if (this.#arrivals.count(round) === 0) return;
        this.#break(round);
        continue;
      }
      this.#noteBroken(round); // before the round is over: who looks then wants to know how
      if (fault !== null) fault('barrier.ended');
      if (this.#nextRound(state)) return;
    }
  }

  /** Breaks the barrier: all that wait, and all that come, get BrokenBarrierError until somebody calls `reset()`. */
  abort(): void {
    this.#live();
    while (!this.broken) this.#break(roundOf(this.#state()));
  }

  /** Lets go of its memory; freed when all holders have. Using it afterwards throws ClosedError, and so do this thread's promises that still wait, which breaks it. Idempotent. */
  [Symbol.dispose](): void {
    if (this.#words === undefined) return;
    currentWaiting().reject(this.#at + EVENTS_WORD, closedError('barrier'));
    this.#words = undefined;
    unbindShared(this, this.#handle);
  }

  [handleOf](): Handle {
    this.#live();
    this.#action.name();
    return this.#handle;
  }

  [inspect.custom](): string {
    if (this.#words === undefined) return '<Barrier disposed>';
    return `<Barrier parties=${this.parties} ${this.broken ? 'broken' : `waiting=${this.nWaiting}`}>`;
  }

  /** The calling party comes: the round, and its place in it. One that finds a round full waits for the next. */
  async #arrive(waitFor: (attempt: Attempt) => Promise<void>): Promise<[round: number, place: number]> {
    for (;;) {
      const arrival = this.#tryArrive();
      if (arrival[1] >= 0) return arrival;
      const attempt = this.#attempt(arrival[0]);
      if (!attempt(0)) await waitFor(attempt); // else at once, or one that comes later would be in the next round before it
      this.#conclude(...arrival);
    }
  }

  #arriveSync(waitFor: (attempt: Attempt) => void): [round: number, place: number] {
    for (;;) {
      const arrival = this.#tryArrive();
      if (arrival[1] >= 0) return arrival;
      waitFor(this.#attempt(arrival[0]));
      this.#conclude(...arrival);
    }
  }

  #tryArrive(): [round: number, place: number] {
    const state = this.#state();
    if ((state & BROKEN) !== 0) throw brokenError();
    const round = roundOf(state);
    const place = this.#arrivals.arrive(round);
    if (place >= 0 && fault !== null) fault('barrier.arrived');
    return [round, place];
  }

  /** One look of a party: whether its round is over. It also does what another one may not have come to: lets all go who have come, or breaks the barrier for one that ended. */
  #attempt(round: number): Attempt {
    return (looks) => {
      if (this.#isOver(round)) return true;
      if (!this.#action.exists && this.#arrivals.count(round) === this.parties) this.#complete(round);
      else if (looks > 1 && this.#arrivals.hasDead(round)) this.#break(round);
      return this.#isOver(round);
    };
  }

  #isOver(round: number): boolean {
    const state = load(this.#live(), this.#at + STATE_WORD);
    return roundOf(state) !== round || (state & BROKEN) !== 0;
  }

  /** How the round ended. @throws BrokenBarrierError */
  #conclude(round: number, place: number): number {
    const state = this.#state();
    if (roundOf(state) === round && (state & BROKEN) === 0)
      throw new BrokenBarrierError('All parties have come to the barrier already, and were not let go in time');
    if (roundOf(state) === round) throw brokenError();
    const noted = Atomics.load(this.#live(), this.#ending(round));
    const behind = (roundOf(this.#state()) - round) & ROUND_MASK; // after the note was read: it may be of the round that is on now, but of none that is later
    const ahead = (noted - 1 - round) & ROUND_MASK;
    if (noted === 0 || ahead > behind) return place;
    if (ahead === 0) throw brokenError();
    throw new BrokenBarrierError(
      `This party of the barrier was away for ${behind} rounds, and some were broken: how its own ended is forgotten`,
    );
  }

  /** All have come, and the action has run: lets them go. */
  #complete(round: number): void {
    this.#nextRound(round << 1);
  }

  /** Also after disposal: whoever still waits then holds the memory. */
  #break(round: number): void {
    const { words } = currentAgent().region;
    if (Atomics.compareExchange(words, this.#at + STATE_WORD, round << 1, (round << 1) | BROKEN) !== round << 1) return;
    if (fault !== null) fault('barrier.broken');
    currentWaiting().notifyAll(this.#at + EVENTS_WORD);
  }

  /** From `state` on to an empty round. False: the state has changed meanwhile. */
  #nextRound(state: number): boolean {
    const words = this.#live();
    const next = ((roundOf(state) + 1) & ROUND_MASK) << 1;
    if (Atomics.compareExchange(words, this.#at + STATE_WORD, state, next) !== state) return false;
    if (fault !== null) fault('barrier.opened');
    currentWaiting().notifyAll(this.#at + EVENTS_WORD);
    return true;
  }

  /** Unless a later one is noted there, which others have come to meanwhile. */
  #noteBroken(round: number): void {
    const words = this.#live();
    const word = this.#ending(round);
    for (;;) {
      const noted = Atomics.load(words, word);
      const ahead = (noted - 1 - round) & ROUND_MASK;
      const behind = (roundOf(this.#state()) - round) & ROUND_MASK;
      if (noted !== 0 && ahead <= behind) return;
      if (Atomics.compareExchange(words, word, noted, round + 1) === noted) return;
    }
  }

  /** Where it says whether the round was broken. */
  #ending(round: number): number {
    return this.#at + ENDINGS_WORD + (round & (ENDINGS_WORDS - 1));
  }

  #state(): number {
    return load(this.#live(), this.#at + STATE_WORD);
  }

  #live(): Int32Array {
    const words = this.#words;
    if (words === undefined) throw closedError('barrier');
    return words;
  }

  #deadline(options: WaitOptions | undefined): Deadline {
    if (options?.timeout !== undefined) return deadlineOf(options);
    deadlineOf(options); // its checks
    return performance.now() + (timeouts()[(this.#at + TIMEOUT_WORD) >> 1] as number);
  }

  #create(parties: number, options: BarrierOptions | undefined): Handle {
    integer('parties', parties, 1, MAX_PARTIES);
    const { action, timeout = Number.POSITIVE_INFINITY } = checkOptions('options', options, ['action', 'timeout']);
    if (action !== undefined && typeof action !== 'function') throw typeError('action', 'a function', action);
    if (typeof timeout !== 'number') throw typeError('timeout', 'a number of milliseconds', timeout);
    if (Number.isNaN(timeout)) throw rangeError('timeout', 'a number of milliseconds', timeout);
    const inline = parties <= INLINE_ARRIVALS ? parties : 0;
    const handle = createShared(BLOCK_BARRIER, (RECORDS_WORD + 2 * inline) * 4);
    bindShared(this, handle);
    const at = payloadWord(handle.offset);
    currentAgent().region.words[at + PARTIES_WORD] = parties;
    timeouts()[(at + TIMEOUT_WORD) >> 1] = timeout;
    if (inline === 0) this.#addRecords(handle, at, parties);
    return handle;
  }

  #addRecords(handle: Handle, at: number, parties: number): void {
    try {
      for (let made = 0; made < parties; made += ANNEX_WORDS / 2) addAnnex(at + DIRECTORY_WORD);
    } catch (error) {
      unbindShared(this, handle);
      throw error;
    }
  }
}

let floats: Float64Array | undefined;

/** The near window, for the timeouts in it. */
function timeouts(): Float64Array {
  const { buffer } = currentAgent().region.words;
  floats ??= new Float64Array(buffer, 0, Math.floor(buffer.byteLength / 8));
  return floats;
}

function roundOf(state: number): number {
  return state >>> 1;
}

function brokenError(): BrokenBarrierError {
  return new BrokenBarrierError('The barrier is broken: a party ended, gave up or was out of time, or somebody called abort() or reset()');
}

onDestroy(BLOCK_BARRIER, (payload) => {
  dropAnnexes(payload + ACTION_DIRECTORY);
  dropAnnexes(payload + DIRECTORY_WORD);
});
onRebuild(BLOCK_BARRIER, (handle) => new Barrier(new Existing(handle) as unknown as number));

/** Semaphores. As Python's `multiprocessing.Semaphore` and `BoundedSemaphore`. */
import { inspect } from 'node:util';
import { currentAgent } from '../arena/agent.js';
import { GRACE_MS, Heir, PATIENCE } from '../arena/heir.js';
import { type Attempt, currentWaiting, type Deadline, LAST_SLICE_MS } from '../arena/waiting.js';
import { StateError } from '../errors.js';
import { addAnnex, ANNEX_WORDS, DIRECTORY_WORDS, dropAnnexes, MAX_ANNEXES } from '../memory/annex.js';
import { BLOCK_SEMAPHORE, onDestroy, payloadWord } from '../memory/block.js';
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
import { boolean, options as checkOptions, integer } from '../util/validate.js';
import { deadlineOf, type WaitOptions } from '../util/wait-options.js';
import { HELD, Holding } from './holding.js';
import { CountedPermits, GIVEN, GIVEN_TO_HEIR, INLINE_PERMITS, MAX_COUNT, type Permits, TrackedPermits } from './permits.js';

export interface SemaphoreOptions {
  /**
   * True: it keeps account of who holds each permit, and those of a process or thread that ended are free again within 200 ms. It then has `value`
   * permits and no more, as a BoundedSemaphore. Default: false, for permits that one process acquires and another one releases.
   */
  recover?: boolean;
}

/** Payload: event count, heir, count word; kind, and how many there are at most; the directory of the table, or the table. */
const EVENTS_WORD = 0;
const HEIR_WORD = 2;
const COUNT_WORD = 3;
const KIND_WORD = 4;
const VALUE_WORD = 5;
const DIRECTORY_WORD = 16;
const TABLE_WORD = DIRECTORY_WORD + DIRECTORY_WORDS;

const COUNTED = 0;
const TRACKED = 1;
const BOUNDED = 2;
/** How many permits can be kept account of. */
const MAX_TRACKED = ANNEX_WORDS * MAX_ANNEXES;

/** Between two looks for permits of the dead, of whom nobody else tells: a thread, and a promise, which its event loop may delay. */
const DEAD_SLICE_MS = 150;
const DEAD_SLICE_ASYNC_MS = 100;

/**
 * A counter of permits, shared by all processes and threads of the family that hold it. Uncontended, acquire and release are one atomic instruction each.
 * Any process may release, whoever acquired: `Semaphore(0)` is a counter of signals. Permits of a process that ended stay taken, unless `recover` is set.
 * Passing-over is bounded: whoever waits is passed over a few times at most, then the next permit is reserved for it.
 *
 * ```js
 * const atMostFive = new Semaphore(5);
 * await atMostFive.withLock(async () => { ... });
 * ```
 */
export class Semaphore extends Holding implements Passable {
  readonly #handle: Handle;
  readonly #events: number;
  readonly #heir: Heir;
  #permits: Permits | undefined;
  /** How many of this agent wait: they share the place that an agent has as heir. */
  #waiting = 0;
  #of: number;

  /** `value`: permits at first, 0 to 2,147,483,647; 64,000 at most with `recover`. @throws TypeError, RangeError, OutOfMemoryError */
  constructor(value = 1, options?: SemaphoreOptions) {
    super();
    const agent = currentAgent();
    this.#handle = (value as unknown) instanceof Existing ? (value as unknown as Existing).handle : this.#create(value, options);
    const at = payloadWord(this.#handle.offset);
    const { words } = agent.region;
    this.#of = agent.id;
    this.#events = at + EVENTS_WORD;
    this.#heir = new Heir(agent, at + HEIR_WORD);
    this.#permits =
      words[at + KIND_WORD] === COUNTED
        ? new CountedPermits(agent, at + COUNT_WORD, this.#heir)
        : new TrackedPermits(agent, at + COUNT_WORD, this.#heir, words[at + VALUE_WORD] as number, at + TABLE_WORD, at + DIRECTORY_WORD);
  }

  protected override get busyText(): string {
    return 'The semaphore had no free permit';
  }

  /**
   * Takes a permit: resolves true once it has one, false after `timeout` milliseconds (0 and less: at once). First in, first out among the promises of one
   * thread. Rejects with the signal's reason.
   */
  override acquire(options?: WaitOptions): Promise<boolean> {
    let deadline: Deadline;
    try {
      const permits = this.#live();
      deadline = deadlineOf(options);
      if (!currentWaiting().hasAsyncWaiters(this.#events) && permits.take()) return HELD;
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#acquireLater(deadline, options?.signal);
  }

  async #acquireLater(deadline: Deadline, signal: AbortSignal | undefined): Promise<boolean> {
    const { offset } = this.#handle;
    holdForWait(offset);
    this.#beginWaiting();
    try {
      return await currentWaiting().waitAsync(this.#events, this.#attempt(), this.#wait({ deadline, signal }, DEAD_SLICE_ASYNC_MS));
    } finally {
      this.#stopWaiting();
      letGoAfterWait(offset);
    }
  }

  /** The blocking twin of `acquire`: parks the thread. */
  override acquireSync(options?: WaitOptions): boolean {
    const permits = this.#live();
    const deadline = options === undefined ? Number.POSITIVE_INFINITY : deadlineOf(options);
    if (permits.take()) return true;
    this.#beginWaiting();
    try {
      return currentWaiting().waitSync(this.#events, this.#attempt(), deadline, this.#wait({ watched: permits.watched }, DEAD_SLICE_MS));
    } finally {
      this.#stopWaiting();
    }
  }

  /** Takes a permit if there is one; never waits. */
  override tryAcquire(): boolean {
    return this.#live().take();
  }

  /**
   * Gives back `n` permits, whoever took them. @throws RangeError for a bad `n`; StateError (ERR_FORKFUL_RELEASED_TOO_OFTEN) when more would be free than
   * there can be: none is given back then, unless another one released at the same moment, and the message says how many
   */
  override release(n = 1): void {
    const permits = this.#live();
    if (n !== 1) integer('n', n, 1, MAX_COUNT);
    const given = permits.give(n);
    const waiting = currentWaiting();
    if (given === GIVEN) waiting.notify(this.#events, n);
    else if (given === GIVEN_TO_HEIR)
      waiting.notifyAll(this.#events); // it cannot be told which one that is
    else throw this.#tooOften(n, given);
  }

  /** How many permits are free at this moment, those of the dead included where they are recovered. */
  getValue(): number {
    return this.#live().free();
  }

  /** Whether no permit is free. */
  locked(): boolean {
    return this.getValue() === 0;
  }

  /** Lets go of its memory; freed when all holders have. Releases nothing. Using it afterwards throws ClosedError, and so do this thread's promises that still wait. Idempotent. */
  [Symbol.dispose](): void {
    const permits = this.#permits;
    if (permits === undefined) return;
    this.#permits = undefined;
    this.#renewIfForked(); // a name that its parent has is the parent's
    this.#withdraw(permits); // first: those who hear of our leaving must not find a permit reserved for us
    currentWaiting().reject(this.#events, closedError('semaphore'));
    unbindShared(this, this.#handle);
  }

  [handleOf](): Handle {
    this.#live();
    return this.#handle;
  }

  [inspect.custom](): string {
    const { name } = this.constructor;
    if (this.#permits === undefined) return `<${name} disposed>`;
    return `<${name} value=${this.getValue()}${this.#isTracked ? ` of ${this.#word(VALUE_WORD)}` : ''}>`;
  }

  get #isTracked(): boolean {
    return this.#word(KIND_WORD) !== COUNTED;
  }

  #word(word: number): number {
    return currentAgent().region.words[payloadWord(this.#handle.offset) + word] as number;
  }

  #live(): Permits {
    const permits = this.#permits;
    if (permits === undefined) throw closedError('semaphore');
    return permits;
  }

  /** With a slice: until an heir that does not come has had its time, or for permits of the dead; else that of all who wait for data. */
  #wait<T extends object>(options: T, deadSliceMs: number): T & { readonly sliceMs: number } {
    const permits = this.#live();
    const longestMs = this.#isTracked ? deadSliceMs : LAST_SLICE_MS;
    return {
      ...options,
      get sliceMs() {
        return permits.wasReserved ? GRACE_MS : longestMs;
      },
    };
  }

  /** One wait: its looks take a permit, and after too many in vain ask to be the heir. */
  #attempt(): Attempt {
    const permits = this.#live();
    return (looks) => {
      if (permits.take()) {
        this.#withdraw(permits); // those of this agent that wait still were not passed over
        return true;
      }
      if (looks <= PATIENCE || !this.#heir.claim()) return false;
      permits.reserve();
      return permits.take(); // one that came free before we asked was reserved for nobody, and has told nobody
    };
  }

  #beginWaiting(): void {
    this.#renewIfForked();
    this.#waiting++;
  }

  #stopWaiting(): void {
    this.#renewIfForked();
    if (this.#waiting > 0) this.#waiting--;
    if (this.#waiting === 0 && this.#permits !== undefined) this.#withdraw(this.#permits);
  }

  /** Is the heir no more. Others may have been refused the last permit as ours, and sleep: now it is anybody's. */
  #withdraw(permits: Permits): void {
    if (this.#heir.withdraw() && permits.free() > 0) currentWaiting().notifyOne(this.#events);
  }

  /** Those who waited do so in the parent. */
  #renewIfForked(): void {
    const me = currentAgent().id;
    if (this.#of === me) return;
    this.#of = me;
    this.#waiting = 0;
    this.#heir.forget();
  }

  #create(value: number, options: SemaphoreOptions | undefined): Handle {
    const bounded = this instanceof BoundedSemaphore;
    const { recover = false } = checkOptions('options', options, bounded ? [] : ['recover']);
    const kind = bounded ? BOUNDED : boolean('recover', recover) ? TRACKED : COUNTED;
    integer('value', value, 0, kind === COUNTED ? MAX_COUNT : MAX_TRACKED);
    const hasTable = kind !== COUNTED;
    const inline = hasTable && value <= INLINE_PERMITS ? value : 0;
    const handle = createShared(BLOCK_SEMAPHORE, hasTable ? (TABLE_WORD + inline) * 4 : DIRECTORY_WORD * 4);
    bindShared(this, handle);
    const at = payloadWord(handle.offset);
    const { words } = currentAgent().region;
    words[at + VALUE_WORD] = value;
    words[at + KIND_WORD] = kind;
    if (!hasTable) words[at + COUNT_WORD] = value;
    else if (inline === 0) this.#addTable(handle, at, value);
    return handle;
  }

  #addTable(handle: Handle, at: number, value: number): void {
    try {
      for (let made = 0; made < value; made += ANNEX_WORDS) addAnnex(at + DIRECTORY_WORD);
    } catch (error) {
      unbindShared(this, handle);
      throw error;
    }
  }

  #tooOften(n: number, possible: number): StateError {
    const what = n === 1 ? 'a permit' : `${n} permits`;
    const why = this.#isTracked
      ? `of ${this.#word(VALUE_WORD)} permits only ${possible} ${possible === 1 ? 'is' : 'are'} taken`
      : `it can have ${MAX_COUNT} at most`;
    return new StateError('ERR_FORKFUL_RELEASED_TOO_OFTEN', `Cannot release ${what} of the semaphore: ${why}`);
  }
}

/**
 * A Semaphore that never has more permits than at first, and knows who holds them: releasing more often than it was acquired throws, and the permits of a
 * process or thread that ended are free again within 200 ms. `new BoundedSemaphore(value = 1)`: 0 to 64,000 permits, no options.
 */
export class BoundedSemaphore extends Semaphore {}

onDestroy(BLOCK_SEMAPHORE, (payload) => {
  if (currentAgent().region.words[payload + KIND_WORD] !== COUNTED) dropAnnexes(payload + DIRECTORY_WORD);
});
onRebuild(BLOCK_SEMAPHORE, (handle) => {
  const kind = currentAgent().region.words[payloadWord(handle.offset) + KIND_WORD];
  const existing = new Existing(handle) as unknown as number;
  return kind === BOUNDED ? new BoundedSemaphore(existing) : new Semaphore(existing);
});

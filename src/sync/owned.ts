/** What `Lock` and `RLock` have in common: a mutex in a block of its own, whose owner's death is made known. */
import { inspect } from 'node:util';
import { type Agent, currentAgent, describeAgent } from '../arena/agent.js';
import { MUTEX_EVENTS, MUTEX_WORDS } from '../arena/layout.js';
import { ABANDONED, ACQUIRED, type Acquisition, type Gate, Mutex, NOT_ACQUIRED } from '../arena/mutex.js';
import { currentWaiting } from '../arena/waiting.js';
import { OwnerDiedError } from '../errors.js';
import { type BlockType, payloadWord } from '../memory/block.js';
import {
  bindShared,
  closedError,
  createShared,
  Existing,
  type Handle,
  holdForWait,
  letGoAfterWait,
  unbindShared,
} from '../memory/handle.js';
import { handleOf, type Passable } from '../serialize/passable.js';
import { options as checkOptions, typeError } from '../util/validate.js';
import { deadlineOf, type WaitOptions } from '../util/wait-options.js';
import { HELD, Holding } from './holding.js';

const MODES = ['throw', 'recover', 'ignore'] as const;

export interface LockOptions {
  /**
   * What the next acquirer sees when the owner has ended while holding the lock: `'throw'` (default): OwnerDiedError, *while holding it*;
   * `'recover'`: nothing, it just gets the lock; `'ignore'`: it waits until somebody calls `release()`, as in CPython.
   */
  onOwnerDeath?: (typeof MODES)[number];
}

/** Payload: the mutex, the mode, and what a subclass needs. One cache line. */
const MODE_WORD = MUTEX_WORDS;
export const OWNED_SPARE_WORD = MODE_WORD + 1;
const PAYLOAD_BYTES = 64;

/** What a Condition asks of its lock, beyond what everybody may. */
export const isMine = Symbol('forkful.isMine');
export const releaseAll = Symbol('forkful.releaseAll');
export const releaseAllSync = Symbol('forkful.releaseAllSync');
export const reacquire = Symbol('forkful.reacquire');
export const reacquireSync = Symbol('forkful.reacquireSync');

/** A lock that its owner has released for a while: what it takes to acquire it as it was. */
export interface Pause {
  readonly depth: number;
}

export abstract class OwnedLock extends Holding implements Passable {
  #mutex: Mutex | undefined;
  readonly #handle: Handle;
  readonly #mode: number;
  readonly #name: string;

  protected constructor(type: BlockType, name: string, options: LockOptions | undefined, isRecursive: boolean) {
    super();
    const agent = currentAgent();
    this.#name = name;
    if (options instanceof Existing) {
      this.#handle = options.handle;
      this.#mode = agent.region.words[payloadWord(options.handle.offset) + MODE_WORD] as number;
    } else {
      const { onOwnerDeath = 'throw' } = checkOptions('options', options, ['onOwnerDeath']);
      this.#mode = MODES.indexOf(onOwnerDeath);
      if (this.#mode < 0) throw typeError('onOwnerDeath', "'throw', 'recover' or 'ignore'", onOwnerDeath);
      this.#handle = createShared(type, PAYLOAD_BYTES);
      agent.region.words[payloadWord(this.#handle.offset) + MODE_WORD] = this.#mode;
      bindShared(this, this.#handle);
    }
    this.#mutex = this.#open(agent, isRecursive);
  }

  protected override get busyText(): string {
    return 'The lock was not free';
  }

  /**
   * Resolves true once held, false after `timeout` milliseconds (0 and less: at once). First in, first out among the promises of one thread.
   * Rejects with OwnerDiedError **while holding** if the former owner ended, at most 200 ms after its end; with the signal's reason.
   */
  override acquire(options?: WaitOptions): Promise<boolean> {
    let mutex: Mutex;
    let deadline: number;
    try {
      mutex = this.live();
      deadline = deadlineOf(options);
      if (!currentWaiting().hasAsyncWaiters(payloadWord(this.#handle.offset) + MUTEX_EVENTS) || mutex.isMine()) {
        const result = mutex.tryAcquire();
        if (result !== NOT_ACQUIRED) {
          this.#conclude(result);
          return HELD;
        }
      }
    } catch (error) {
      return Promise.reject(error);
    }
    return this.acquireLater(mutex, deadline, options?.signal);
  }

  protected async acquireLater(mutex: Mutex, deadline: number, signal?: AbortSignal, gate?: Gate): Promise<boolean> {
    const { offset } = this.#handle;
    holdForWait(offset);
    try {
      return this.#conclude(await mutex.acquire(deadline, signal, gate));
    } finally {
      letGoAfterWait(offset);
    }
  }

  /** The blocking twin of `acquire`: parks the thread. */
  override acquireSync(options?: WaitOptions): boolean {
    const result = this.live().acquireSync(options === undefined ? Number.POSITIVE_INFINITY : deadlineOf(options));
    return result === ACQUIRED || this.#conclude(result);
  }

  /** Takes the lock if it is free, or its owner has ended; never waits. @throws OwnerDiedError while holding */
  override tryAcquire(): boolean {
    const result = this.live().tryAcquire();
    return result === ACQUIRED || this.#conclude(result);
  }

  /** Whether anybody holds the lock, the dead included, until the next acquirer notices. */
  locked(): boolean {
    return this.live().isLocked();
  }

  /** Lets go of the lock's memory; it is freed when all holders have. Does not release the lock. Using it afterwards throws ClosedError, and so do this thread's promises that still wait. Idempotent. */
  [Symbol.dispose](): void {
    const mutex = this.#mutex;
    if (mutex === undefined) return;
    this.#mutex = undefined;
    mutex.close(); // first: those who hear of our leaving must not find the lock reserved for us
    currentWaiting().reject(payloadWord(this.#handle.offset) + MUTEX_EVENTS, closedError('lock'));
    unbindShared(this, this.#handle);
  }

  [handleOf](): Handle {
    this.live();
    return this.#handle;
  }

  [inspect.custom](): string {
    if (this.#mutex === undefined) return `<${this.#name} disposed>`;
    const depth = this.describeDepth(this.#mutex);
    return `<${this.#name} owner=${describeAgent(currentAgent().region.words, this.#mutex.owner())}${depth}>`;
  }

  /** Whether the calling thread holds it. */
  [isMine](): boolean {
    return this.live().isMine();
  }

  /** Releases it, however often it was acquired, for a promise that waits. REQUIRES: it is ours. */
  [releaseAll](): Pause {
    return this[releaseAllSync]();
  }

  /** The same for a thread that blocks until it has the lock again: no other task of it gets to run. */
  [releaseAllSync](): Pause {
    const mutex = this.live();
    const { depth } = mutex;
    mutex.depth = 1;
    mutex.release();
    return { depth };
  }

  /** Acquires it as it was before the pause; never gives up. @throws OwnerDiedError while holding it so, ClosedError when it was disposed of meanwhile */
  async [reacquire](pause: Pause): Promise<void> {
    try {
      const gate = this.gateAfter(pause);
      await (gate === undefined ? this.acquire() : this.acquireLater(this.live(), Number.POSITIVE_INFINITY, undefined, gate));
    } finally {
      this.#deepen(pause);
    }
  }

  /** The blocking twin of `reacquire`. */
  [reacquireSync](pause: Pause): void {
    try {
      this.acquireSync();
    } finally {
      this.#deepen(pause);
    }
  }

  protected gateAfter(_pause: Pause): Gate | undefined {
    return undefined;
  }

  /** Lets the promises of this thread that wait for the lock look again. */
  protected lookAgain(): void {
    currentWaiting().lookAgain(payloadWord(this.#handle.offset) + MUTEX_EVENTS);
  }

  #deepen({ depth }: Pause): void {
    const mutex = this.#mutex;
    if (mutex?.isMine()) mutex.depth += depth - 1;
  }

  protected live(): Mutex {
    const mutex = this.#mutex;
    if (mutex === undefined) throw closedError('lock');
    return mutex;
  }

  protected describeDepth(_mutex: Mutex): string {
    return '';
  }

  #open(agent: Agent, isRecursive: boolean): Mutex {
    const at = payloadWord(this.#handle.offset);
    return new Mutex(agent, at, MODES[this.#mode] !== 'ignore', isRecursive ? at + OWNED_SPARE_WORD : -1);
  }

  #conclude(result: Acquisition): boolean {
    if (result !== ABANDONED) return result !== NOT_ACQUIRED;
    if (MODES[this.#mode] === 'recover') return true;
    throw new OwnerDiedError(
      'The process or thread that held the lock has ended without releasing it. You hold the lock now: repair what it guards, then release it',
    );
  }
}

/** The public mutual-exclusion lock: a `Mutex` in a block of its own, with an owner's death made known. As Python's `multiprocessing.Lock`. */
import { inspect } from 'node:util';
import { currentAgent, describeAgent } from '../arena/agent.js';
import { MUTEX_EVENTS } from '../arena/layout.js';
import { ABANDONED, ACQUIRED, type Acquisition, Mutex, NOT_ACQUIRED } from '../arena/mutex.js';
import { currentWaiting } from '../arena/waiting.js';
import { OwnerDiedError, StateError, TimeoutError } from '../errors.js';
import { BLOCK_LOCK, payloadWord } from '../memory/block.js';
import {
  bindShared,
  closedError,
  createShared,
  Existing,
  type Handle,
  onRebuild,
  unbindShared,
  holdForWait,
  letGoAfterWait,
} from '../memory/handle.js';
import { handleOf, type Passable } from '../serialize/passable.js';
import { options as checkOptions, typeError } from '../util/validate.js';
import { deadlineOf, type WaitOptions } from '../util/wait-options.js';

const MODES = ['throw', 'recover', 'ignore'] as const;

export interface LockOptions {
  /**
   * What the next acquirer sees when the owner has ended while holding the lock: `'throw'` (default): OwnerDiedError, *while holding it*;
   * `'recover'`: nothing, it just gets the lock; `'ignore'`: it waits until somebody calls `release()`, as in CPython.
   */
  onOwnerDeath?: (typeof MODES)[number];
}

/** Payload: the mutex, then the mode. One cache line. */
const MODE_WORD = 4;
const PAYLOAD_BYTES = 64;

/**
 * A lock shared by all processes and threads of the family that hold it. Uncontended, acquire and release are one atomic instruction each.
 *
 * Not recursive: acquiring twice without a release waits for ever. Any process may release it, whoever acquired it, as in Python.
 * Passing-over is bounded: whoever waits is passed over a few times at most, then the lock is handed to it.
 *
 * ```js
 * const lock = new Lock();
 * await lock.withLock(async () => { ... });
 * ```
 */
export class Lock implements Passable {
  #mutex: Mutex | undefined;
  readonly #handle: Handle;
  readonly #mode: number;

  /** @throws TypeError for a bad option, OutOfMemoryError */
  constructor(options?: LockOptions) {
    const agent = currentAgent();
    if (options instanceof Existing) {
      this.#handle = options.handle;
      this.#mode = agent.region.words[payloadWord(options.handle.offset) + MODE_WORD] as number;
    } else {
      const { onOwnerDeath = 'throw' } = checkOptions('options', options, ['onOwnerDeath']);
      this.#mode = MODES.indexOf(onOwnerDeath);
      if (this.#mode < 0) throw typeError('onOwnerDeath', "'throw', 'recover' or 'ignore'", onOwnerDeath);
      this.#handle = createShared(BLOCK_LOCK, PAYLOAD_BYTES);
      agent.region.words[payloadWord(this.#handle.offset) + MODE_WORD] = this.#mode;
      bindShared(this, this.#handle);
    }
    this.#mutex = new Mutex(agent, payloadWord(this.#handle.offset), MODES[this.#mode] !== 'ignore');
  }

  /**
   * Resolves true once held, false after `timeout` milliseconds (0 and less: at once). First in, first out among the promises of one thread.
   * Rejects with OwnerDiedError **while holding** if the former owner ended, at most 200 ms after its end; with the signal's reason.
   */
  acquire(options?: WaitOptions): Promise<boolean> {
    const mutex = this.#live();
    let deadline: number;
    try {
      deadline = deadlineOf(options);
      if (!currentWaiting().hasAsyncWaiters(payloadWord(this.#handle.offset) + MUTEX_EVENTS)) {
        const result = mutex.tryAcquire();
        if (result !== NOT_ACQUIRED) {
          this.#conclude(result);
          return HELD;
        }
      }
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#acquireLater(mutex, deadline, options?.signal);
  }

  async #acquireLater(mutex: Mutex, deadline: number, signal: AbortSignal | undefined): Promise<boolean> {
    const { offset } = this.#handle;
    holdForWait(offset);
    try {
      return this.#conclude(await mutex.acquire(deadline, signal));
    } finally {
      letGoAfterWait(offset);
    }
  }

  /** The blocking twin of `acquire`: parks the thread. */
  acquireSync(options?: WaitOptions): boolean {
    const result = this.#live().acquireSync(options === undefined ? Number.POSITIVE_INFINITY : deadlineOf(options));
    return result === ACQUIRED || this.#conclude(result);
  }

  /** Takes the lock if it is free, or its owner has ended; never waits. @throws OwnerDiedError while holding */
  tryAcquire(): boolean {
    const result = this.#live().tryAcquire();
    return result === ACQUIRED || this.#conclude(result);
  }

  /** Frees the lock, or hands it to one that was passed over too often. @throws StateError (ERR_FORKFUL_NOT_LOCKED) when it is free */
  release(): void {
    if (!this.#live().release()) throw new StateError('ERR_FORKFUL_NOT_LOCKED', 'Cannot release the lock: nobody holds it');
  }

  /** Whether anybody holds the lock, the dead included, until the next acquirer notices. */
  locked(): boolean {
    return this.#live().isLocked();
  }

  /**
   * Acquires; what it resolves to releases when disposed of: `await using held = await lock.hold()`. If the former owner died: releases, and
   * rejects with OwnerDiedError. Rejects with TimeoutError when `timeout` is over.
   */
  async hold(options?: WaitOptions): Promise<Held> {
    try {
      return this.#held(await this.acquire(options), options);
    } catch (error) {
      throw this.#releasedAfter(error);
    }
  }

  /** The blocking twin of `hold`: `using held = lock.holdSync()`. */
  holdSync(options?: WaitOptions): Held {
    try {
      return this.#held(this.acquireSync(options), options);
    } catch (error) {
      throw this.#releasedAfter(error);
    }
  }

  /** Runs `work`, which may be async, while holding the lock, and resolves to what it returns. Else as `hold`: `work` does not run then. */
  async withLock<T>(work: () => T | PromiseLike<T>, options?: WaitOptions): Promise<T> {
    const held = await this.hold(options);
    try {
      return await work();
    } finally {
      held[Symbol.dispose]();
    }
  }

  /** The blocking twin of `withLock`. */
  withLockSync<T>(work: () => T, options?: WaitOptions): T {
    const held = this.holdSync(options);
    try {
      return work();
    } finally {
      held[Symbol.dispose]();
    }
  }

  /** Lets go of the lock's memory; it is freed when all holders have. Does not release the lock. Using it afterwards throws ClosedError, and so do this thread's promises that still wait. Idempotent. */
  [Symbol.dispose](): void {
    const mutex = this.#mutex;
    if (mutex === undefined) return;
    this.#mutex = undefined;
    currentWaiting().reject(payloadWord(this.#handle.offset) + MUTEX_EVENTS, closedError('lock'));
    mutex.close();
    unbindShared(this, this.#handle);
  }

  [handleOf](): Handle {
    this.#live();
    return this.#handle;
  }

  [inspect.custom](): string {
    if (this.#mutex === undefined) return '<Lock disposed>';
    return `<Lock owner=${describeAgent(currentAgent().region.words, this.#mutex.owner())}>`;
  }

  #live(): Mutex {
    const mutex = this.#mutex;
    if (mutex === undefined) throw closedError('lock');
    return mutex;
  }

  #conclude(result: Acquisition): boolean {
    if (result !== ABANDONED) return result !== NOT_ACQUIRED;
    if (MODES[this.#mode] === 'recover') return true;
    throw new OwnerDiedError(
      'The process or thread that held the lock has ended without releasing it. You hold the lock now: repair what it guards, then release it',
    );
  }

  #held(acquired: boolean, options: WaitOptions | undefined): Held {
    if (!acquired) throw new TimeoutError(`The lock was not free within ${options?.timeout} ms`);
    return new Held(this);
  }

  /** A scoped form gives no chance to release by hand, so the lock is released before the news is passed on. */
  #releasedAfter(error: unknown): unknown {
    if (error instanceof OwnerDiedError) this.release();
    return error;
  }
}

/** A lock being held: disposing of it releases, once. */
export class Held {
  #lock: Lock | undefined;

  constructor(lock: Lock) {
    this.#lock = lock;
  }

  [Symbol.dispose](): void {
    const lock = this.#lock;
    this.#lock = undefined;
    lock?.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this[Symbol.dispose]();
  }
}

/** Resolved once for all: what `acquire` returns when it need not wait. */
const HELD: Promise<boolean> = Promise.resolve(true);

onRebuild(BLOCK_LOCK, (handle) => new Lock(new Existing(handle) as LockOptions));

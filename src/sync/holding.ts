/** Holding something for the length of a scope: the forms that all locks and semaphores share, over their own `acquire` and `release`. */
import { OwnerDiedError, TimeoutError } from '../errors.js';
import type { WaitOptions } from '../util/wait-options.js';

/** What can be acquired and released. */
export abstract class Holding {
  /** What is wrong when it cannot be had, for messages. */
  protected abstract readonly busyText: string;

  abstract acquire(options?: WaitOptions): Promise<boolean>;
  abstract acquireSync(options?: WaitOptions): boolean;
  abstract tryAcquire(): boolean;
  abstract release(): void;

  /**
   * Acquires; what it resolves to releases when disposed of: `await using held = await lock.hold()`. If the former owner died: releases, and
   * rejects with OwnerDiedError. Rejects with TimeoutError when `timeout` is over.
   */
  async hold(options?: WaitOptions): Promise<Held> {
    try {
      return this.#held(await this.acquire(options), options);
    } catch (error) {
      throw this.releasedAfter(error);
    }
  }

  /** The blocking twin of `hold`: `using held = lock.holdSync()`. */
  holdSync(options?: WaitOptions): Held {
    try {
      return this.#held(this.acquireSync(options), options);
    } catch (error) {
      throw this.releasedAfter(error);
    }
  }

  /** Runs `work`, which may be async, while holding, and resolves to what it returns. Else as `hold`: `work` does not run then. */
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

  protected timeoutError(options: WaitOptions | undefined): TimeoutError {
    return new TimeoutError(`${this.busyText} within ${options?.timeout} ms`);
  }

  /** A scoped form gives no chance to release by hand, so what is held is released before the news is passed on. */
  protected releasedAfter(error: unknown): unknown {
    if (error instanceof OwnerDiedError) this.release();
    return error;
  }

  #held(acquired: boolean, options: WaitOptions | undefined): Held {
    if (!acquired) throw this.timeoutError(options);
    return new HeldOnce(this);
  }
}

/** Something being held: disposing of it releases, once. */
export interface Held extends Disposable, AsyncDisposable {}

class HeldOnce implements Held {
  #held: { release(): void } | undefined;

  constructor(held: { release(): void }) {
    this.#held = held;
  }

  [Symbol.dispose](): void {
    const held = this.#held;
    this.#held = undefined;
    held?.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this[Symbol.dispose]();
  }
}

/** Resolved once for all: what `acquire` returns when it need not wait. */
export const HELD: Promise<boolean> = Promise.resolve(true);

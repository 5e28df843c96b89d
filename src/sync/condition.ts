/** Waiting for a condition under a lock. As Python's `multiprocessing.Condition`. */
import { inspect } from 'node:util';
import { StateError } from '../errors.js';
import { BLOCK_CONDITION, onDestroy, payloadWord } from '../memory/block.js';
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
import { integer, typeError } from '../util/validate.js';
import { deadlineOf, type WaitOptions } from '../util/wait-options.js';
import { addLockMethods, type AnyLock, dropGuard, initGuard, isLock, type LockMethods, openGuard } from './guard.js';
import { isMine, type Pause, reacquire, reacquireSync, releaseAll, releaseAllSync } from './owned.js';
import { RLock } from './rlock.js';
import { dropWaiterTable, WAITER_TABLE_WORDS, WaiterTable, type WaiterRecord } from './waiter-table.js';

/** Payload: the lock's handle, then the waiters. */
const LOCK_WORD = 0;
const TABLE_WORD = 16;
const PAYLOAD_BYTES = (TABLE_WORD + WAITER_TABLE_WORDS) * 4;

/**
 * Lets processes and threads wait until something that a lock guards has changed. Python's semantics to the letter: `wait` returns true only to one that
 * was notified, `notify(n)` wakes the `n` that have waited longest, and never waits for those it wakes, whether they run, are stopped or have ended.
 *
 * ```js
 * const changed = new Condition();
 * await changed.withLock(async () => { await changed.waitFor(() => jobs.value > 0); ... });
 * changed.withLockSync(() => { jobs.value++; changed.notify(); });
 * ```
 * All methods but those of the lock need the lock, and throw StateError (ERR_FORKFUL_NOT_OWNER) without it. A waiter that ends is forgotten, and takes no
 * notification along. If the lock's owner ends while others wait to have it back, the first of them is told, by OwnerDiedError while holding it.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: addLockMethods adds exactly these, right below the class
export class Condition implements Passable {
  readonly #handle: Handle;
  readonly #lock: AnyLock;
  #table: WaiterTable | undefined;

  /** `lock`: a Lock or an RLock, which others may use as well; default: a new RLock. @throws TypeError, OutOfMemoryError */
  constructor(lock?: AnyLock) {
    if ((lock as unknown) instanceof Existing) {
      this.#handle = (lock as unknown as Existing).handle;
      this.#lock = openGuard(payloadWord(this.#handle.offset) + LOCK_WORD) as AnyLock;
    } else {
      if (lock !== undefined && !isLock(lock)) throw typeError('lock', 'a Lock or an RLock', lock);
      const guard = lock ?? new RLock();
      guard[handleOf](); // throws now if it was disposed of
      this.#handle = createShared(BLOCK_CONDITION, PAYLOAD_BYTES);
      bindShared(this, this.#handle);
      this.#lock = initGuard(payloadWord(this.#handle.offset) + LOCK_WORD, guard) as AnyLock;
    }
    this.#table = new WaiterTable(payloadWord(this.#handle.offset) + TABLE_WORD);
  }

  /** The lock, the same object however it is asked for. */
  getLock(): AnyLock {
    return this.#lock;
  }

  /**
   * Releases the lock, however often it was acquired, waits to be notified, and acquires it again as it was: resolves then, true if it was notified, false
   * if `timeout` milliseconds were over first (0 and less only poll). When `signal` aborts it acquires the lock too, and then rejects with the reason.
   */
  async wait(options?: WaitOptions): Promise<boolean> {
    const table = this.#owned('wait');
    const deadline = deadlineOf(options);
    const { offset } = this.#handle;
    const record = table.enter();
    holdForWait(offset);
    try {
      const pause = this.#lock[releaseAll]();
      let failure: { error: unknown } | undefined;
      try {
        await table.wait(record, { deadline, signal: options?.signal });
      } catch (error) {
        failure = { error };
      }
      return await this.#finish(table, record, pause, failure);
    } finally {
      letGoAfterWait(offset);
    }
  }

  /** The blocking twin of `wait`: parks the thread. */
  waitSync(options?: WaitOptions): boolean {
    const table = this.#owned('wait');
    const deadline = deadlineOf(options);
    const record = table.enter();
    const pause = this.#lock[releaseAllSync]();
    table.waitSync(record, deadline);
    try {
      this.#lock[reacquireSync](pause);
    } catch (error) {
      if (table.leave(record)) table.notify(1);
      throw error;
    }
    return table.leave(record);
  }

  /**
   * Waits until `predicate`, called under the lock, first of all at once, says something truthy, and resolves to that; when `timeout` milliseconds in all
   * are over, to what it said last.
   */
  async waitFor<T>(predicate: () => T | PromiseLike<T>, options?: WaitOptions): Promise<T> {
    this.#owned('waitFor');
    checkPredicate(predicate);
    const deadline = deadlineOf(options);
    for (;;) {
      const result = await predicate();
      const left = deadline - performance.now();
      if (result || left <= 0) return result;
      await this.wait({ timeout: left, signal: options?.signal });
    }
  }

  /** The blocking twin of `waitFor`; `predicate` must not be async. */
  waitForSync<T>(predicate: () => T, options?: WaitOptions): T {
    this.#owned('waitFor');
    checkPredicate(predicate);
    const deadline = deadlineOf(options);
    for (;;) {
      const result = predicate();
      const left = deadline - performance.now();
      if (result || left <= 0) return result;
      this.waitSync({ timeout: left });
    }
  }

  /** Wakes the `n` that have waited longest, or all who wait if they are fewer; they go on when they have the lock. `n` <= 0: nobody. */
  notify(n = 1): void {
    const table = this.#owned('notify');
    table.notify(integer('n', n, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER));
  }

  /** Wakes all who wait. */
  notifyAll(): void {
    this.#owned('notifyAll').notifyAll();
  }

  /** Lets go of its memory; freed when all holders have. Leaves the lock alone. Using it afterwards throws ClosedError, and so do this thread's promises that still wait, once they have it again. Idempotent. */
  [Symbol.dispose](): void {
    const table = this.#table;
    if (table === undefined) return;
    this.#table = undefined;
    table.reject(closedError('condition'));
    unbindShared(this, this.#handle);
  }

  [handleOf](): Handle {
    this.#live();
    return this.#handle;
  }

  [inspect.custom](): string {
    if (this.#table === undefined) return '<Condition disposed>';
    return `<Condition ${inspect(this.#lock)} waiters=${this.#table.count()}>`;
  }

  /**
   * What a wait ends with, once the lock is ours again: also by an error, since the caller will release it. The lock comes back first: from then on nobody
   * notifies, so what the record says is final. An error says nothing of a notification, so that is another's then.
   */
  async #finish(table: WaiterTable, record: WaiterRecord, pause: Pause, failure: { error: unknown } | undefined): Promise<boolean> {
    try {
      await this.#lock[reacquire](pause);
      if (failure !== undefined) throw failure.error;
    } catch (error) {
      if (table.leave(record)) table.notify(1);
      throw error;
    }
    return table.leave(record);
  }

  #live(): WaiterTable {
    const table = this.#table;
    if (table === undefined) throw closedError('condition');
    return table;
  }

  #owned(method: string): WaiterTable {
    const table = this.#live();
    if (!this.#lock[isMine]())
      throw new StateError('ERR_FORKFUL_NOT_OWNER', `Cannot ${method}: acquire the condition's lock first, and call this while holding it`);
    return table;
  }
}

/** The lock's own methods, on the condition. */
export interface Condition extends LockMethods {}
addLockMethods(Condition.prototype);

function checkPredicate(predicate: unknown): void {
  if (typeof predicate !== 'function') throw typeError('predicate', 'a function', predicate);
}

onDestroy(BLOCK_CONDITION, (payload) => {
  dropGuard(payload + LOCK_WORD);
  dropWaiterTable(payload + TABLE_WORD);
});
onRebuild(BLOCK_CONDITION, (handle) => new Condition(new Existing(handle) as unknown as AnyLock));

/** The public mutual-exclusion lock. As Python's `multiprocessing.Lock`. */
import { StateError } from '../errors.js';
import { BLOCK_LOCK } from '../memory/block.js';
import { Existing, onRebuild } from '../memory/handle.js';
import { type LockOptions, OwnedLock } from './owned.js';

/**
 * A lock shared by all processes and threads of the family that hold it. Uncontended, acquire and release are one atomic instruction each.
 *
 * Not recursive: acquiring twice without a release waits for ever. Any process may release it, whoever acquired it, as in Python.
 * Passing-over is bounded: whoever waits is passed over a few times at most, then the lock is reserved for it.
 *
 * ```js
 * const lock = new Lock();
 * await lock.withLock(async () => { ... });
 * ```
 */
export class Lock extends OwnedLock {
  /** @throws TypeError for a bad option, OutOfMemoryError */
  constructor(options?: LockOptions) {
    super(BLOCK_LOCK, 'Lock', options, false);
  }

  /** Frees the lock, or reserves it for one that was passed over too often. @throws StateError (ERR_FORKFUL_NOT_LOCKED) when it is free */
  override release(): void {
    if (!this.live().release()) throw new StateError('ERR_FORKFUL_NOT_LOCKED', 'Cannot release the lock: nobody holds it');
  }
}

onRebuild(BLOCK_LOCK, (handle) => new Lock(new Existing(handle) as LockOptions));

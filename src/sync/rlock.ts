/** The recursive lock. As Python's `multiprocessing.RLock`. */
import type { Mutex } from '../arena/mutex.js';
import { OwnerDiedError, StateError } from '../errors.js';
import { BLOCK_RLOCK } from '../memory/block.js';
import { Existing, onRebuild } from '../memory/handle.js';
import { deadlineOf, type WaitOptions } from '../util/wait-options.js';
import type { Held } from './holding.js';
import { isMine, type LockOptions, OwnedLock, type Pause, releaseAll } from './owned.js';
import { joinTurn, runInTurn, TaskTurns, type Turn } from './task-turns.js';

interface TurnPause extends Pause {
  readonly turn: Turn | undefined;
}

/**
 * A lock that its owner may acquire again; it is free when it was released as often. The owner is a thread, as in Python: `acquire`, `acquireSync`,
 * `tryAcquire`, `holdSync` and `withLockSync` count for the whole thread, whichever of its async tasks calls them.
 *
 * `withLock` and `hold` exclude the async tasks of one thread from each other too, and nest within one chain of async calls: in all that the function
 * given to `withLock` calls, and after `await using held = await lock.hold()` in the rest of the function. (What `hold` resolves to must be declared by
 * `using` for that; disposed of by hand, it excludes others as well, but another `hold` before that waits.)
 *
 * An owner that ends, at any depth, is one death: the next acquirer is told as by `Lock`, and holds it once.
 */
export class RLock extends OwnedLock {
  readonly #turns = new TaskTurns();

  /** @throws TypeError for a bad option, OutOfMemoryError */
  constructor(options?: LockOptions) {
    super(BLOCK_RLOCK, 'RLock', options, true);
  }

  /** Takes back one acquire; the last one frees the lock. @throws StateError (ERR_FORKFUL_NOT_OWNER) when this thread does not hold it */
  override release(): void {
    if (!this.live().release())
      throw new StateError('ERR_FORKFUL_NOT_OWNER', 'Cannot release the RLock: this thread does not hold it, and only its owner may');
  }

  override async hold(options?: WaitOptions): Promise<Held> {
    const turn = await this.#enter(options);
    return new TaskHeld(turn, () => this.#leave(turn));
  }

  override async withLock<T>(work: () => T | PromiseLike<T>, options?: WaitOptions): Promise<T> {
    const turn = await this.#enter(options);
    try {
      return await runInTurn(turn, work);
    } finally {
      this.#leave(turn);
    }
  }

  /** A task that has no part in another one's turn does not hold the lock, although its thread does. */
  override [isMine](): boolean {
    return super[isMine]() && (this.#turns.mine() !== undefined || this.live().depth > this.#turns.holds());
  }

  override [releaseAll](): TurnPause {
    const turn = this.#turns.mine();
    if (turn !== undefined) this.#turns.pause(turn);
    const { depth } = super[releaseAll]();
    this.lookAgain();
    return { depth, turn };
  }

  protected override gateAfter(pause: TurnPause): ReturnType<TaskTurns['gateTo']> | undefined {
    return pause.turn === undefined ? undefined : this.#turns.gateTo(pause.turn);
  }

  protected override describeDepth(mutex: Mutex): string {
    const { depth } = mutex;
    return depth > 1 ? ` depth=${depth}` : '';
  }

  async #enter(options: WaitOptions | undefined): Promise<Turn> {
    const mutex = this.live();
    const deadline = deadlineOf(options);
    const mine = this.#turns.mine();
    const turn = mine ?? this.#turns.request();
    turn.holds++;
    try {
      // not in the queue when it nests: those in front wait for this very turn to end
      const acquired =
        mine === undefined ? this.acquireLater(mutex, deadline, options?.signal, this.#turns.gateTo(turn)) : this.acquire(options);
      if (!(await acquired)) throw this.timeoutError(options);
    } catch (error) {
      if (error instanceof OwnerDiedError) this.#leave(turn);
      else this.#turns.end(turn);
      throw error;
    }
    return turn;
  }

  #leave(turn: Turn): void {
    this.#turns.end(turn);
    try {
      this.release();
    } finally {
      this.lookAgain(); // another task of this thread may be next
    }
  }
}

/** What `hold` resolves to. `using` asks for the method where it is declared, and calls it at the end of the scope: so asking joins the scope to the turn. */
class TaskHeld implements Held {
  readonly #turn: Turn;
  #leave: (() => void) | undefined;

  constructor(turn: Turn, leave: () => void) {
    this.#turn = turn;
    this.#leave = leave;
  }

  get [Symbol.dispose](): () => void {
    this.#join();
    return this.#release;
  }

  get [Symbol.asyncDispose](): () => Promise<void> {
    this.#join();
    return async () => this.#release();
  }

  #join(): void {
    if (this.#leave !== undefined) joinTurn(this.#turn);
  }

  readonly #release = (): void => {
    const leave = this.#leave;
    this.#leave = undefined;
    leave?.();
  };
}

onRebuild(BLOCK_RLOCK, (handle) => new RLock(new Existing(handle) as LockOptions));

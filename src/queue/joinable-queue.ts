/** A queue that knows when its items have been dealt with. As Python's `multiprocessing.JoinableQueue`, and safe against the death of whoever deals with them. */
import { currentAgent } from '../arena/agent.js';
import { currentWaiting } from '../arena/waiting.js';
import { StateError } from '../errors.js';
import { BLOCK_JOINABLE_QUEUE, onDestroy } from '../memory/block.js';
import { Existing, holdForWait, letGoAfterWait, onRebuild } from '../memory/handle.js';
import { handleOf } from '../serialize/passable.js';
import { getLogger } from '../util/log.js';
import { deadlineOf, type WaitOptions } from '../util/wait-options.js';
import type { Channel } from './channel.js';
import { discardFrame } from './message.js';
import { Queue, type QueueOptions } from './queue.js';
import { kindOf, type QueueKind } from './queue-base.js';
import { destroyRing, RING_WORDS } from './ring.js';
import { dropTasks, Tasks, TASKS_WORDS } from './tasks.js';

/** Nobody tells of a death: those who wait look for the dead by themselves. */
const DEAD_SLICE_MS = 150;
const DEAD_SLICE_ASYNC_MS = 100;

/**
 * A Queue whose items are tasks: unfinished from their `put` until `taskDone` is called for them, or the process or thread that got them ends. Such a task
 * is *lost*: it counts as done, so that nobody waits for it, and `lostTasks` and a warning in the log tell of it.
 *
 * ```js
 * for await (const job of jobs) { // in the workers
 *   try { await work(job); } finally { jobs.taskDone(); }
 * }
 * await jobs.join(); // elsewhere: until all that was put is done
 * if (jobs.lostTasks > 0) ...
 * ```
 */
export class JoinableQueue<T = unknown> extends Queue<T> {
  static override readonly [kindOf]: QueueKind = {
    type: BLOCK_JOINABLE_QUEUE,
    words: RING_WORDS + TASKS_WORDS,
    tasksAt: (at) => new Tasks(at),
  };
  /** Of how many lost tasks this object has told. */
  #told = 0;

  /**
   * One of the tasks that were got is done. It counts for a task that this thread got; if that has none, for one of any other thread or process, be it one
   * that has ended: then that task was not lost. @throws StateError (ERR_FORKFUL_TASK_DONE) when no task is left that it could be
   */
  taskDone(): void {
    const { ring, tasks } = this.#parts();
    if (!tasks.finish(ring))
      throw new StateError('ERR_FORKFUL_TASK_DONE', 'Cannot call a task done: every task that was got from the queue is done already');
  }

  /**
   * Waits until everything that was put is done. Resolves true then, at once if nothing is unfinished; false after `timeout` milliseconds (0 and less: at
   * once). Rejects with the signal's reason. Items that nobody gets are waited for, closed or not.
   */
  async join(options?: WaitOptions): Promise<boolean> {
    const { ring, tasks } = this.#parts();
    const deadline = deadlineOf(options);
    const { offset } = this[handleOf]();
    holdForWait(offset);
    try {
      const wait = { deadline, signal: options?.signal, sliceMs: DEAD_SLICE_ASYNC_MS };
      const isDone = await currentWaiting().waitAsync(tasks.events, () => tasks.areDone(ring), wait);
      this.#tell(tasks.lost(ring));
      return isDone;
    } finally {
      letGoAfterWait(offset);
    }
  }

  /** The blocking twin of `join`: parks the thread. */
  joinSync(options?: WaitOptions): boolean {
    const { ring, tasks } = this.#parts();
    const wait = { sliceMs: DEAD_SLICE_MS };
    const isDone = currentWaiting().waitSync(tasks.events, () => tasks.areDone(ring), deadlineOf(options), wait);
    this.#tell(tasks.lost(ring));
    return isDone;
  }

  /** How many tasks were in the hands of processes and threads that ended, by whatever cause, and were not called done by others. */
  get lostTasks(): number {
    const { ring, tasks } = this.#parts();
    return tasks.lost(ring);
  }

  #parts(): Channel & { readonly tasks: Tasks } {
    return this.channel() as Channel & { readonly tasks: Tasks };
  }

  #tell(lost: number): void {
    if (lost > this.#told) getLogger().warning('%d tasks of a JoinableQueue are lost: whoever had got them has ended', lost - this.#told);
    this.#told = lost;
  }
}

onDestroy(BLOCK_JOINABLE_QUEUE, (payload) => {
  destroyRing(currentAgent(), payload, discardFrame);
  dropTasks(payload + RING_WORDS);
});
onRebuild(BLOCK_JOINABLE_QUEUE, (handle) => new JoinableQueue(new Existing(handle) as QueueOptions));

/** A flag that processes wait for. As Python's `multiprocessing.Event`. */
import { inspect } from 'node:util';
import { currentAgent } from '../arena/agent.js';
import { type Attempt, currentWaiting } from '../arena/waiting.js';
import { load } from '../arena/words.js';
import { BLOCK_EVENT, payloadWord } from '../memory/block.js';
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
import { deadlineOf, type WaitOptions } from '../util/wait-options.js';

/** Payload: the state, then the event count. State: bit 0 is the flag, above it the number of times it was set, so that one who waits sees that it was. */
const STATE_WORD = 0;
const EVENTS_WORD = 1;
const PAYLOAD_BYTES = 64;
const SET = 1;
const ONE_MORE = 2;

/**
 * A flag shared by all processes and threads of the family that hold it: false at first. `set` wakes all who wait, also if `clear` follows at once.
 * Nobody owns it: a process that ends leaves it as it is, and neither `set` nor `clear` ever waits for anybody.
 */
export class Event implements Passable {
  readonly #handle: Handle;
  #words: Int32Array | undefined;
  readonly #at: number;

  /** @throws OutOfMemoryError */
  constructor(existing?: never) {
    const { words } = currentAgent().region;
    if ((existing as unknown) instanceof Existing) this.#handle = (existing as unknown as Existing).handle;
    else {
      this.#handle = createShared(BLOCK_EVENT, PAYLOAD_BYTES);
      bindShared(this, this.#handle);
    }
    this.#words = words;
    this.#at = payloadWord(this.#handle.offset);
  }

  /** Whether the flag is set. */
  isSet(): boolean {
    return (load(this.#live(), this.#at + STATE_WORD) & SET) !== 0;
  }

  /** Sets the flag and wakes all who wait. */
  set(): void {
    const words = this.#live();
    const at = this.#at + STATE_WORD;
    let state = load(words, at);
    for (;;) {
      if ((state & SET) !== 0) break; // whoever set it may have been killed before it woke them
      const found = Atomics.compareExchange(words, at, state, (state + ONE_MORE) | SET);
      if (found === state) break;
      state = found;
    }
    if (fault !== null) fault('event.set');
    currentWaiting().notifyAll(this.#at + EVENTS_WORD);
  }

  /** Clears the flag. Does nothing when it is not set. */
  clear(): void {
    Atomics.and(this.#live(), this.#at + STATE_WORD, ~SET);
  }

  /**
   * Resolves true once the flag is set, or was set since the call, even if it has been cleared since; false after `timeout` milliseconds (0 and less: at
   * once). Rejects with the signal's reason.
   */
  async wait(options?: WaitOptions): Promise<boolean> {
    const attempt = this.#attempt();
    const deadline = deadlineOf(options);
    const { offset } = this.#handle;
    holdForWait(offset);
    try {
      return await currentWaiting().waitAsync(this.#at + EVENTS_WORD, attempt, { deadline, signal: options?.signal });
    } finally {
      letGoAfterWait(offset);
    }
  }

  /** The blocking twin of `wait`: parks the thread. */
  waitSync(options?: WaitOptions): boolean {
    const attempt = this.#attempt();
    return currentWaiting().waitSync(this.#at + EVENTS_WORD, attempt, deadlineOf(options), { watched: this.#at + STATE_WORD });
  }

  /** Lets go of its memory; freed when all holders have. Using it afterwards throws ClosedError, and so do this thread's promises that still wait. Idempotent. */
  [Symbol.dispose](): void {
    if (this.#words === undefined) return;
    this.#words = undefined;
    currentWaiting().reject(this.#at + EVENTS_WORD, closedError('event'));
    unbindShared(this, this.#handle);
  }

  [handleOf](): Handle {
    this.#live();
    return this.#handle;
  }

  [inspect.custom](): string {
    return `<Event ${this.#words === undefined ? 'disposed' : this.isSet() ? 'set' : 'unset'}>`;
  }

  #live(): Int32Array {
    const words = this.#words;
    if (words === undefined) throw closedError('event');
    return words;
  }

  #attempt(): Attempt {
    const words = this.#live();
    const since = load(words, this.#at + STATE_WORD);
    // cleared since, or set since: both were set in between
    return () => {
      const state = load(words, this.#at + STATE_WORD);
      return (state & SET) !== 0 || (state & ~SET) !== (since & ~SET);
    };
  }
}

onRebuild(BLOCK_EVENT, (handle) => new Event(new Existing(handle) as never));

/**
 * Fairness between agents that put and get on one queue: an agent that puts an item while another one waits in `get` leaves that item to it.
 * CPython's tutorial pattern, a child that puts and then gets on the same queue, works because of this. What is left, and until when, is known
 * to the putting agent alone; if the other one never comes, it takes the item itself after a grace.
 */
import type { AgentId } from '../arena/agent.js';

/** Ample for a wake-up on a busy machine. */
const GRACE_MS = 100;
/** For one that is known to wait still. Where six threads want each CPU one wake-up in a hundred takes more than 100 ms, one in a thousand more than this. */
const AWAITED_GRACE_MS = 1000;
/** Between two looks, meanwhile, of one that waits for what it has left to another. */
export const LEFT_SLICE_MS = 25;

export class Reservation {
  /** Counts of the first and the last item left to others. */
  #first = 0;
  #last = 0;
  /** When the last one was put, on the monotonic clock; 0: nothing is reserved. */
  #putAt = 0;
  #times = 0;
  /** The agent that was known to wait, 0 for none. */
  waiter: AgentId = 0;

  /** How many reservations there were: a get notes it when it begins, for only later gets leave the items alone. */
  get times(): number {
    return this.#times;
  }

  get isActive(): boolean {
    return this.#putAt !== 0;
  }

  /** The item of this count was put for one who waits, for `waiter` if that is known. */
  add(count: number, waiter: AgentId = 0): void {
    this.waiter = waiter;
    if (this.#putAt === 0) this.#first = count;
    this.#last = count;
    this.#putAt = performance.now();
    this.#times++;
  }

  /** The one that it was for will not come. */
  end(): void {
    this.#putAt = 0;
  }

  /** Whether a get that began at `since` must leave the next item, of count `next`, to another agent; `isAwaited`: the one it was for is known to wait still. */
  covers(next: number, since: number, isAwaited = false): boolean {
    if (this.#putAt === 0) return false;
    if (((this.#last - next) | 0) < 0 || performance.now() - this.#putAt > (isAwaited ? AWAITED_GRACE_MS : GRACE_MS)) {
      this.end();
      return false;
    }
    return ((next - this.#first) | 0) >= 0 && since === this.#times;
  }
}

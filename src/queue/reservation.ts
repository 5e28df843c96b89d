/**
 * Fairness between agents that put and get on one queue: an agent that puts an item while another one waits in `get` leaves that item to it.
 * CPython's tutorial pattern, a child that puts and then gets on the same queue, works because of this. What is left, and until when, is known
 * to the putting agent alone; if the other one never comes, it takes the item itself after a grace.
 * The grace runs from the first look that was refused: how long this agent did not look, for want of a CPU perhaps, says nothing about the other one.
 */
import type { AgentId } from '../arena/agent.js';

/** Ample for a wake-up on a busy machine. */
const GRACE_MS = 100;
/**
 * For one that is known to wait still. Where six threads want each CPU one wake-up in a thousand takes more than a second. Death is seen at once, so
 * only one that is stopped, or busy, costs all of this.
 */
const AWAITED_GRACE_MS = 30_000;
/** Between two looks, meanwhile, of one that waits for what it has left to another. */
export const LEFT_SLICE_MS = 25;

export class Reservation {
  /** Counts of the first and the last item left to others. */
  #first = 0;
  #last = 0;
  #isActive = false;
  /** When we were first refused what is reserved now, on the monotonic clock; undefined: not yet. */
  #refusedAt: number | undefined;
  #times = 0;
  /** The agent that was known to wait, 0 for none. */
  waiter: AgentId = 0;

  /** How many reservations there were: a get notes it when it begins, for only later gets leave the items alone. */
  get times(): number {
    return this.#times;
  }

  get isActive(): boolean {
    return this.#isActive;
  }

  /** The item of this count was put for one who waits, for `waiter` if that is known. */
  add(count: number, waiter: AgentId = 0): void {
    this.waiter = waiter;
    if (!this.#isActive) this.#first = count;
    this.#last = count;
    this.#isActive = true;
    this.#refusedAt = undefined;
    this.#times++;
  }

  /** The one that it was for will not come. */
  end(): void {
    this.#isActive = false;
  }

  /** Whether a get that began at `since` must leave the next item, of count `next`, to another agent; `isAwaited`: the one it was for is known to wait still. */
  covers(next: number, since: number, isAwaited = false): boolean {
    if (!this.#isActive) return false;
    if (((this.#last - next) | 0) < 0) {
      this.end();
      return false;
    }
    if (((next - this.#first) | 0) < 0 || since !== this.#times) return false;
    const now = performance.now();
    this.#refusedAt ??= now;
    if (now - this.#refusedAt <= (isAwaited ? AWAITED_GRACE_MS : GRACE_MS)) return true;
    this.end();
    return false;
  }
}

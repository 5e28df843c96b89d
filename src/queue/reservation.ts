/**
 * Fairness between agents that put and get on one queue: an agent that puts an item while another one waits in `get` leaves that item to it.
 * CPython's tutorial pattern, a child that puts and then gets on the same queue, works because of this. What is left, and until when, is known
 * to the putting agent alone; if the other one never comes, it takes the item itself after a grace.
 */

/** Ample for a wake-up on a busy machine. */
export const GRACE_MS = 100;

export class Reservation {
  /** Counts of the first and the last item left to others. */
  #first = 0;
  #last = 0;
  /** End of the grace on the monotonic clock, 0: nothing is reserved. */
  #until = 0;
  #times = 0;

  /** How many reservations there were: a get notes it when it begins, for only later gets leave the items alone. */
  get times(): number {
    return this.#times;
  }

  get isActive(): boolean {
    return this.#until !== 0;
  }

  /** The item of this count was put for one who waits. */
  add(count: number): void {
    if (this.#until === 0) this.#first = count;
    this.#last = count;
    this.#until = performance.now() + GRACE_MS;
    this.#times++;
  }

  /** Whether a get that began at `since` must leave the next item, of count `next`, to another agent. */
  covers(next: number, since: number): boolean {
    if (this.#until === 0) return false;
    if (((this.#last - next) | 0) < 0 || performance.now() > this.#until) {
      this.#until = 0;
      return false;
    }
    return ((next - this.#first) | 0) >= 0 && since === this.#times;
  }
}

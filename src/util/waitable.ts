/**
 * What `connection.wait` asks of an object: a *watch*, made when the wait begins and ended when it is over. Objects implement the symbol, `wait` knows
 * nothing else of them; numbers (sentinels) are looked up in a table of those who gave them out.
 */

/** The method that begins a watch. @throws ClosedError, StateError where the object cannot be waited for now */
export const waitable = Symbol('forkful.waitable');

/** One object's part in one wait. */
export interface Watch {
  /**
   * Whether the call that the object is waited for (`recv`, `get`, `join`, `accept`) would return or throw without waiting. Consumes nothing, never waits,
   * and may be called at any time, also on a thread that is blocked otherwise. What it throws is what the wait fails with.
   */
  isReady(): boolean;
  /** First words of the event counts that are notified when `isReady` may have become true. The object keeps their memory until `end`. */
  readonly events?: readonly number[];
  /** Longest time between two looks, if it can become true without anybody's telling (a death). Default: what all sleeps have. */
  readonly sliceMs?: number;
  /** An agent whose death may make it true (its id; 0: none now): a blocked thread sleeps beside it. */
  agent?(): number;
  /**
   * For what is told by the event loop: calls `onChange` on it whenever `isReady` may have become true, and keeps the loop alive, until what it returns
   * is called, once. Promise form only. `onChange` may be called at any time but within this call.
   */
  subscribe?(onChange: () => void): () => void;
  /** The blocking form of `subscribe`: blocks the thread until it may have become true, or `timeoutMs` (finite, >= 0) is over. Used where the object is waited for alone. */
  park?(timeoutMs: number): void;
  /** Longest time between two looks of a thread that is blocked otherwise: for what has no `events`. */
  readonly blindMs?: number;
  /** The wait is over. */
  end?(): void;
}

export interface Waitable {
  [waitable](): Watch;
}

/** Weakly: an object that nobody has any more is not kept by its number. */
const numbered = new Map<number, WeakRef<Waitable>>();

/** From now on the number stands for the object in `wait`. The object, not the table, decides how long: see `forgetNumber`. */
export function lendNumber(number: number, object: Waitable): void {
  numbered.set(number, new WeakRef(object));
}

export function forgetNumber(number: number): void {
  numbered.delete(number);
}

/** What a number stands for, if this thread has given it out. */
export function objectOfNumber(number: number): Waitable | undefined {
  return numbered.get(number)?.deref();
}

export function isWaitable(value: unknown): value is Waitable {
  return typeof value === 'object' && value !== null && typeof (value as Partial<Waitable>)[waitable] === 'function';
}

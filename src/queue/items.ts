/** Iterating over a queue. By hand, since an async generator takes three times as long for an item that is there (bench/cases/queue-ready.mjs). */
import { ClosedError } from '../errors.js';
import { NOTHING } from './channel.js';

/** A queue as an iteration sees it. */
export interface Source<T> {
  /** An item if there is one now and no promise of this thread comes before, else NOTHING. @throws what decoding it throws */
  ready(): T | typeof NOTHING;
  get(): Promise<T>;
}

/** Items until the queue is closed and drained. What `next` was called for before `return` is still got. */
export class Items<T> implements AsyncIterableIterator<T, void, undefined> {
  readonly #source: Source<T>;
  #hasEnded = false;

  constructor(source: Source<T>) {
    this.#source = source;
  }

  next(): Promise<IteratorResult<T, void>> {
    if (this.#hasEnded) return Promise.resolve({ value: undefined, done: true });
    try {
      const value = this.#source.ready();
      return value === NOTHING ? this.#later() : Promise.resolve({ value, done: false });
    } catch (error) {
      return this.#end(error);
    }
  }

  return(): Promise<IteratorResult<T, void>> {
    this.#hasEnded = true;
    return this.next();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #later(): Promise<IteratorResult<T, void>> {
    try {
      return { value: await this.#source.get(), done: false };
    } catch (error) {
      return this.#end(error);
    }
  }

  async #end(error: unknown): Promise<IteratorResult<T, void>> {
    if (!(error instanceof ClosedError)) throw error;
    return this.return();
  }
}

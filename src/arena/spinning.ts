/** Watching a word for some microseconds before one sleeps, which saves two context switches where it helps, and is wasted where it does not. */
import { platform } from '../platform/select.js';
import { type Deadline, SPIN } from './waiting.js';

/**
 * Looks from JavaScript, before the addon's: what comes within some two microseconds, once this is compiled, is seen without the way there and back. It is also less than a promise
 * costs that has to wait, so it is spent whatever was seen before; peers that answer each other by promises stay awake by it (bench/cases/pipe.mjs).
 */
const QUICK_LOOKS = 300;

/** One agent's watching of one word, which changes when what it waits for may have come. */
export class Spinning {
  readonly #words: Int32Array;
  readonly #word: number;
  /** Pauses to watch for: doubled when it helped, halved when it did not. */
  #pauses = SPIN;

  constructor(words: Int32Array, word: number) {
    this.#words = words;
    this.#word = word;
  }

  /** Attempts now, and whenever the word has changed, so often as there are rounds: after the quick looks about 4 µs each at first. Whether an attempt has succeeded. */
  until(attempt: () => boolean, deadline: Deadline, rounds: number): boolean {
    if (SPIN === 0 || deadline <= performance.now()) return attempt();
    for (let round = 0; round < rounds; round++) {
      const seen = Atomics.load(this.#words, this.#word);
      if (attempt()) return true;
      if ((round === 0 && this.#changesSoon(seen)) || platform.parking.spin(this.#word, seen, this.#pauses)) {
        this.#pauses = Math.min(this.#pauses * 2, SPIN * 4);
        if (attempt()) return true;
      } else this.#pauses = Math.max(this.#pauses >> 1, SPIN >> 3);
    }
    return false;
  }

  #changesSoon(seen: number): boolean {
    for (let look = 0; look < QUICK_LOOKS; look++) if (Atomics.load(this.#words, this.#word) !== seen) return true;
    return false;
  }
}

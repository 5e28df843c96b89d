/**
 * Liveness of threads without a kernel's help: a life word is 0 while free, else a mark of its owner. The end of a Worker is declared by the
 * thread that started it (its `exit` event) or by the Worker itself in its exit hook.
 */
import { CLAIM_BUSY, CLAIM_DEAD, CLAIM_FREE, type ClaimResult, LIFE_DIED, type Liveness } from '../platform.js';

const ALIVE = 1;

export function jsLiveness(words: Int32Array): Liveness {
  return {
    init: (lifeWord) => Atomics.store(words, lifeWord, 0),
    claim(lifeWord): ClaimResult {
      const seen = Atomics.load(words, lifeWord);
      if (seen !== 0 && (seen & LIFE_DIED) === 0) return CLAIM_BUSY;
      if (Atomics.compareExchange(words, lifeWord, seen, ALIVE) !== seen) return CLAIM_BUSY;
      return seen === 0 ? CLAIM_FREE : CLAIM_DEAD;
    },
    release: (lifeWord) => Atomics.store(words, lifeWord, 0),
    declareDead(lifeWord) {
      if (Atomics.load(words, lifeWord) === 0) return;
      Atomics.or(words, lifeWord, LIFE_DIED);
      Atomics.notify(words, lifeWord);
    },
  };
}

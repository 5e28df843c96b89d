/** Parking over `Atomics.wait` and `Atomics.notify`: V8 keeps the sleepers of all threads of the process in one list per word. */
import { PARK_CHANGED, PARK_TIMED_OUT, PARK_WOKEN, type Parking, type ParkResult } from '../platform.js';

const RESULTS = { ok: PARK_WOKEN, 'not-equal': PARK_CHANGED, 'timed-out': PARK_TIMED_OUT } as const;

export function jsParking(words: Int32Array): Parking {
  const park = (word: number, expected: number, timeoutMs: number): ParkResult => RESULTS[Atomics.wait(words, word, expected, timeoutMs)];
  return {
    countsExactly: true,
    watchesTwo: false,
    park,
    parkEither: (word, expected, _otherWord, _otherExpected, timeoutMs) => park(word, expected, timeoutMs),
    unpark: (word, count) => Atomics.notify(words, word, count),
    spin(word, expected, iterations) {
      for (let i = 0; i < iterations; i++) if (Atomics.load(words, word) !== expected) return true;
      return false;
    },
  };
}

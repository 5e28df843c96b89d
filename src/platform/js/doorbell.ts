/** The doorbell over `Atomics.waitAsync`: no thread. Each agent listens on its own bell; the door word is not needed. */
import { waitAsync } from '../../util/wait-async.js';
import type { Doorbell } from '../platform.js';

export class JsDoorbell implements Doorbell {
  readonly #words: Int32Array;
  #bellWord = 0;
  #onRing: (() => void) | undefined;
  /** Which arming is the present one: earlier promises still settle, and are ignored. */
  #arming = 0;
  /** `waitAsync` alone does not keep an event loop alive; a long timer does. */
  #keepAlive: NodeJS.Timeout | undefined;

  constructor(words: Int32Array) {
    this.#words = words;
  }

  open(bellWord: number, _doorWord: number, onRing: () => void): number {
    this.#bellWord = bellWord;
    this.#onRing = onRing;
    return bellWord;
  }

  arm(expected: number, timeoutMs: number): void {
    const arming = ++this.#arming;
    const ring = (): void => {
      if (arming === this.#arming) this.#onRing?.();
    };
    const wait = waitAsync(this.#words, this.#bellWord, expected, timeoutMs);
    if (wait.async) void wait.value.then(ring);
    else setImmediate(ring);
  }

  setRef(on: boolean): void {
    if (on) this.#keepAlive ??= setInterval(() => {}, 2 ** 30);
    else if (this.#keepAlive !== undefined) {
      clearInterval(this.#keepAlive);
      this.#keepAlive = undefined;
    }
  }

  close(): void {
    this.#arming++;
    this.#onRing = undefined;
    this.setRef(false);
  }
}

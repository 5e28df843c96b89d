/** A descriptor that tells of a child's end: readable from then on, and for ever. */
import { platform } from '../platform/select.js';
import { openPair } from './start/sentinel.js';

/** On the JavaScript backend sentinels are mere numbers, above those that descriptors have. */
let lastNumber = 2 ** 30;

const abandoned = new FinalizationRegistry<number>((descriptor) => platform.datagrams?.close(descriptor));

export class Sentinel {
  readonly descriptor: number;
  readonly #isReal: boolean;
  #end: (() => void) | undefined;

  /** Takes over a descriptor of the system's; without one `end()` must be called. */
  constructor(descriptor: number | undefined) {
    this.#isReal = platform.datagrams !== null;
    if (descriptor !== undefined) this.descriptor = descriptor;
    else if (this.#isReal) {
      const { sentinel, end } = openPair();
      this.descriptor = sentinel;
      this.#end = end;
    } else this.descriptor = ++lastNumber;
    if (this.#isReal) abandoned.register(this, this.descriptor, this);
  }

  /** The child has ended. Idempotent. */
  end(): void {
    this.#end?.();
    this.#end = undefined;
  }

  /** Idempotence is the caller's. */
  close(): void {
    this.end();
    if (!this.#isReal) return;
    abandoned.unregister(this);
    platform.datagrams?.close(this.descriptor);
  }
}

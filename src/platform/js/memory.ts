/**
 * The region of the JS backend: one fixed SharedArrayBuffer. Fixed, because atomics on a growable one cost two to three times as much;
 * large, because untouched pages cost nothing.
 */
import { OutOfMemoryError } from '../../errors.js';
import type { Memory, RegionGrant } from '../platform.js';

/** The largest SharedArrayBuffer that every supported V8 makes. */
const LIMIT_BYTES = 2 ** 32;

export class JsMemory implements Memory {
  readonly viewsWhole = true;
  #buffer: SharedArrayBuffer | undefined;

  create(maxBytes: number, minBytes: number): number {
    for (let bytes = Math.min(maxBytes, LIMIT_BYTES); bytes >= minBytes; bytes /= 2) {
      try {
        this.#buffer = new SharedArrayBuffer(bytes);
        return bytes;
      } catch {
        // RangeError: the address space or a limit refuses this size; the next smaller one may do
      }
    }
    throw new OutOfMemoryError(`Cannot make a SharedArrayBuffer of ${minBytes} bytes for the shared region`);
  }

  attach(grant: RegionGrant): number {
    if (grant.kind !== 'shared-array-buffer')
      throw new TypeError('The JS backend shares its region by SharedArrayBuffer, not by descriptor');
    this.#buffer = grant.buffer;
    return grant.buffer.byteLength;
  }

  grant(): RegionGrant {
    return { kind: 'shared-array-buffer', buffer: this.#region() };
  }

  view(): ArrayBufferLike {
    return this.#region();
  }

  /** A SharedArrayBuffer cannot show a part of itself: user code gets the whole, with an offset. */
  ownedView(): ArrayBufferLike {
    return this.#region();
  }

  detach(): boolean {
    return false;
  }

  takeReleased(): readonly number[] {
    return NONE;
  }

  commit(): void {
    // V8 backs pages as they are touched and has no way to be asked
  }

  punch(offset: number, bytes: number): void {
    new Uint8Array(this.#region(), offset, bytes).fill(0);
  }

  #region(): SharedArrayBuffer {
    if (this.#buffer === undefined) throw new Error('The region was neither created nor attached');
    return this.#buffer;
  }
}

const NONE: readonly number[] = [];

import type { Addon } from '../addon.js';
import type { Parking } from '../platform.js';

/** Futexes, or POSIX semaphores where the region was created with FORKFUL_PARKING=semaphore. */
export class NativeParking implements Parking {
  readonly park: Parking['park'];
  readonly parkEither: Parking['parkEither'];
  readonly unpark: Parking['unpark'];
  readonly spin: Parking['spin'];
  readonly #addon: Addon;
  #traits: ReturnType<Addon['parkingTraits']> | undefined;

  constructor(addon: Addon) {
    this.#addon = addon;
    this.park = addon.park;
    this.parkEither = addon.parkEither;
    this.unpark = addon.unpark;
    this.spin = addon.spin;
  }

  get countsExactly(): boolean {
    return this.#known().countsExactly;
  }

  get watchesTwo(): boolean {
    return this.#known().watchesTwo;
  }

  /** The region says which parking its family uses, so what is read before create or attach is only a guess, and not kept. */
  #known(): ReturnType<Addon['parkingTraits']> {
    if (this.#traits !== undefined) return this.#traits;
    const traits = this.#addon.parkingTraits();
    if (this.#addon.grant() !== null) this.#traits = traits;
    return traits;
  }
}

import type { Addon } from '../addon.js';
import type { Liveness } from '../platform.js';

/** Robust mutexes: the kernel itself marks the words of a thread that ends. */
export class NativeLiveness implements Liveness {
  readonly init: Liveness['init'];
  readonly claim: Liveness['claim'];
  readonly release: Liveness['release'];

  constructor(addon: Addon) {
    this.init = addon.lifeInit;
    this.claim = addon.lifeClaim;
    this.release = addon.lifeRelease;
  }

  declareDead(): void {}
}

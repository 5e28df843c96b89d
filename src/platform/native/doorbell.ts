import type { Addon } from '../addon.js';
import type { Doorbell } from '../platform.js';

/** One waiter thread per process, asleep on its door word; it wakes loops by `uv_async_send`. */
export class NativeDoorbell implements Doorbell {
  readonly open: Doorbell['open'];
  readonly arm: Doorbell['arm'];
  readonly setRef: Doorbell['setRef'];
  readonly close: Doorbell['close'];

  constructor(addon: Addon) {
    this.open = addon.doorbellOpen;
    this.arm = addon.doorbellArm;
    this.setRef = addon.doorbellSetRef;
    this.close = addon.doorbellClose;
  }
}

import type { Addon } from '../addon.js';
import type { Forking } from '../platform.js';

/** `fork(2)`, and what a process needs before and after it. */
export class NativeForking implements Forking {
  readonly enable: Forking['enable'];
  readonly fork: Forking['fork'];
  readonly serve: Forking['serve'];
  readonly exitDirectly: Forking['exitDirectly'];
  readonly exitNow: Forking['exitNow'];
  readonly quellHandles: Forking['quellHandles'];
  readonly loopLoad: Forking['loopLoad'];
  readonly countHandles: Forking['countHandles'];
  readonly redirect: Forking['redirect'];

  constructor(addon: Addon) {
    this.enable = addon.forkEnable;
    this.fork = addon.fork;
    this.serve = addon.forkServe;
    this.exitDirectly = addon.exitDirectly;
    this.exitNow = addon.exitNow;
    this.quellHandles = addon.quellHandles;
    this.loopLoad = addon.loopLoad;
    this.countHandles = addon.countHandles;
    this.redirect = addon.redirect;
  }
}

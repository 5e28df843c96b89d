import type { Addon } from '../addon.js';
import type { ProcessHost } from '../platform.js';

/** Signals by number, blocking waits by pidfd, and the parent-death signal. */
export class NativeProcessHost implements ProcessHost {
  readonly kill: ProcessHost['kill'];
  readonly waitExit: ProcessHost['waitExit'];
  readonly dieWithParent: ProcessHost['dieWithParent'];

  constructor(addon: Addon) {
    this.kill = addon.kill;
    this.waitExit = addon.waitExit;
    this.dieWithParent = addon.dieWithParent;
  }
}

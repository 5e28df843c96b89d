import type { Addon } from '../addon.js';
import type { ProcessHost } from '../platform.js';

/** Signals by number, blocking waits by pidfd, and the parent-death signal. */
export class NativeProcessHost implements ProcessHost {
  readonly kill: ProcessHost['kill'];
  readonly waitExit: ProcessHost['waitExit'];
  readonly dieWithParent: ProcessHost['dieWithParent'];
  readonly pid: ProcessHost['pid'];
  readonly parentPid: ProcessHost['parentPid'];
  readonly openPidfd: ProcessHost['openPidfd'];
  readonly signalPidfd: ProcessHost['signalPidfd'];
  readonly waitPidfd: ProcessHost['waitPidfd'];
  readonly reap: ProcessHost['reap'];
  readonly umask: ProcessHost['umask'];

  constructor(addon: Addon) {
    this.kill = addon.kill;
    this.waitExit = addon.waitExit;
    this.dieWithParent = addon.dieWithParent;
    this.pid = addon.pid;
    this.parentPid = addon.parentPid;
    this.openPidfd = addon.pidfdOpen;
    this.signalPidfd = addon.pidfdSignal;
    this.waitPidfd = addon.pidfdWait;
    this.reap = addon.reap;
    this.umask = addon.umask;
  }
}

/**
 * The end of a forked child for want of anything left to do. Its event loop may never run dry: what the parent had asked of its threads, a file to be
 * read, counts as under way in the copy too, which does not have those threads. So it is looked whether that is all that is left.
 */
import type { Forking } from '../../platform/platform.js';
import { platform } from '../../platform/select.js';
import { isDrained } from './exit-directly.js';

const LOOK_MS = 20;

/** In a forked child that has inherited requests; without any, Node notices by itself. */
export function endWhenDrained(): void {
  const forking = platform.forking as Forking;
  let wasDrained = false;
  setInterval(() => {
    // twice: a background task that had just ended may have had something for this thread
    const isDrainedNow = isDrained() && forking.loopLoad().isIdle;
    if (wasDrained && isDrainedNow) process.emit('beforeExit', Number(process.exitCode ?? 0)); // brings the end
    wasDrained = isDrainedNow;
  }, LOOK_MS).unref();
}

/**
 * The end of a copy for want of anything left to do. Its event loop may never run dry: what the parent had asked of its threads, a file to be read,
 * counts as under way in the copy too, which does not have those threads. So it is looked whether that is all that is left.
 */
import type { Forking } from '../../platform/platform.js';
import { platform } from '../../platform/select.js';
import { leave } from './exit-directly.js';

const LOOK_MS = 20;

/** In a copy, before anything of its own is under way. */
export function endWhenDrained(): void {
  const forking = platform.forking as Forking;
  const inherited = forking.loopLoad().requests;
  if (inherited === 0) return; // Node notices by itself
  const isDrained = (): boolean => {
    const { handles, requests } = forking.loopLoad();
    return handles === 0 && requests <= inherited && !hasTimers();
  };
  setInterval(() => {
    if (!isDrained()) return;
    process.emit('beforeExit', Number(process.exitCode ?? 0));
    if (isDrained()) leave();
  }, LOOK_MS).unref();
}

/** All timers share one handle, which counts for nothing while one of them runs: as it does when this is asked. */
function hasTimers(): boolean {
  return process.getActiveResourcesInfo().some((name) => name === 'Timeout' || name === 'Immediate');
}

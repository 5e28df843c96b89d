/**
 * The end of a forked child for want of anything left to do.
 *
 * Node would see to it, but not well: when the copied program was in its top-level await, as it mostly is, that is still pending in the child, and from
 * Node 22 on it is taken for a failure (exit code 13, and a warning). So the child leaves before that is looked at.
 *
 * And the event loop of a copy may never run dry: what the parent had asked of its threads, a file to be read, counts as under way in the copy too, which
 * does not have those threads. So it is looked whether that is all that is left.
 */
import type { Forking } from '../../platform/platform.js';
import { platform } from '../../platform/select.js';
import { leave } from './exit-directly.js';

const LOOK_MS = 20;

/** In a forked child, before anything of its own is under way. */
export function endWhenDrained(): void {
  const forking = platform.forking as Forking;
  const inherited = forking.loopLoad().requests;
  const isDrained = (): boolean => {
    const { handles, requests } = forking.loopLoad();
    return handles === 0 && requests <= inherited;
  };
  const leaveIfDrained = (): void => {
    if (isDrained()) leave();
  };
  // other listeners may give the loop more to do, also from promises that are settled at once: after all of those
  process.on('beforeExit', () => process.nextTick(() => queueMicrotask(() => process.nextTick(leaveIfDrained))));
  if (inherited === 0) return; // Node notices by itself
  setInterval(() => {
    if (!isDrained()) return;
    process.emit('beforeExit', Number(process.exitCode ?? 0));
    leaveIfDrained();
  }, LOOK_MS).unref();
}

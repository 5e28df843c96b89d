/** A daemon's life is bound to its parent's by the kernel: nobody else is left to end it when the parent is killed. */
import { platform } from '../../platform/select.js';

/** In the child; the calling thread is the process's main one. */
export function dieWith(parentPid: number): void {
  if (platform.processes.dieWithParent(parentPid)) return;
  if (process.ppid !== parentPid) process.kill(process.pid, 'SIGKILL'); // the parent ended before the request
}

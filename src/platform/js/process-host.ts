/** The JS backend starts threads only: there is no process to signal or wait for. */
import type { ExitStatus, ProcessHost } from '../platform.js';

export const jsProcessHost: ProcessHost = {
  kill: () => false,
  waitExit: (): ExitStatus | null => null,
  dieWithParent: () => false,
};

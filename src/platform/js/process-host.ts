/** The JS backend starts threads only: there is no process to signal or wait for. */
import type { ExitStatus, ProcessHost } from '../platform.js';

const noProcesses = (): never => {
  throw new Error('The JavaScript backend has no processes');
};

export const jsProcessHost: ProcessHost = {
  kill: () => false,
  waitExit: (): ExitStatus | null => null,
  dieWithParent: () => false,
  pid: () => process.pid,
  parentPid: () => process.ppid,
  openPidfd: noProcesses,
  signalPidfd: noProcesses,
  waitPidfd: noProcesses,
  reap: noProcesses,
  umask: noProcesses,
};

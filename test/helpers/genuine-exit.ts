/**
 * For every test file (vitest's `setupFiles`): vitest replaces `process.exit` by a function that throws, and a process that a test forks from vitest's
 * would inherit that. In such a copy it does again what Node's own does; in vitest's process it stays what vitest made it.
 */
const { exit, pid } = process;
const own = process as unknown as { _exiting?: boolean; reallyExit(code: number): never };

process.exit = (code) => {
  if (process.pid === pid) return exit(code);
  if (code !== undefined && code !== null) process.exitCode = code;
  if (own._exiting !== true) {
    own._exiting = true;
    process.emit('exit', Number(process.exitCode ?? 0));
  }
  return own.reallyExit(Number(process.exitCode ?? 0));
};

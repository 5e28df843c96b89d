/**
 * How a forked child ends. Node's own teardown joins threads that exist in the parent only, so every road must lead to `_exit(2)`:
 *
 * - `process.exit()` and uncaught errors come to the environment's exit handler, which the addon replaces. By then Node has printed the error and
 *   written what coverage and profilers collected.
 * - An end for want of anything left to do runs the `beforeExit` and `exit` listeners and then the teardown, without that handler: so the child
 *   leaves by itself when the former have left nothing to do. Nor does Node then complain of a main module that never comes to its end: in a copy of
 *   the process that is as it should be.
 */
import { platform } from '../../platform/select.js';

/** What Node's C++ side calls, and Node's types do not name. */
interface NodesOwn {
  _exiting?: boolean;
  reallyExit(code: number): never;
  _fatalException(error: unknown, fromPromise: boolean): boolean;
}

let isRehearsal = false;

/** In a forked child, once. @returns undefined, or why it cannot end */
export function exitDirectly(): string | undefined {
  const reason = platform.forking?.exitDirectly();
  if (reason !== undefined) return reason;
  const own = process as unknown as NodesOwn;
  const { emit } = process;
  const fatalException = own._fatalException;
  let isFatal = false;
  // an `exit` event in there is followed by Node's printing of the error, and then by the handler
  own._fatalException = function (error, fromPromise) {
    isFatal = true;
    try {
      return fatalException.call(this, error, fromPromise);
    } finally {
      isFatal = false;
    }
  };
  process.emit = function (this: NodeJS.Process, event: string, ...args: unknown[]): boolean {
    const heard = (emit as (...all: unknown[]) => boolean).call(this, event, ...args);
    if (event === 'beforeExit' && !isRehearsal && isDry()) leave();
    if (event === 'exit' && !isFatal && own._exiting === true) own.reallyExit(Number(process.exitCode ?? args[0] ?? 0));
    return heard;
  } as typeof process.emit;
  return undefined;
}

/** The events are emitted to see what listeners do: nothing ends. */
export function rehearseExit(): void {
  isRehearsal = true;
  process.emit('beforeExit', 0);
  process.emit('exit', 0);
  isRehearsal = false;
}

function isDry(): boolean {
  const load = platform.forking?.loopLoad();
  return load?.handles === 0 && load.requests === 0;
}

/** As Node's `process.exit`, which the program that was copied may have replaced: test runners do, to see who ends their processes. */
export function leave(code?: number): never {
  const own = process as unknown as NodesOwn;
  if (code !== undefined) process.exitCode = code;
  if (own._exiting !== true) {
    own._exiting = true;
    process.emit('exit', Number(process.exitCode ?? 0));
  }
  return own.reallyExit(Number(process.exitCode ?? 0));
}

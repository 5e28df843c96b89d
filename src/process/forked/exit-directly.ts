/**
 * How a forked child ends. Node's own teardown joins threads that exist in the parent only, so every road must lead to `_exit(2)`:
 *
 * - `process.exit()` and uncaught errors come to the environment's exit handler, which the addon replaces. By then Node has printed the error and
 *   written what coverage and profilers collected.
 * - An end for want of anything left to do would run the `exit` listeners and then the teardown, without that handler. It would also be judged by the
 *   main module's evaluation, which may never end in a copy: the parent is what it waits for. So the child leaves as soon as `beforeExit` has brought
 *   nothing new, by `process.reallyExit`, which comes to the handler.
 */
import type { Forking } from '../../platform/platform.js';
import { platform } from '../../platform/select.js';

/** What Node's C++ side calls, and Node's types do not name. */
interface NodesOwn {
  _exiting?: boolean;
  reallyExit(code: number): never;
  _fatalException(error: unknown, fromPromise: boolean): boolean;
}

/** What the event loop of the parent was doing when it was copied, which will not end in this process. */
let inheritedRequests = 0;
let isRehearsal = false;

/** In a forked child, or in a process whose children are to inherit it; once. @returns undefined, or why it cannot end so */
export function exitDirectly(): string | undefined {
  const reason = (platform.forking as Forking).exitDirectly();
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
    const isEnd = event === 'beforeExit' && !isRehearsal;
    // where the listener of `child-life.ts` is the only one, nobody gives the loop more to do
    const isOurs = isEnd && process.listenerCount('beforeExit') <= 1;
    // else before immediates of the listeners; when what they have put off, to ticks and promises, has had its turn
    const end = isEnd && !isOurs ? setImmediate(() => isDrained({ handles: 1 }) && leave()) : undefined;
    const heard = (emit as (...all: unknown[]) => boolean).call(this, event, ...args);
    if (isOurs && isDrained()) leave();
    // with more to do there will be another `beforeExit`
    if (end !== undefined && !isDrained({ handles: 1, immediates: 1 })) clearImmediate(end);
    if (event === 'exit' && !isFatal && own._exiting === true) own.reallyExit(Number(process.exitCode ?? args[0] ?? 0));
    return heard;
  } as typeof process.emit;
  return undefined;
}

/** In a forked child, before anything of its own is under way, or right before the fork in a fork server. Returns how much there is. */
export function inheritRequests(): number {
  inheritedRequests = (platform.forking as Forking).loopLoad().requests;
  return inheritedRequests;
}

/** The events are emitted to see what listeners do: nothing ends. */
export function rehearseExit(): void {
  isRehearsal = true;
  process.emit('beforeExit', 0);
  process.emit('exit', 0);
  isRehearsal = false;
}

/**
 * Whether nothing is left that would keep this process alive, but so much of the caller's own. All immediates share one handle, which is active still
 * while the last of them runs. All timers share one too, which is not while one of them runs.
 */
export function isDrained(own: { readonly handles?: number; readonly immediates?: number } = {}): boolean {
  const { handles, requests } = (platform.forking as Forking).loopLoad();
  if (handles > (own.handles ?? 0) || requests > inheritedRequests) return false;
  const resources = process.getActiveResourcesInfo();
  return !resources.includes('Timeout') && resources.filter((name) => name === 'Immediate').length <= (own.immediates ?? 0);
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

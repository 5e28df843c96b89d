/** The options of every waiting call: `{ timeout, signal }`. */
import { rangeError, typeError } from './validate.js';

export interface WaitOptions {
  /** Milliseconds, from now; 0 and less only look. Default: for ever. */
  timeout?: number | undefined;
  /** Ends the wait by rejecting (promises) with the signal's reason. Blocking forms only look at it before they wait. */
  signal?: AbortSignal | undefined;
}

/** The moment on the monotonic clock at which the wait ends, in milliseconds. @throws TypeError, RangeError, the signal's reason */
export function deadlineOf(options: WaitOptions | undefined): number {
  if (options === undefined) return Number.POSITIVE_INFINITY;
  if (typeof options !== 'object' || options === null) throw typeError('options', 'an object like { timeout: 100 }', options);
  const { timeout, signal } = options;
  if (signal !== undefined) {
    if (!(signal instanceof AbortSignal)) throw typeError('signal', 'an AbortSignal', signal);
    signal.throwIfAborted();
  }
  if (timeout === undefined) return Number.POSITIVE_INFINITY;
  if (typeof timeout !== 'number') throw typeError('timeout', 'a number of milliseconds', timeout);
  if (Number.isNaN(timeout)) throw rangeError('timeout', 'a number of milliseconds', timeout);
  return performance.now() + Math.max(0, timeout);
}

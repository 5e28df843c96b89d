/** What becomes of something thrown in another process. */
import { inspect } from 'node:util';
import { ProcessError, SerializationError } from '../errors.js';
import { classOfError, makeError, registerErrorClass } from './error-classes.js';
import type { Encoder } from './encoder.js';

/**
 * Something was thrown in another process; `cause` is what. An error arrives there with its name, message, stack, cause and own
 * properties, as an instance of the nearest class that both processes know: JavaScript's and this package's error classes.
 */
export class RemoteError extends ProcessError {
  override readonly code: string = 'ERR_FORKFUL_REMOTE';
  /** The stack where it was thrown, or '' when something else than an error was. */
  readonly remoteStack: string;
  static {
    Object.defineProperty(RemoteError.prototype, 'name', { value: 'RemoteError', configurable: true, writable: true });
    registerErrorClass(RemoteError);
  }
  /** `where` names the process: `Process-1 (pid 4711)`. */
  constructor(thrown: unknown, where = 'another process') {
    super(`${where} threw ${headline(thrown)}`, { cause: thrown });
    this.remoteStack = thrown instanceof Error && typeof thrown.stack === 'string' ? thrown.stack : '';
  }
}

/**
 * What to send when something was thrown: itself if it can be sent; otherwise an Error with its name, message and stack and those of
 * its own properties that can, so that whoever waits for a result always learns of the failure. Leaves the encoder holding it.
 */
export function encodeThrown(encoder: Encoder, thrown: unknown): void {
  if (isSendable(encoder, thrown)) return;
  encoder.encode(sendableCopy(encoder, thrown));
}

function sendableCopy(encoder: Encoder, thrown: unknown, met: readonly unknown[] = []): unknown {
  if (!(thrown instanceof Error)) return new SerializationError(`Something was thrown that cannot be sent: ${oneLine(thrown)}`, '');
  const { className, name } = classOfError(thrown);
  const error = makeError(className, name, read(thrown, 'message', String));
  Object.defineProperty(error, 'stack', { value: read(thrown, 'stack', String), configurable: true, writable: true });
  for (const key of new Set(['code', 'cause', ...Object.keys(thrown)])) {
    const value: unknown = read(thrown, key, (v) => v);
    if (value === undefined || key === 'name' || key === 'message' || key === 'stack') continue;
    if (met.includes(value) || value === thrown) continue;
    const kept =
      key === 'cause' && value instanceof Error && !isSendable(encoder, value) ? sendableCopy(encoder, value, [...met, thrown]) : value;
    if (isSendable(encoder, kept))
      Object.defineProperty(error, key, { value: kept, enumerable: key !== 'cause', configurable: true, writable: true });
  }
  return error;
}

function isSendable(encoder: Encoder, value: unknown): boolean {
  try {
    encoder.encode(value);
    return true;
  } catch {
    // Whatever the reason, a getter's own included: this is about what else can be told.
    return false;
  }
}

function read<T>(error: Error, key: string, convert: (value: unknown) => T): T | undefined {
  try {
    return convert((error as unknown as Record<string, unknown>)[key]);
  } catch {
    return undefined;
  }
}

function headline(thrown: unknown): string {
  if (thrown instanceof Error) return `${thrown.name}: ${thrown.message}`;
  return oneLine(thrown);
}

function oneLine(value: unknown): string {
  try {
    return inspect(value, { depth: 0, breakLength: Number.POSITIVE_INFINITY, maxStringLength: 200, maxArrayLength: 3 });
  } catch {
    return typeof value;
  }
}

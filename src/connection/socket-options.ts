/** Options and errors that both ends have in common. */
import { constants } from 'node:buffer';
import { inspect } from 'node:util';
import { SystemError } from '../errors.js';
import { options as checkOptions, integer } from '../util/validate.js';
import type { Address, Family } from './address.js';
import { type AuthKey, keyBytes } from './auth.js';

export interface SocketOptions {
  /** `'AF_INET'`, `'AF_INET6'` or `'AF_UNIX'`. Default: that of the address. */
  family?: Family | undefined;
  /** What both ends must know: bytes, or a string for its UTF-8; an empty one is one too. Default: anybody may connect, and no objects are exchanged. */
  authkey?: AuthKey | undefined;
  /** The longest message that is received, in bytes; default 2^30. Memory is claimed for what has come, not for what a peer says will. */
  maxMessageBytes?: number | undefined;
}

const DEFAULT_MOST_BYTES = 2 ** 30;

/** @throws TypeError, RangeError */
export function checkSocketOptions({ authkey, maxMessageBytes = DEFAULT_MOST_BYTES }: SocketOptions): {
  key: Uint8Array | undefined;
  mostBytes: number;
} {
  return {
    key: authkey === undefined ? undefined : keyBytes(authkey),
    mostBytes: integer('maxMessageBytes', maxMessageBytes, 0, constants.MAX_LENGTH),
  };
}

/** Options as one object, or as arguments in Python's order, where null is none. @throws TypeError for unknown options */
export function positionalOptions<T extends object>(
  args: readonly unknown[],
  positions: readonly (keyof T & string)[],
  known: readonly (keyof T & string)[],
): Partial<T> {
  const [first] = args;
  const isAddress = typeof first !== 'object' || first === null || Array.isArray(first) || 'host' in first;
  const given = args.length <= 1 && !isAddress ? (first as T) : (Object.fromEntries(positions.map((name, i) => [name, args[i]])) as T);
  const checked = checkOptions('options', given, known);
  return Object.fromEntries(Object.entries(checked).filter(([, value]) => value !== undefined && value !== null)) as Partial<T>;
}

const ADVICE: { readonly [code: string]: string } = {
  EADDRINUSE: 'somebody listens there, or the path is there already',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'this user may not',
  ENOENT: 'there is no such name',
  ECONNREFUSED: 'nobody listens there',
};

/** What the system says about an address, with the address. */
export function explained(error: unknown, action: string, address: Address): unknown {
  if (!(error instanceof SystemError)) return error;
  const { syscall, code, errno } = error;
  const where = typeof address === 'string' ? JSON.stringify(address) : inspect(address);
  return new SystemError(
    syscall,
    code,
    errno,
    `Cannot ${action} ${where}: ${ADVICE[code] ?? 'the system refuses it'} (${syscall}: ${code})`,
  );
}

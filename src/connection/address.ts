/** Where a listener is: as Python writes addresses, and as the platform takes them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StreamAddress } from '../platform/platform.js';
import { atExit } from '../util/at-exit.js';
import { integer, rangeError, string, typeError } from '../util/validate.js';

/**
 * `[host, port]`, or `{ host, port }`: TCP; port 0: one that is free. A string: the path of a Unix socket, or with a zero character in front a name of Linux's
 * own namespace, which leaves no file behind.
 */
export type Address = string | readonly [host: string, port: number] | { readonly host: string; readonly port: number };

export type Family = 'AF_INET' | 'AF_INET6' | 'AF_UNIX';

/** What listeners can be of. */
export const families: readonly Family[] = Object.freeze(['AF_INET', 'AF_INET6', 'AF_UNIX'] as const);

/** Of a listener without an address. */
export const defaultFamily: Family = 'AF_UNIX';

/** `sun_path`, less the zero at the end of a path. */
const MOST_PATH_BYTES = process.platform === 'darwin' ? 103 : 107;
const MOST_HOST_BYTES = 253;

/** The family that an address belongs to: `AF_INET6` if its host is a numeric address of IPv6. `'AF_PIPE'`, a pipe of Windows's, is a family that nothing here takes. @throws TypeError */
export function addressType(address: Address): Family | 'AF_PIPE' {
  if (typeof address === 'string') return address.startsWith('\\\\') ? 'AF_PIPE' : 'AF_UNIX';
  return isIP(hostAndPort(address).host) === 6 ? 'AF_INET6' : 'AF_INET';
}

/** An address of that family that is free: of TCP on this machine only, a path in a folder that only this user can enter and that goes when the process ends. @throws RangeError */
export function arbitraryAddress(family: Family = defaultFamily): Address {
  switch (checkFamily(family)) {
    case 'AF_INET':
      return ['localhost', 0];
    case 'AF_INET6':
      return ['::1', 0];
    case 'AF_UNIX':
      sharedFolder ??= new PrivateFolder();
      return sharedFolder.freshPath();
  }
}

export function checkFamily(family: Family): Family {
  string('family', family);
  if ((family as string) === 'AF_PIPE') throw rangeError('family', "one of this system's: AF_PIPE is Windows's", family);
  if (!families.includes(family)) throw rangeError('family', `one of ${families.join(', ')}`, family);
  return family;
}

/** The family, given or the address's own; both must fit. @throws TypeError, RangeError */
export function familyOf(address: Address, family: Family | null | undefined): Family {
  const natural = addressType(address);
  if (family === undefined || family === null) return checkFamily(natural as Family);
  checkFamily(family);
  const isName = typeof address !== 'string' && isIP(hostAndPort(address).host) === 0;
  // a name may have addresses of both
  if (family !== natural && !(isName && family === 'AF_INET6')) throw rangeError('address', `one of ${family}`, address);
  return family;
}

/** An address for the platform, but for its host, which may be a name still. @throws TypeError, RangeError */
export function streamAddress(address: Address, family: Family): StreamAddress {
  if (typeof address === 'string') return { family: 'unix', host: checkPath(address), port: 0 };
  const { host, port } = hostAndPort(address);
  if (family === 'AF_INET6') return { family: 'inet6', host: host === '' ? '::' : host, port };
  return { family: 'inet', host: host === '' ? '0.0.0.0' : host, port };
}

/** As Python shows it. */
export function publicAddress({ family, host, port }: StreamAddress): string | [host: string, port: number] {
  return family === 'unix' ? host : [host, port];
}

function hostAndPort(address: Exclude<Address, string>): { host: string; port: number } {
  if (Array.isArray(address) && address.length === 2) return checkHostAndPort(address[0], address[1]);
  const isObject = typeof address === 'object' && address !== null && !Array.isArray(address);
  if (isObject && 'host' in address && 'port' in address) return checkHostAndPort(address.host, address.port);
  throw typeError('address', 'a path, or [host, port]', address);
}

function checkHostAndPort(host: unknown, port: unknown): { host: string; port: number } {
  const name = string('address host', host);
  if (name.includes('\0') || Buffer.byteLength(name) > MOST_HOST_BYTES)
    throw rangeError('address host', `at most ${MOST_HOST_BYTES} bytes, without zeros`, host);
  return { host: name, port: integer('address port', port, 0, 65535) };
}

function checkPath(path: string): string {
  const isAbstract = path.startsWith('\0');
  if (path === '' || (!isAbstract && path.includes('\0')))
    throw rangeError('address', 'a path without zeros, or one with a zero only in front', path);
  if (isAbstract && process.platform !== 'linux')
    throw rangeError('address', 'a path: names with a zero in front exist on Linux only', path);
  if (Buffer.byteLength(path) > MOST_PATH_BYTES) throw rangeError('address', `a path of at most ${MOST_PATH_BYTES} bytes`, path);
  return path;
}

let sharedFolder: PrivateFolder | undefined;

/** A folder of this user's alone, removed with what is in it: by `remove`, or when the process ends. */
export class PrivateFolder {
  readonly #path = mkdtempSync(join(tmpdir(), 'forkful-'));
  readonly #cancel = atExit(() => this.#removeNow());
  #count = 0;

  freshPath(): string {
    return join(this.#path, `listener-${this.#count++}`);
  }

  remove(): void {
    this.#cancel();
    this.#removeNow();
  }

  #removeNow(): void {
    rmSync(this.#path, { recursive: true, force: true });
  }
}

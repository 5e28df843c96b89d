import { SystemError } from '../../errors.js';
import type { Addon } from '../addon.js';
import type { NamedSegments } from '../platform.js';

/** What `shm_open` makes: files of a file system in memory. */
export class NativeNamedSegments implements NamedSegments {
  readonly open: NamedSegments['open'];
  readonly close: NamedSegments['close'];
  readonly unlink: NamedSegments['unlink'];
  readonly identityOf: NamedSegments['identityOf'];
  readonly #addon: Addon;

  constructor(addon: Addon) {
    this.#addon = addon;
    this.open = addon.namedOpen;
    this.close = addon.namedClose;
    this.unlink = addon.namedUnlink;
    this.identityOf = addon.namedIdentity;
  }

  create(name: string, bytes: number, identityOffset: number | null): ArrayBufferLike {
    return this.#addon.namedCreate(name, bytes, identityOffset ?? -1);
  }

  keepNames(headOffset: number, former: number): number {
    try {
      return this.#addon.namedKeep(headOffset, former);
    } catch (error) {
      if (error instanceof SystemError && error.code === 'ENOTSUP') return 0;
      throw error;
    }
  }
}

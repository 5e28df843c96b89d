import type { Addon } from '../addon.js';
import type { Memory, RegionGrant } from '../platform.js';

const NONE: readonly number[] = [];

/** The region as a sealed, sparse, nameless file in memory, mapped once per process. */
export class NativeMemory implements Memory {
  readonly create: Memory['create'];
  readonly viewsWhole = false;
  readonly view: Memory['view'];
  readonly ownedView: Memory['ownedView'];
  readonly detach: Memory['detach'];
  readonly commit: Memory['commit'];
  readonly punch: Memory['punch'];
  readonly #addon: Addon;

  constructor(addon: Addon) {
    this.#addon = addon;
    this.create = addon.create;
    this.view = addon.view;
    this.ownedView = addon.ownedView;
    this.detach = addon.detach;
    this.commit = addon.commit;
    this.punch = addon.punch;
  }

  attach(grant: RegionGrant): number {
    if (grant.kind !== 'descriptor') throw new TypeError(`grant.kind must be 'descriptor' for the native backend, got '${grant.kind}'`);
    return this.#addon.attach(grant.fd, grant.bytes);
  }

  grant(): RegionGrant {
    const grant = this.#addon.grant();
    if (grant === null) throw new Error('This process has no region yet: create or attach it first');
    return { kind: 'descriptor', ...grant };
  }

  takeReleased(): readonly number[] {
    return this.#addon.takeReleased() ?? NONE;
  }
}

/**
 * The region of this family: made by the first process that needs one, joined by its descendants and by all their threads.
 * Nothing of it has a name; the kernel frees it with the last process.
 */
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';
import { platform } from '../platform/select.js';
import type { RegionGrant } from '../platform/platform.js';
import {
  HEADER_MAGIC,
  HEADER_PAGES,
  HEADER_STATE,
  HEADER_USED_PAGES,
  HEADER_VERSION,
  LAYOUT_VERSION,
  MAGIC,
  PAGE_BYTES,
  PAGE_TABLE,
  SLOT_LIFE,
  SLOT_WORDS,
  SLOTS,
  SLOTS_START,
} from './layout.js';

/** 256 GiB of addresses cost nothing until touched; where a limit forbids them, less will do. */
const MAX_BYTES = 2 ** 38;
const MIN_BYTES = 2 ** 30;
/** The JS backend's threads find the region here: `setEnvironmentData` is inherited by every Worker started afterwards. */
const ENVIRONMENT_KEY = 'forkful.region';
const UNTOUCHED = 0;
const WRITING = 1;
const DONE = 2;

export interface Region {
  readonly bytes: number;
  /** Pages of 64 KiB. */
  readonly pages: number;
  /** The near window. */
  readonly words: Int32Array;
  readonly near: Buffer;
}

let region: Region | undefined;
let granted: RegionGrant | undefined;

/** For a child, before anything else: the region that its parent handed down. */
export function joinRegion(grant: RegionGrant): void {
  granted = grant;
}

/** What a launcher hands to a child. */
export function grantRegion(): RegionGrant {
  openRegion();
  return platform.memory.grant();
}

/** The region, made or joined on first use. @throws SystemError, OutOfMemoryError */
export function openRegion(): Region {
  if (region !== undefined) return region;
  const inherited = granted ?? inheritedByThread();
  const bytes = inherited === undefined ? platform.memory.create(MAX_BYTES, MIN_BYTES) : platform.memory.attach(inherited);
  const words = platform.words();
  if (inherited === undefined) initialise(words, bytes);
  if (words[HEADER_MAGIC] !== MAGIC || words[HEADER_VERSION] !== LAYOUT_VERSION) {
    throw new Error(
      `The inherited region has layout ${words[HEADER_VERSION]}, this forkful needs ${LAYOUT_VERSION}: parent and child run different versions`,
    );
  }
  if (platform.backend === 'js') setEnvironmentData(ENVIRONMENT_KEY, (platform.memory.grant() as { buffer: SharedArrayBuffer }).buffer);
  region = {
    bytes,
    pages: words[HEADER_PAGES] as number,
    words,
    near: Buffer.from(words.buffer, 0, words.byteLength),
  };
  return region;
}

/** Memory of a block that may lie beyond the near window. */
export function viewBytes(offset: number, bytes: number): Buffer {
  return Buffer.from(platform.memory.view(offset, bytes) as ArrayBuffer, platform.memory.viewsWhole ? offset : 0, bytes);
}

function inheritedByThread(): RegionGrant | undefined {
  if (platform.backend !== 'js') return undefined;
  const buffer = getEnvironmentData(ENVIRONMENT_KEY);
  return buffer instanceof SharedArrayBuffer ? { kind: 'shared-array-buffer', buffer } : undefined;
}

/** Several threads of one process may come here at once: one writes the header, the others wait for it. */
function initialise(words: Int32Array, bytes: number): void {
  if (Atomics.compareExchange(words, HEADER_STATE, UNTOUCHED, WRITING) !== UNTOUCHED) {
    while (Atomics.load(words, HEADER_STATE) !== DONE) platform.parking.park(HEADER_STATE, WRITING, 10);
    return;
  }
  const pages = bytes / PAGE_BYTES;
  words[HEADER_MAGIC] = MAGIC;
  words[HEADER_VERSION] = LAYOUT_VERSION;
  words[HEADER_PAGES] = pages;
  words[HEADER_USED_PAGES] = Math.ceil(((PAGE_TABLE + pages) * 4) / PAGE_BYTES);
  for (let slot = 0; slot < SLOTS; slot++) platform.liveness.init(SLOTS_START + slot * SLOT_WORDS + SLOT_LIFE);
  Atomics.store(words, HEADER_STATE, DONE);
  platform.parking.unpark(HEADER_STATE, SLOTS);
}

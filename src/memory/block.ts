/**
 * Blocks: the small pieces of near memory in which every shared object lives, and their lifetime.
 *
 * A block has a header (generation, type, handles in transit, one holder bit per agent) and a payload. It is freed by whoever takes away the
 * last holder while no handle is in transit: by disposal, by garbage collection, or by the sweep after an agent's death.
 * Allocation takes no lock: a bit in its slab's bitmap, set by CAS. What a kill can leak until the family ends is what
 * one operation had in its hands: a block, or a run of pages (docs/memory-layout.md lists them).
 */
import { currentAgent, onAgentDeath } from '../arena/agent.js';
import {
  BLOCK_BYTES,
  BLOCK_GENERATION,
  BLOCK_HEADER_BYTES,
  BLOCK_HEADER_WORDS,
  BLOCK_HOLDER_WORDS,
  BLOCK_HOLDERS,
  BLOCK_TRANSIT,
  BLOCK_TYPE,
  HEADER_USED_PAGES,
  NEAR_PAGES,
  PAGE_ARGUMENT,
  PAGE_BYTES,
  PAGE_KIND,
  PAGE_SLAB,
  PAGE_TABLE,
  SLAB_BITMAP_WORDS,
  SLAB_FIRST,
  SLOTS,
  TRANSIT_CHANGE,
  TRANSIT_COUNT,
} from '../arena/layout.js';
import { load } from '../arena/words.js';
import { OutOfMemoryError, StaleHandleError } from '../errors.js';
import { fault } from '../util/fault.js';
import type { Handle } from './handle.js';
import { allocateSlab, firstPage, type Page } from './pages.js';

/** Bytes of a whole block, header included: multiples of 64, so that no two share a cache line. */
const CLASS_BYTES = [256, 320, 512, 1024, 2048, 4096, 8192, 16320] as const;

/** The largest payload a block can have; more goes into a run of pages that the block names. */
export const MAX_PAYLOAD_BYTES = (CLASS_BYTES[CLASS_BYTES.length - 1] as number) - BLOCK_HEADER_BYTES;

/** What lives in a block. Numbers are part of the layout. */
export const BLOCK_LOCK = 1;
export const BLOCK_VALUE = 2;
export const BLOCK_ARRAY = 3;
export const BLOCK_QUEUE = 4;
export const BLOCK_ANNEX = 5;
export const BLOCK_RLOCK = 6;
export const BLOCK_SEMAPHORE = 7;
export const BLOCK_CONDITION = 8;
export const BLOCK_EVENT = 9;
export const BLOCK_BARRIER = 10;
export const BLOCK_JOINABLE_QUEUE = 11;
export const BLOCK_SIMPLE_QUEUE = 12;
export const BLOCK_CONNECTION = 13;
export const BLOCK_SOCKET = 14;
export const BLOCK_PIPE = 15;
export const BLOCK_DESCRIPTOR = 16;
/** One structure, and several in a row. */
export const BLOCK_STRUCT = 20;
export const BLOCK_STRUCTS = 21;
export type BlockType = number;

/** What a type of block owns besides itself: frees runs, drops handles. Runs once, in whichever process takes the last hold away. */
const destructors = new Map<BlockType, (payloadWord: number) => void>();
/** Per size class, the slab in which the last allocation succeeded. */
const hints: Page[] = [];

export function onDestroy(type: BlockType, destroy: (payloadWord: number) => void): void {
  destructors.set(type, destroy);
}

/** A new block with a zeroed payload, held by the calling agent. @throws OutOfMemoryError */
export function createBlock(type: BlockType, payloadBytes: number): Handle {
  const { region, slot } = currentAgent();
  const { words } = region;
  const offset = takeBlock(words, BLOCK_HEADER_BYTES + payloadBytes);
  const header = offset >> 2;
  if (fault !== null) fault('block.taken');
  // nothing in transit, then the holder: from here on the block of a killed creator is found and freed by the sweep
  Atomics.store(words, header + BLOCK_TRANSIT, ((words[header + BLOCK_TRANSIT] as number) + TRANSIT_CHANGE) & ~TRANSIT_COUNT);
  words[header + BLOCK_HOLDERS + (slot >> 5)] = 1 << (slot & 31);
  words.fill(0, header + BLOCK_HEADER_WORDS, header + BLOCK_HEADER_WORDS + ((payloadBytes + 3) >> 2));
  words[header + BLOCK_BYTES] = payloadBytes;
  Atomics.store(words, header + BLOCK_TYPE, type);
  return { offset, generation: (words[header + BLOCK_GENERATION] as number) >>> 0 };
}

/** First word of the payload. */
export function payloadWord(offset: number): number {
  return (offset >> 2) + BLOCK_HEADER_WORDS;
}

export function blockType(handle: Handle): BlockType {
  return Atomics.load(currentAgent().region.words, checked(handle) + BLOCK_TYPE);
}

/** The handle is on its way in a message: the block outlives all its holders until the message is received or cancelled. REQUIRES: the caller holds the block. */
export function sendHandle(handle: Handle): void {
  const { words } = currentAgent().region;
  const at = checked(handle) + BLOCK_TRANSIT;
  if ((Atomics.add(words, at, TRANSIT_CHANGE + 1) & TRANSIT_COUNT) < TRANSIT_COUNT - SLOTS) return;
  Atomics.sub(words, at, 1);
  throw new OutOfMemoryError(`More than ${TRANSIT_COUNT - SLOTS} messages that contain the same shared object are under way`);
}

/** The message has arrived: the calling agent holds the block now. @throws StaleHandleError */
export function receiveHandle(handle: Handle): void {
  expectHandle(handle);
  countArrived(handle);
}

/** First half of `receiveHandle`: the calling agent holds the block, which counts as under way still. @throws StaleHandleError */
export function expectHandle(handle: Handle): void {
  const { region, slot } = currentAgent();
  Atomics.or(region.words, checked(handle) + BLOCK_HOLDERS + (slot >> 5), 1 << (slot & 31));
}

/** The second half: right after the commit of the message, for whoever is killed in between leaves it under way for ever. */
export function countArrived({ offset }: Handle): void {
  Atomics.sub(currentAgent().region.words, (offset >> 2) + BLOCK_TRANSIT, 1);
}

/** The message will never arrive. */
export function cancelHandle(handle: Handle): void {
  const header = checked(handle);
  Atomics.sub(currentAgent().region.words, header + BLOCK_TRANSIT, 1);
  freeIfUnused(header);
}

/** Raised when a block is freed. REQUIRES: the caller holds it. */
export function blockGeneration(offset: number): number {
  return (currentAgent().region.words[(offset >> 2) + BLOCK_GENERATION] as number) >>> 0;
}

/**
 * A forked child takes a hold of its own on a block that its parent held at the fork. False: the block has been freed since, or is being freed; nothing
 * is held then. No handle is in transit here, so `freeIfUnused` may be at work: the transit word is changed behind the bit, so that whoever looked
 * for holders too early to see the bit does not free the block; one that took it for freed before has left its mark there.
 */
export function inheritHold(offset: number, generation: number): boolean {
  const { region, slot } = currentAgent();
  const { words } = region;
  const header = offset >> 2;
  // reading before writing: a first read maps the whole slab into the new process at once, a first write one page of it
  if ((words[header + BLOCK_GENERATION] as number) >>> 0 !== generation) return false;
  Atomics.or(words, header + BLOCK_HOLDERS + (slot >> 5), 1 << (slot & 31));
  if (fault !== null) fault('inherit.marked');
  const transit = Atomics.add(words, header + BLOCK_TRANSIT, TRANSIT_CHANGE);
  if (fault !== null) fault('inherit.held');
  const isAlive = (transit & TRANSIT_COUNT) !== TRANSIT_COUNT;
  if (isAlive && Atomics.load(words, header + BLOCK_GENERATION) >>> 0 === generation) return true;
  removeHolder(header, slot);
  return false;
}

/** The calling agent lets go of the block. */
export function dropHold(offset: number): void {
  removeHolder(offset >> 2, currentAgent().slot);
}

/** How many blocks of a type exist, for tests and `inspect`. */
export function countBlocks(type?: BlockType): number {
  const { words } = currentAgent().region;
  let count = 0;
  forEachBlock(words, (header) => {
    const found = words[header + BLOCK_TYPE];
    if (found !== 0 && (type === undefined || found === type)) count++;
  });
  return count;
}

onAgentDeath((slot) => {
  const { words } = currentAgent().region;
  const word = BLOCK_HOLDERS + (slot >> 5);
  const bit = 1 << (slot & 31);
  forEachBlock(words, (header) => {
    if (((words[header + word] as number) & bit) !== 0) removeHolder(header, slot);
    // one that has a type but no holder: whoever took the last one away was killed before it could free it
    else if (words[header + BLOCK_TYPE] !== 0) freeIfUnused(header);
  });
});

function removeHolder(header: number, slot: number): void {
  Atomics.and(currentAgent().region.words, header + BLOCK_HOLDERS + (slot >> 5), ~(1 << (slot & 31)));
  if (fault !== null) fault('block.dropped');
  freeIfUnused(header);
}

/**
 * No handle in transit, then no holder, then still the very same transit word: in between nobody can have become a holder, since that takes
 * a handle in transit, nor put one in transit, since that takes a holder and changes the word; a forked child, which needs neither, changes it too. The CAS makes one of several who see this the one who frees.
 */
function freeIfUnused(header: number): void {
  const { words } = currentAgent().region;
  const transit = Atomics.load(words, header + BLOCK_TRANSIT);
  if ((transit & TRANSIT_COUNT) !== 0) return; // some under way, or freed already
  for (let word = 0; word < BLOCK_HOLDER_WORDS; word++) if (load(words, header + BLOCK_HOLDERS + word) !== 0) return;
  if (Atomics.compareExchange(words, header + BLOCK_TRANSIT, transit, transit | TRANSIT_COUNT) !== transit) return;
  destroy(words, header);
}

/** Blocks that the destructor of another one let go of wait here for their turn: a chain of queues in queues must not be as deep as the stack. */
const doomed: number[] = [];
let isDestroying = false;

function destroy(words: Int32Array, first: number): void {
  doomed.push(first);
  if (isDestroying) return;
  isDestroying = true;
  try {
    for (let header = doomed.pop(); header !== undefined; header = doomed.pop()) destroyOne(words, header);
  } finally {
    isDestroying = false;
  }
}

function destroyOne(words: Int32Array, header: number): void {
  const type = Atomics.exchange(words, header + BLOCK_TYPE, 0);
  if (fault !== null) fault('block.freeing');
  try {
    destructors.get(type)?.(header + BLOCK_HEADER_WORDS);
  } finally {
    Atomics.add(words, header + BLOCK_GENERATION, 1);
    giveBlock(words, header);
  }
}

/** @returns the first word of the header */
function checked(handle: Handle): number {
  const { words, pages } = currentAgent().region;
  const { offset, generation } = handle;
  const page = Math.floor(offset / PAGE_BYTES);
  if (page >= NEAR_PAGES || page >= pages || offset % 64 !== 0 || ((words[PAGE_TABLE + page] as number) & PAGE_KIND) !== PAGE_SLAB) {
    throw new StaleHandleError(`Handle ${offset}:${generation} does not name a block of this family`);
  }
  if (Atomics.load(words, (offset >> 2) + BLOCK_GENERATION) >>> 0 !== generation) {
    throw new StaleHandleError(
      `Handle ${offset}:${generation} is stale: the object was freed when its last holder disposed of it, dropped it or ended`,
    );
  }
  return offset >> 2;
}

function takeBlock(words: Int32Array, bytes: number): number {
  const sizeClass = CLASS_BYTES.findIndex((classBytes) => bytes <= classBytes);
  if (sizeClass < 0) throw new Error(`A block of ${bytes} bytes is too large: use a run`);
  const hinted = hints[sizeClass];
  if (hinted !== undefined) {
    const offset = takeFrom(words, hinted, sizeClass);
    if (offset !== 0) return offset;
  }
  const used = words[HEADER_USED_PAGES] as number;
  for (let page = firstPage(words); page < used && page < NEAR_PAGES; page++) {
    if (words[PAGE_TABLE + page] !== (PAGE_SLAB | sizeClass)) continue;
    const offset = takeFrom(words, page, sizeClass);
    if (offset !== 0) return offset;
  }
  for (;;) {
    const page = allocateSlab(sizeClass, (fresh) => format(words, fresh, sizeClass));
    const offset = takeFrom(words, page, sizeClass);
    if (offset !== 0) return offset;
  }
}

/** A block of the slab, or 0: page 0 is never a slab. */
function takeFrom(words: Int32Array, page: Page, sizeClass: number): number {
  const bitmap = (page * PAGE_BYTES) >> 2;
  for (let word = 0; word < SLAB_BITMAP_WORDS; word++) {
    let bits = Atomics.load(words, bitmap + word);
    while (bits !== -1) {
      const free = ~bits & (bits + 1);
      const found = Atomics.compareExchange(words, bitmap + word, bits, bits | free);
      if (found === bits) {
        hints[sizeClass] = page;
        return page * PAGE_BYTES + SLAB_FIRST + (word * 32 + 31 - Math.clz32(free)) * (CLASS_BYTES[sizeClass] as number);
      }
      bits = found;
    }
  }
  return 0;
}

function giveBlock(words: Int32Array, header: number): void {
  const page = Math.floor((header * 4) / PAGE_BYTES);
  const sizeClass = (words[PAGE_TABLE + page] as number) & PAGE_ARGUMENT;
  const index = (header * 4 - page * PAGE_BYTES - SLAB_FIRST) / (CLASS_BYTES[sizeClass] as number);
  Atomics.and(words, ((page * PAGE_BYTES) >> 2) + (index >> 5), ~(1 << (index & 31)));
}

/** Bits of blocks that do not fit in the page are set for ever. */
function format(words: Int32Array, page: Page, sizeClass: number): void {
  const bitmap = (page * PAGE_BYTES) >> 2;
  const blocks = Math.floor((PAGE_BYTES - SLAB_FIRST) / (CLASS_BYTES[sizeClass] as number));
  for (let word = 0; word < SLAB_BITMAP_WORDS; word++) {
    const left = blocks - word * 32;
    words[bitmap + word] = left >= 32 ? 0 : left <= 0 ? -1 : -1 << left;
  }
}

function forEachBlock(words: Int32Array, visit: (header: number) => void): void {
  const used = Math.min(words[HEADER_USED_PAGES] as number, NEAR_PAGES);
  for (let page = firstPage(words); page < used; page++) {
    const kind = words[PAGE_TABLE + page] as number;
    if ((kind & PAGE_KIND) !== PAGE_SLAB) continue;
    const bytes = CLASS_BYTES[kind & PAGE_ARGUMENT] as number;
    const blocks = Math.floor((PAGE_BYTES - SLAB_FIRST) / bytes);
    const start = page * PAGE_BYTES;
    for (let index = 0; index < blocks; index++) {
      if (((words[(start >> 2) + (index >> 5)] as number) & (1 << (index & 31))) !== 0) visit((start + SLAB_FIRST + index * bytes) >> 2);
    }
  }
}

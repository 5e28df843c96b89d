/**
 * The names of segments that are to go with the family, however it ends. They stand in a list in the region, and a small process of its own, the
 * *keeper*, waits until the last member of the family has ended, reads the list and removes them (native/os/name_keeper.h, which has the layout too).
 *
 * A name is listed before it is anybody's, with the identity of the segment that is about to get it; and the keeper removes only what has that identity. So a
 * kill between any two instructions leaves no name behind, and takes nobody else's away.
 */
import { currentAgent, isDead } from '../arena/agent.js';
import { HEADER_NAME_KEEPER, HEADER_NAME_SERIAL, HEADER_NAMES, NEAR_PAGES, PAGE_BYTES } from '../arena/layout.js';
import { OutOfMemoryError } from '../errors.js';
import { allocateRun, freeRun, type Page } from '../memory/pages.js';
import type { NamedSegments } from '../platform/platform.js';
import { fault } from '../util/fault.js';

/** A page of the list: the number of the next one, then records from word 16 on. */
const FIRST_RECORD = 16;
const RECORD_WORDS = 80;
const RECORDS = Math.floor((PAGE_BYTES / 4 - FIRST_RECORD) / RECORD_WORDS);
/** A record: 0 free; the id of the agent that writes it; or minus a number that no other record ever has: listed. Then identity, name. */
const STATE = 0;
const IDENTITY = 2;
const NAME = 4;
/** This system has none. */
const NO_KEEPER = -1;
const NAME_BYTES = (RECORD_WORDS - NAME) * 4;

/**
 * Makes a segment whose name goes with the family, if nobody has removed it before. A process that is killed in here leaves neither a name nor, but for
 * its record, anything else. @throws SystemError, OutOfMemoryError
 */
export function createListed(segments: NamedSegments, name: string, bytes: number): ArrayBufferLike {
  const { words } = currentAgent().region;
  startKeeper(segments);
  const record = takeRecord(segments);
  writeName(record, name);
  if (fault !== null) fault('segment.listed');
  try {
    const buffer = segments.create(name, bytes, (record + IDENTITY) * 4);
    if (fault !== null) fault('segment.created');
    Atomics.store(words, record + STATE, -1 - ((Atomics.add(words, HEADER_NAME_SERIAL, 1) + 1) & 0x3fffffff));
    return buffer;
  } catch (error) {
    Atomics.store(words, record + STATE, 0);
    throw error;
  }
}

/** Removes a name, from the list too if it is there. @throws SystemError (ENOENT, EACCES) */
export function unlinkListed(segments: NamedSegments, name: string): void {
  const record = currentAgent().region.words[HEADER_NAMES] === 0 ? 0 : recordOf(segments, name);
  segments.unlink(name);
  if (fault !== null) fault('segment.unlinked');
  if (record !== 0) Atomics.store(currentAgent().region.words, record + STATE, 0);
}

/** How many names are listed, for tests. */
export function countListed(): number {
  const { words } = currentAgent().region;
  let count = 0;
  for (const record of records(words)) if (words[record + STATE] !== 0) count++;
  return count;
}

/** One per family, and another one when that was killed. Two that start it at once start two, which does no harm. */
function startKeeper(segments: NamedSegments): void {
  const { words } = currentAgent().region;
  const former = Atomics.load(words, HEADER_NAME_KEEPER);
  if (former === NO_KEEPER) return;
  const pid = segments.keepNames(HEADER_NAMES * 4, former);
  if (pid !== former) Atomics.store(words, HEADER_NAME_KEEPER, pid || NO_KEEPER);
  if (fault !== null) fault('segment.kept');
}

/** A record for this agent to write: a free one, else one whose segment is gone, else one of a new page. */
function takeRecord(segments: NamedSegments): number {
  const { region, id } = currentAgent();
  const { words } = region;
  for (const record of records(words)) {
    if (words[record + STATE] === 0 && Atomics.compareExchange(words, record + STATE, 0, id) === 0) return cleared(words, record);
  }
  for (const record of records(words)) {
    const state = Atomics.load(words, record + STATE);
    // a living agent's may be about to get its segment
    if (state > 0 && !isDead(words, state)) continue;
    if (isGone(segments, record) && Atomics.compareExchange(words, record + STATE, state, id) === state) return cleared(words, record);
  }
  addPage(words);
  return takeRecord(segments);
}

/** Without an identity first: the name may be half of one segment's and half of another's when we are killed. */
function cleared(words: Int32Array, record: number): number {
  Atomics.store(words, record + IDENTITY, 0);
  Atomics.store(words, record + IDENTITY + 1, 0);
  return record;
}

/** Behind the last one. Two that add one at once add two. */
function addPage(words: Int32Array): void {
  const page = allocateRun(PAGE_BYTES, 'near');
  if (page >= NEAR_PAGES) {
    freeRun(page);
    throw new OutOfMemoryError('Cannot list a name: the first 2 GiB of the shared region are full');
  }
  for (let link = HEADER_NAMES; ; ) {
    const next = Atomics.compareExchange(words, link, 0, page);
    if (next === 0) return;
    link = wordOf(next);
  }
}

function* records(words: Int32Array): Generator<number> {
  for (let page = Atomics.load(words, HEADER_NAMES); page !== 0; page = Atomics.load(words, wordOf(page))) {
    for (let index = 0; index < RECORDS; index++) yield wordOf(page) + FIRST_RECORD + index * RECORD_WORDS;
  }
}

const wordOf = (page: Page): number => (page * PAGE_BYTES) / 4;

/** The record of the segment that has this name, 0 for none. */
function recordOf(segments: NamedSegments, name: string): number {
  const { words } = currentAgent().region;
  const identity = segments.identityOf(name);
  if (identity === 0n) return 0;
  for (const record of records(words)) {
    if (words[record + STATE] !== 0 && identityOf(words, record) === identity && nameOf(record) === name) return record;
  }
  return 0;
}

function isGone(segments: NamedSegments, record: number): boolean {
  const identity = identityOf(currentAgent().region.words, record);
  return identity === 0n || segments.identityOf(nameOf(record)) !== identity;
}

function identityOf(words: Int32Array, record: number): bigint {
  const [low, high] = [words[record + IDENTITY] as number, words[record + IDENTITY + 1] as number];
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

function nameOf(record: number): string {
  const bytes = currentAgent().region.near.subarray((record + NAME) * 4, (record + RECORD_WORDS) * 4);
  return bytes.toString('utf8', 0, bytes.indexOf(0));
}

function writeName(record: number, name: string): void {
  const { near } = currentAgent().region;
  near.fill(0, (record + NAME) * 4, (record + RECORD_WORDS) * 4);
  near.write(name, (record + NAME) * 4, NAME_BYTES - 1);
}

/**
 * Pages of 64 KiB: runs of them for what is large (ring segments, arrays), single ones for slabs. The page table is guarded by one mutex
 * whose holder first writes down what it is about to do, so that a successor of a killed holder can finish or undo it.
 */
import { currentAgent, sweepDeadAgents } from '../arena/agent.js';
import {
  HEADER_PAGES,
  HEADER_USED_PAGES,
  INTENT_COUNT,
  INTENT_OPERATION,
  INTENT_PAGE,
  NEAR_PAGES,
  PAGE_ARGUMENT,
  PAGE_BYTES,
  PAGE_FREE,
  PAGE_KIND,
  PAGE_LOCK,
  PAGE_REST,
  PAGE_RUN,
  PAGE_SLAB,
  PAGE_TABLE,
} from '../arena/layout.js';
import { ABANDONED, Mutex } from '../arena/mutex.js';
import { OutOfMemoryError } from '../errors.js';
import { platform } from '../platform/select.js';
import { fault } from '../util/fault.js';

/** An index into the page table; the page starts at `page * 65536` bytes. */
export type Page = number;

const NOTHING = 0;
const ALLOCATING = 1;
const FREEING = 2;
const CUTTING = 3;
/** The system's own pages, in which memory is backed and given back. */
const SYSTEM_PAGE = 4096;

let pageLock: Mutex | undefined;
/** A sweep of nobody reads 1,024 words: little beside a large run, and every so many small ones. */
const SWEEP_BYTES = 2 ** 20;
const SWEEP_EVERY = 256;
let allocations = 0;

/** Where a run should lie: `near` can be seen through the near window and needs no view of its own; each falls back to the other. */
export type Where = 'near' | 'far';

/**
 * Takes a run of pages for `bytes` bytes and backs those with memory, zeroed.
 * @throws OutOfMemoryError naming the bytes, when the region or the system's memory is exhausted
 */
export function allocateRun(bytes: number, where: Where): Page {
  // what ended agents held is taken back now and then, for nobody may reap them: orphans, and Workers that are not ours
  if (bytes >= SWEEP_BYTES || ++allocations % SWEEP_EVERY === 0) sweepDeadAgents();
  return orAfterSweep((words) => takeRun(words, bytes, where));
}

/** Gives a run back, memory and all. REQUIRES: nobody uses it any more. */
export function freeRun(page: Page): void {
  locked((words) => {
    const word = words[PAGE_TABLE + page] as number;
    if ((word & PAGE_KIND) !== PAGE_RUN) throw new Error(`Page ${page} does not start a run: freed twice`);
    write(words, FREEING, page, word & PAGE_ARGUMENT);
    if (fault !== null) fault('pages.freeing');
    finishIntent(words);
  });
}

/** Takes a near page for a slab of the given size class and lets `format` write its bitmap before anybody else can see it. */
export function allocateSlab(sizeClass: number, format: (page: Page) => void): Page {
  return orAfterSweep((words) => {
    const page = firstFit(words, 1, firstPage(words), Math.min(NEAR_PAGES, words[HEADER_PAGES] as number));
    if (page < 0) throw new OutOfMemoryError('Cannot allocate: the first 2 GiB of the shared region are full');
    write(words, CUTTING, page, 1);
    commit(page, PAGE_BYTES);
    format(page);
    if (page + 1 > (words[HEADER_USED_PAGES] as number)) words[HEADER_USED_PAGES] = page + 1;
    Atomics.store(words, PAGE_TABLE + page, PAGE_SLAB | sizeClass);
    Atomics.store(words, INTENT_OPERATION, NOTHING);
    return page;
  });
}

/** Pages in use, for tests and `inspect`: runs and slabs. */
export function countPages(): number {
  const { words } = currentAgent().region;
  let used = 0;
  for (let page = firstPage(words); page < (words[HEADER_USED_PAGES] as number); page++) if (words[PAGE_TABLE + page] !== PAGE_FREE) used++;
  return used;
}

/** The first page behind the page table itself. */
export function firstPage(words: Int32Array): Page {
  return Math.ceil(((PAGE_TABLE + (words[HEADER_PAGES] as number)) * 4) / PAGE_BYTES);
}

/** Under the page lock; if there is not enough memory, once more when what ended agents held has been taken back. */
function orAfterSweep<T>(work: (words: Int32Array) => T): T {
  try {
    return locked(work);
  } catch (error) {
    if (!(error instanceof OutOfMemoryError) || sweepDeadAgents() === 0) throw error;
    return locked(work);
  }
}

function locked<T>(work: (words: Int32Array) => T): T {
  const agent = currentAgent();
  pageLock ??= new Mutex(agent, PAGE_LOCK);
  const { words } = agent.region;
  const acquired = pageLock.acquireSync(Number.POSITIVE_INFINITY);
  try {
    if (acquired === ABANDONED) finishIntent(words);
    return work(words);
  } finally {
    pageLock.release();
  }
}

function takeRun(words: Int32Array, bytes: number, where: Where): Page {
  const count = Math.ceil(bytes / PAGE_BYTES);
  const page = findFree(words, count, where);
  if (page < 0)
    throw new OutOfMemoryError(`Cannot allocate ${bytes} bytes: the shared region of ${currentAgent().region.bytes} bytes has no such gap`);
  write(words, ALLOCATING, page, count);
  if (fault !== null) fault('pages.intent');
  commit(page, bytes);
  for (let rest = count - 1; rest > 0; rest--) words[PAGE_TABLE + page + rest] = PAGE_REST;
  Atomics.store(words, PAGE_TABLE + page, PAGE_RUN | count);
  if (page + count > (words[HEADER_USED_PAGES] as number)) words[HEADER_USED_PAGES] = page + count;
  if (fault !== null) fault('pages.marked');
  Atomics.store(words, INTENT_OPERATION, NOTHING);
  return page;
}

/** Frees what the intent names: a run half made has no user yet, a run half freed has none any more. */
function finishIntent(words: Int32Array): void {
  if (words[INTENT_OPERATION] === NOTHING) return;
  const page = words[INTENT_PAGE] as number;
  const count = words[INTENT_COUNT] as number;
  // a slab that is in the page table may have blocks already: only the last word of the operation is missing
  if (words[INTENT_OPERATION] === CUTTING && ((words[PAGE_TABLE + page] as number) & PAGE_KIND) === PAGE_SLAB) {
    Atomics.store(words, INTENT_OPERATION, NOTHING);
    return;
  }
  platform.memory.punch(page * PAGE_BYTES, count * PAGE_BYTES);
  for (let rest = count - 1; rest >= 0; rest--) Atomics.store(words, PAGE_TABLE + page + rest, PAGE_FREE);
  Atomics.store(words, INTENT_OPERATION, NOTHING);
}

/** The operation is written last: until then the intent is not one. */
function write(words: Int32Array, operation: number, page: Page, count: number): void {
  words[INTENT_PAGE] = page;
  words[INTENT_COUNT] = count;
  Atomics.store(words, INTENT_OPERATION, operation);
}

function commit(page: Page, bytes: number): void {
  try {
    platform.memory.commit(page * PAGE_BYTES, Math.ceil(bytes / SYSTEM_PAGE) * SYSTEM_PAGE);
  } catch (cause) {
    finishIntent(currentAgent().region.words);
    throw new OutOfMemoryError(`Cannot allocate ${bytes} bytes of shared memory: the system has no more`, { cause });
  }
}

/** First fit. -1: none. */
function findFree(words: Int32Array, count: number, where: Where): Page {
  const pages = currentAgent().region.pages;
  const edge = Math.min(NEAR_PAGES, pages);
  const near = (): Page => firstFit(words, count, firstPage(words), edge);
  const far = (): Page => firstFit(words, count, edge, pages);
  const page = where === 'near' ? near() : far();
  if (page >= 0) return page;
  return where === 'near' ? far() : near();
}

function firstFit(words: Int32Array, count: number, from: Page, to: Page): Page {
  const used = words[HEADER_USED_PAGES] as number;
  let start = from;
  for (let page = from; page < to && page < used; ) {
    const word = words[PAGE_TABLE + page] as number;
    if (word === PAGE_FREE) {
      page++;
      if (page - start >= count) return start;
      continue;
    }
    page += (word & PAGE_KIND) === PAGE_RUN ? word & PAGE_ARGUMENT : 1;
    start = page;
  }
  // beyond the last used page everything is free
  return start + count <= to ? start : -1;
}

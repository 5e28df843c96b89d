/**
 * Where everything stands in the shared region: the one place that knows offsets. `docs/memory-layout.md` shows the same as tables
 * with a worked example. Unless said otherwise a constant is a number of 32-bit words.
 *
 * ```
 * byte 0        header: identity, cursors, page lock, its intent record
 *      4096     parking table: which parking the family uses, and the sleepers of the POSIX-semaphore one: 16 KiB
 *     32768     agent slots: 1024 x 128 bytes
 *    196608     page table: one word per 64 KiB page of the region
 *      ...      pages
 * ```
 */

/** 'FORK': set last by whoever makes the region. */
export const MAGIC = 0x4b524f46;
/** Raised whenever anything below changes its meaning: families of different layouts refuse each other. */
export const LAYOUT_VERSION = 2;

// ---- header -----------------------------------------------------------------------------------------------------------------
export const HEADER_MAGIC = 0;
export const HEADER_VERSION = 1;
/** Pages of 64 KiB in the region. */
export const HEADER_PAGES = 2;
/** 0 untouched, 1 somebody is writing the header, 2 done. */
export const HEADER_STATE = 3;
/** Where the search for an agent slot starts: slots are used in turn, so that a slot's generation comes round as late as possible. */
export const HEADER_SLOT_CURSOR = 4;
/** No page at or above this one was ever used. Changed under the page lock. */
export const HEADER_USED_PAGES = 5;
/** First page of the list of named segments that go with the family, 0 for none, and the process that sees to that (`shared/segment-names.ts`). */
export const HEADER_NAMES = 6;
export const HEADER_NAME_KEEPER = 7;
/** How many names were ever listed. */
export const HEADER_NAME_SERIAL = 8;
/** Mutex over the page table. */
export const PAGE_LOCK = 16;
/** What the holder of the page lock is about to do: operation, first page, pages. A successor finishes or undoes it. */
export const INTENT_OPERATION = 32;
export const INTENT_PAGE = 33;
export const INTENT_COUNT = 34;

// ---- agent slots -------------------------------------------------------------------------------------------------------------
export const SLOTS = 1024;
export const SLOT_WORDS = 32;
export const SLOTS_START = 32768 >> 2;
/** The robust word that the kernel marks at the agent's death, and the rest of its mutex: one cache line. */
export const SLOT_LIFE = 0;
/** 1 to 4095; raised whenever the slot changes hands, so that ids are not confused. */
export const SLOT_GENERATION = 16;
export const SLOT_PID = 17;
/** 0 for a main thread. */
export const SLOT_THREAD = 18;
/** Whoever wants the agent's event loop adds 1 here. */
export const SLOT_BELL = 20;
/** 1 while the agent's waiter thread must be told of rings. */
export const SLOT_ARMED = 21;
/** Word index of the door on which the waiter thread of the agent's process sleeps. */
export const SLOT_DOOR_WORD = 22;
/** The door itself, if this agent was the first of its process. Never reset: a later tenant's rings only wake the former's thread for nothing. */
export const SLOT_DOOR = 23;
/** In a forked child that holds what its parent held: the parent's agent id. Else 0. */
export const SLOT_HEIR_OF = 24;
/** And which of the parent's hand-overs that was (see `memory/handover.ts`). */
export const SLOT_HANDOVER = 25;

/** An agent id is `slot | generation << SLOT_BITS`: 22 bits, never 0. */
export const SLOT_BITS = 10;
export const GENERATION_MASK = 0xfff;

// ---- pages ---------------------------------------------------------------------------------------------------------------------
export const PAGE_BYTES = 65536;
export const PAGE_SHIFT = 16;
export const PAGE_TABLE = 196608 >> 2;
/** Pages below this one can be seen through the near window of 2 GiB. */
export const NEAR_PAGES = 2 ** 31 / PAGE_BYTES;

/** A page word: two bits of kind, 30 of argument. */
export const PAGE_FREE = 0;
/** Cut into blocks; argument: size class. Always near. */
export const PAGE_SLAB = 1 << 30;
/** First page of a run; argument: pages. */
export const PAGE_RUN = 2 << 30;
/** Another page of a run. */
export const PAGE_REST = 3 << 30;
export const PAGE_KIND = 3 << 30;
export const PAGE_ARGUMENT = ~PAGE_KIND;

// ---- slabs ---------------------------------------------------------------------------------------------------------------------
/** A slab page starts with its bitmap: one bit per block, set while allocated. Bits of blocks that would not fit stay set for ever. */
export const SLAB_BITMAP_WORDS = 8;
/** First block, in bytes from the start of the page: a multiple of 64, so that blocks do not share cache lines. */
export const SLAB_FIRST = 256;

// ---- block header: 192 bytes before the payload ---------------------------------------------------------------------------------
/** Raised when the block is freed: handles of the former tenant become stale. */
export const BLOCK_GENERATION = 0;
/** What lives here (`memory/block.ts`), 0 while free or being made. */
export const BLOCK_TYPE = 1;
/** Handles sent and not yet received (low 20 bits), and a counter of changes above, so that a check can see that nothing moved meanwhile;
 * it is never reset, so that a check begun in one life of the block fails in the next. */
export const BLOCK_TRANSIT = 2;
/** Payload bytes, as asked for. */
export const BLOCK_BYTES = 3;
/** One bit per agent slot: who can reach the block. */
export const BLOCK_HOLDERS = 16;
export const BLOCK_HOLDER_WORDS = SLOTS / 32;
export const BLOCK_HEADER_WORDS = BLOCK_HOLDERS + BLOCK_HOLDER_WORDS;
export const BLOCK_HEADER_BYTES = BLOCK_HEADER_WORDS * 4;

/** Transit counts: at most a million handles of one object under way. All ones: the block is being freed, or free. */
export const TRANSIT_COUNT = (1 << 20) - 1;
export const TRANSIT_CHANGE = 1 << 20;

// ---- waiting -------------------------------------------------------------------------------------------------------------------
/** An event count: flags and registrations, then notifications (see `arena/waiting.ts`). */
export const EVENT_COUNT_WORDS = 2;
/** A mutex: state, event count of its asynchronous waiters (2), heir (see `arena/mutex.ts`). */
export const MUTEX_STATE = 0;
export const MUTEX_EVENTS = 1;
export const MUTEX_HEIR = 3;
export const MUTEX_WORDS = 4;

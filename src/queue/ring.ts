/**
 * The byte ring under every queue: any number of producers and consumers in any processes, one mutex per side, crash-safe by construction.
 * After Lamport's single-producer, single-consumer ring with cached indices (as in Folly's ProducerConsumerQueue); ours has a lock per side,
 * frames of any length, and grows by linking segments.
 *
 * Words used here:
 * - *count*: how many messages were ever put, or got. Storing it is what commits a put or a get: before, nothing has happened, after, everything has.
 * - *cursor*: segment and position of the next frame. Each side has two, used in turn: for count n the cursor n & 1 is valid. So a process
 *   that dies anywhere leaves a valid cursor for the count it leaves, and its successor has nothing to repair.
 * - *frame*: one message, 8-byte aligned: {eighths of its length << 4 | tag, inline value or head length} then what the tag says.
 * - *segment* (`segment.ts`): memory for frames. When the last one is full the next is linked by a frame; consumers follow the link and give the
 *   drained segment back, or keep it as a spare for the next time.
 *
 * Payloads are opaque here: `message.ts` knows what is in them.
 */
import type { Agent } from '../arena/agent.js';
import { dumpMutex, Mutex } from '../arena/mutex.js';
import { SPIN } from '../arena/waiting.js';
import { load, store } from '../arena/words.js';
import { freeRun, type Page } from '../memory/pages.js';
import { platform } from '../platform/select.js';
import { fault } from '../util/fault.js';
import { rangeError } from '../util/validate.js';
import { newSegment, Segment, UNIT } from './segment.js';

// ---- words of the control block: each side, and each event count, on its own cache line ---------------------------------------
export const RING_MAX_ITEMS = 0;
/** In units of 4 KiB. */
export const RING_MAX_BYTES = 1;
export const RING_CLOSED = 2;
/** First page of a drained segment kept for reuse, 0: none. */
export const RING_SPARE = 3;
/** First page of the first segment, where that is made by the first put; valid while a cursor has no page. */
const RING_FIRST = 4;
export const RING_PUT_LOCK = 16;
export const RING_PUT_COUNT = 20;
export const RING_PUT_CURSORS = 24;
export const RING_GET_LOCK = 32;
export const RING_GET_COUNT = 36;
export const RING_GET_CURSORS = 40;
/** Event count of those who wait for an item. */
export const RING_ITEMS = 48;
/** The agent that last went to sleep for an item and still waits, 0 for none. */
export const RING_GETTER = 50;
/** Event count of those who wait for room. */
export const RING_SPACE = 64;
export const RING_WORDS = 80;

// ---- words of a cursor; two of them stand side by side ------------------------------------------------------------------------
const CURSOR_PAGE = 0;
/** Bytes from the start of the segment's ring, wrapping at 2^32; its low bits are the place in the ring. */
const CURSOR_POSITION = 1;
/** Bytes of all segments linked before this one, in units of 4 KiB, wrapping: the difference of two cursors' is what lies between. */
const CURSOR_BEFORE = 2;

// ---- frames -------------------------------------------------------------------------------------------------------------------
export const FRAME_HEADER_BYTES = 8;
export const TAG_INT = 0;
export const TAG_DOUBLE = 1;
export const TAG_CONSTANT = 2;
export const TAG_PACKED = 3;
export const TAG_RICH = 4;
/** The rest of the segment up to its end is unused. */
const TAG_PAD = 14;
/** The next frame is the first of another segment. */
const TAG_LINK = 15;
/** Every frame leaves room for a link behind it. */
const LINK_BYTES = 8;

/**
 * Forms that do not wait for items or room give whoever has a side's lock this long. It has it for microseconds, but may be without a CPU, or copying
 * much; the lock may be free but reserved for an heir, for `GRACE_MS`. A dead one is taken over from at once, so only one that is stopped costs all of this.
 */
export const NOWAIT_MS = 1000;

export const UNBOUNDED = 0x7fffffff;
const FIRST_CAPACITY = 1 << 14;
/** Growing by four reaches the largest in four steps; beyond 4 MiB a larger ring only leaves the cache (bench/cases/queue.mjs). */
const LARGEST_CAPACITY = 1 << 22;
/** Capacities are powers of two below 2^31. */
export const LARGEST_MESSAGE = 2 ** 30 - 4096;
/**
 * Before it grows, a producer gives consumers at work this long to free a quarter of the ring: about what they need to copy it. A ring that stays small
 * stays in the cache, where a copy costs a third (bench/cases/queue).
 */
const patienceMs = (ringBytes: number): number => Math.min(0.05 + ringBytes / 2e6, 2);

/** What a put attempt came to. */
export const PUT_DONE = 0;
export const PUT_NO_ROOM = 1;

/** Writes a frame's payload from `word` on; `bytes` shows the same memory as `words`. */
export type WritePayload = (words: Int32Array, word: number, bytes: Buffer) => void;

/** Where a payload lies: valid until the get is committed. */
export interface FrameView {
  tag: number;
  /** The second word of the frame. */
  value: number;
  words: Int32Array;
  /** First word of the payload; its first byte in `bytes` is four times that. */
  word: number;
  bytes: Buffer;
}

/** Writes the words of an empty ring. `isLazy`: it gets its memory with the first put. REQUIRES: zeroed words, seen by nobody else yet. @throws OutOfMemoryError */
export function initRing(agent: Agent, at: number, maxItems: number, maxBytes: number, isLazy = false): void {
  const { words } = agent.region;
  words[at + RING_MAX_ITEMS] = maxItems;
  words[at + RING_MAX_BYTES] = Math.max(1, Math.floor(maxBytes / UNIT));
  if (isLazy) return;
  const page = newSegment(agent, FIRST_CAPACITY, 0, 0);
  words[at + RING_PUT_CURSORS + CURSOR_PAGE] = page;
  words[at + RING_GET_CURSORS + CURSOR_PAGE] = page;
}

/** Calls `visit` for each message that nobody will get any more, then frees all segments. REQUIRES: nobody uses the ring. */
export function destroyRing(agent: Agent, at: number, visit: (frame: FrameView) => void): void {
  const { words } = agent.region;
  const firstPage = (): Page =>
    (words[at + RING_GET_CURSORS + ((words[at + RING_GET_COUNT] as number) & 1) * 4 + CURSOR_PAGE] as number) ||
    (words[at + RING_FIRST] as number);
  if (firstPage() === 0) return; // nothing was ever put, or whoever was making the queue was killed before it had a segment
  const ring = new Ring(agent, at);
  while (ring.peek()) {
    visit(ring.frame);
    ring.commitGet();
  }
  freeRun(firstPage());
  const spare = words[at + RING_SPARE] as number;
  if (spare !== 0) freeRun(spare);
}

export class Ring {
  readonly putLock: Mutex;
  readonly getLock: Mutex;
  /** The message that `peek` found. */
  readonly frame: FrameView;
  /** Count of the last message that was put through this object. */
  lastPut = 0;
  readonly #agent: Agent;
  readonly #words: Int32Array;
  readonly #at: number;
  readonly #maxItems: number;
  /** The longest frame. */
  readonly #mostBytes: number;
  #putSegment: Segment | undefined;
  #getSegment: Segment | undefined;
  /** Consumer's position in the segment we put into, as last seen: room can only have grown since. */
  #tailSeen = 0;
  /** The put count from which on that is too old: positions wrap at 2^32, and an old one would look new again. */
  #tailGood = 0;
  /** Put count as last seen, and the get count then: a batch is drained without touching the producers' cache line. */
  #putSeen: number;
  #gotSeen: number;
  // where the frame that `peek` found ends, and what it leaves behind
  #nextPosition = 0;
  #drained: Page = 0;

  /** `mostBytes`: of one message; more than the ring's limit lets an empty ring take it all the same. */
  constructor(agent: Agent, at: number, mostBytes?: number) {
    this.#agent = agent;
    this.#at = at;
    const words = agent.region.words;
    this.#words = words;
    this.#maxItems = words[at + RING_MAX_ITEMS] as number;
    this.#mostBytes = Math.min(mostBytes ?? (words[at + RING_MAX_BYTES] as number) * UNIT, LARGEST_MESSAGE);
    this.putLock = new Mutex(agent, at + RING_PUT_LOCK);
    this.getLock = new Mutex(agent, at + RING_GET_LOCK);
    this.#gotSeen = this.#putSeen = Atomics.load(words, at + RING_GET_COUNT);
    this.frame = { tag: 0, value: 0, words, word: 0, bytes: agent.region.near };
  }

  /** Messages put and not yet got: exact at some moment during the call. */
  size(): number {
    const words = this.#words;
    for (;;) {
      const got = Atomics.load(words, this.#at + RING_GET_COUNT);
      const put = Atomics.load(words, this.#at + RING_PUT_COUNT);
      if (got === Atomics.load(words, this.#at + RING_GET_COUNT)) return (put - got) | 0;
    }
  }

  /** How many messages were ever got. */
  got(): number {
    return Atomics.load(this.#words, this.#at + RING_GET_COUNT);
  }

  get maxItems(): number {
    return this.#maxItems;
  }

  isClosed(): boolean {
    return load(this.#words, this.#at + RING_CLOSED) !== 0;
  }

  /** Whether a consumer would find something: without the lock, so true may be out of date. */
  mayHaveItem(): boolean {
    const got = load(this.#words, this.#at + RING_GET_COUNT);
    if (this.#isPut(got)) return true;
    this.#putSeen = load(this.#words, this.#at + RING_PUT_COUNT);
    this.#gotSeen = got;
    return this.#putSeen !== got;
  }

  /**
   * Puts one message of `payloadBytes` (0 for inline ones), or says that there is no room for it now. REQUIRES: the put lock.
   * @throws OutOfMemoryError, RangeError (larger than maxBytes); nothing has happened then
   */
  put(tag: number, value: number, payloadBytes: number, write: WritePayload | null): typeof PUT_DONE | typeof PUT_NO_ROOM {
    const words = this.#words;
    const at = this.#at;
    const length = FRAME_HEADER_BYTES + Math.ceil(payloadBytes / 8) * 8;
    if (length > this.#mostBytes) throw rangeError('message', `at most ${this.#mostBytes} bytes when encoded`, length);
    const count = words[at + RING_PUT_COUNT] as number;
    if (this.#maxItems !== UNBOUNDED && ((count - load(words, at + RING_GET_COUNT)) | 0) >= this.#maxItems) return PUT_NO_ROOM;
    const cursor = at + RING_PUT_CURSORS + ((count & 1) << 2);
    const page = (words[cursor + CURSOR_PAGE] as number) || this.#firstPage();
    let segment = this.#putSegment;
    if (segment === undefined || !segment.isCurrent(page)) {
      segment = this.#putSegment = new Segment(this.#agent, page);
      this.#tailGood = count;
    }
    if (((count - this.#tailGood) | 0) >= 0) this.#lookAtTail(segment, count);
    let position = words[cursor + CURSOR_POSITION] as number;
    const toEnd = segment.capacity - (position & segment.mask);
    const total = (length <= toEnd ? length : toEnd + length) + LINK_BYTES;
    if (segment.capacity - ((position - this.#tailSeen) >>> 0) < total && !this.#makeRoom(segment, position, total)) {
      const grown = this.#grow(segment, position, length, count);
      if (grown === null) return PUT_NO_ROOM;
      segment = grown;
      position = 0;
    } else if (length > toEnd) {
      segment.words[segment.firstWord + ((position & segment.mask) >> 2)] = ((toEnd >>> 3) << 4) | TAG_PAD;
      position = (position + toEnd) | 0;
    }
    const word = segment.firstWord + ((position & segment.mask) >> 2);
    const frameWords = segment.words;
    frameWords[word] = ((length >>> 3) << 4) | tag;
    frameWords[word + 1] = value;
    if (write !== null) write(frameWords, word + 2, segment.bytes);
    if (fault !== null) fault('ring.put.framed');
    const next = at + RING_PUT_CURSORS + (((count + 1) & 1) << 2);
    words[next + CURSOR_PAGE] = segment.page;
    words[next + CURSOR_POSITION] = (position + length) | 0;
    if (fault !== null) fault('ring.put.cursor');
    store(words, at + RING_PUT_COUNT, (count + 1) | 0); // commits; pairs with the loads in peek() and mayHaveItem()
    if (fault !== null) fault('ring.put.committed');
    this.lastPut = count;
    return PUT_DONE;
  }

  /** Finds the next message and describes it in `frame`; false: empty. REQUIRES: the get lock. */
  peek(): boolean {
    const words = this.#words;
    const at = this.#at;
    const count = words[at + RING_GET_COUNT] as number;
    if (!this.#isPut(count)) {
      this.#gotSeen = count;
      this.#putSeen = load(words, at + RING_PUT_COUNT); // pairs with the commit in put(): the frame is whole
      if (this.#putSeen === count) return false;
    }
    const cursor = at + RING_GET_CURSORS + ((count & 1) << 2);
    let segment = this.#getSegment;
    const page = (words[cursor + CURSOR_PAGE] as number) || (words[at + RING_FIRST] as number);
    if (segment === undefined || !segment.isCurrent(page)) segment = this.#openGetSegment(page);
    let position = words[cursor + CURSOR_POSITION] as number;
    let word = segment.firstWord + ((position & segment.mask) >> 2);
    let head = segment.words[word] as number;
    this.#drained = 0;
    if ((head & 15) >= TAG_PAD) {
      if ((head & 15) === TAG_PAD) position = (position + ((head >>> 4) << 3)) | 0;
      else {
        this.#drained = segment.page;
        segment = this.#openGetSegment(segment.words[word + 1] as number);
        position = 0;
      }
      word = segment.firstWord + ((position & segment.mask) >> 2);
      head = segment.words[word] as number;
    }
    this.#nextPosition = (position + ((head >>> 4) << 3)) | 0;
    const { frame } = this;
    frame.tag = head & 15;
    frame.value = segment.words[word + 1] as number;
    frame.word = word + 2;
    return true;
  }

  /** Takes the message that `peek` found. REQUIRES: the get lock, held since. */
  commitGet(): void {
    const words = this.#words;
    const at = this.#at;
    const count = words[at + RING_GET_COUNT] as number;
    const next = at + RING_GET_CURSORS + (((count + 1) & 1) << 2);
    const segment = this.#getSegment as Segment;
    words[next + CURSOR_PAGE] = segment.page;
    words[next + CURSOR_POSITION] = this.#nextPosition;
    words[next + CURSOR_BEFORE] = segment.before;
    if (fault !== null) fault('ring.get.cursor');
    this.#gotSeen = (count + 1) | 0; // what we know of shrinks to what is left of it: a full turn of the counts must not revive the rest
    store(words, at + RING_GET_COUNT, (count + 1) | 0); // commits; pairs with the load in tailIn()
    if (fault !== null) fault('ring.get.committed');
    if (this.#drained !== 0) this.#giveBack(this.#drained);
  }

  /** Whether the message of this count was there when we last looked. Counts wrap: others may have gone round since. */
  #isPut(count: number): boolean {
    return (count - this.#gotSeen) >>> 0 < (this.#putSeen - this.#gotSeen) >>> 0;
  }

  /** Of the first segment, which the first put makes. A kill before it is noted leaks it. */
  #firstPage(): Page {
    const words = this.#words;
    if (words[this.#at + RING_FIRST] === 0) Atomics.store(words, this.#at + RING_FIRST, newSegment(this.#agent, FIRST_CAPACITY, 0, 0));
    return words[this.#at + RING_FIRST] as number;
  }

  #lookAtTail(segment: Segment, count: number): void {
    this.#tailSeen = this.#tailIn(segment.page);
    // even if each message were as long as the segment, fewer than 2^31 bytes will have passed until then
    this.#tailGood = (count + Math.max(1, Math.floor(2 ** 31 / segment.capacity) - 1)) | 0;
  }

  #openGetSegment(page: Page): Segment {
    const segment = new Segment(this.#agent, page);
    this.#getSegment = segment;
    this.frame.words = segment.words;
    this.frame.bytes = segment.bytes;
    return segment;
  }

  /** Whether it is worth waking a producer: room for one message is not, it would be back asleep at once. */
  hasMuchRoom(): boolean {
    if (this.#drained !== 0) return true;
    if (this.#maxItems !== UNBOUNDED) return this.#maxItems < 16 || this.size() * 2 <= this.#maxItems;
    const words = this.#words;
    const count = words[this.#at + RING_PUT_COUNT] as number;
    const cursor = this.#at + RING_PUT_CURSORS + ((count & 1) << 2);
    const segment = this.#getSegment as Segment;
    if (words[cursor + CURSOR_PAGE] !== segment.page) return false;
    return (((words[cursor + CURSOR_POSITION] as number) - this.#nextPosition) >>> 0) * 2 <= segment.capacity;
  }

  /** Refreshes the consumers' position, and gives consumers at work a moment to free a quarter of the ring. */
  #makeRoom(segment: Segment, position: number, total: number): boolean {
    if (total > segment.capacity) return false;
    const words = this.#words;
    const wanted = Math.max(total, segment.capacity >> 2);
    let deadline = 0;
    for (;;) {
      const got = Atomics.load(words, this.#at + RING_GET_COUNT);
      this.#lookAtTail(segment, words[this.#at + RING_PUT_COUNT] as number);
      const room = segment.capacity - ((position - this.#tailSeen) >>> 0);
      if (room >= wanted || SPIN === 0) return room >= total;
      // nobody is getting: no use to wait
      if (!platform.parking.spin(this.#at + RING_GET_COUNT, got, SPIN) && !this.getLock.isLocked()) return room >= total;
      const now = performance.now();
      if (deadline === 0) deadline = now + patienceMs(segment.capacity);
      else if (now > deadline) return room >= total;
    }
  }

  /** Consumers' position in a segment: its start while they are still in an earlier one. The count is read twice, since a cursor is rewritten two commits later. */
  #tailIn(page: Page): number {
    const words = this.#words;
    for (;;) {
      const count = Atomics.load(words, this.#at + RING_GET_COUNT);
      const cursor = this.#at + RING_GET_CURSORS + ((count & 1) << 2);
      const tailPage = Atomics.load(words, cursor + CURSOR_PAGE);
      const tail = Atomics.load(words, cursor + CURSOR_POSITION);
      if (Atomics.load(words, this.#at + RING_GET_COUNT) === count) return tailPage === page ? tail : 0; // page 0: the start of the first
    }
  }

  /** Links a further segment large enough for the frame, unless that would be more than `maxBytes`. It becomes visible with the commit of the frame. */
  #grow(segment: Segment, position: number, length: number, count: number): Segment | null {
    const words = this.#words;
    let capacity = Math.min(segment.capacity * 4, LARGEST_CAPACITY);
    while (capacity < (length + LINK_BYTES) * (length > LARGEST_CAPACITY / 4 ? 1 : 4)) capacity *= 2;
    // four of the largest message are comfortable, but not beyond what was asked for
    while (capacity > this.#mostBytes && capacity / 2 >= length + LINK_BYTES) capacity /= 2;
    // an empty ring that is too small for one message is replaced whatever maxBytes says: else that message could never be put
    if (this.size() !== 0) {
      const maxUnits = words[this.#at + RING_MAX_BYTES] as number;
      const linked = this.#linkedUnits(segment);
      while (linked + capacity / UNIT > maxUnits && capacity > segment.capacity) capacity /= 2;
      if (linked + capacity / UNIT > maxUnits || capacity < length + LINK_BYTES) return null;
    }
    const before = (segment.before + segment.capacity / UNIT) | 0;
    const page = this.#takeSpare(capacity, count, before) ?? newSegment(this.#agent, capacity, count, before);
    if (fault !== null) fault('ring.grown');
    const word = segment.firstWord + ((position & segment.mask) >> 2);
    segment.words[word] = TAG_LINK;
    segment.words[word + 1] = page;
    this.#putSegment = new Segment(this.#agent, page);
    this.#lookAtTail(this.#putSegment, count);
    return this.#putSegment;
  }

  /** Bytes in the segments from the consumers' to the producers' last, in units of 4 KiB. */
  #linkedUnits(last: Segment): number {
    const words = this.#words;
    const count = Atomics.load(words, this.#at + RING_GET_COUNT);
    const before = Atomics.load(words, this.#at + RING_GET_CURSORS + ((count & 1) << 2) + CURSOR_BEFORE);
    return ((last.before - before) | 0) + last.capacity / UNIT;
  }

  #takeSpare(capacity: number, count: number, before: number): Page | null {
    const words = this.#words;
    if (words[this.#at + RING_SPARE] === 0) return null;
    const page = Atomics.exchange(words, this.#at + RING_SPARE, 0);
    if (page === 0) return null;
    const spare = new Segment(this.#agent, page);
    if (spare.capacity < capacity) {
      freeRun(page);
      return null;
    }
    spare.restart(count, before);
    return page;
  }

  #giveBack(page: Page): void {
    if (Atomics.compareExchange(this.#words, this.#at + RING_SPARE, 0, page) !== 0) freeRun(page);
  }
}

/** The words of a ring, for dumps of a hang. */
export function dumpRing(words: Int32Array, at: number): string {
  const side = (lock: number, count: number, cursors: number): string =>
    `lock ${dumpMutex(words, at + lock)} count ${words[at + count]} cursors ${words.slice(at + cursors, at + cursors + 8).join(' ')}`;
  const events = (word: number): string => `${((words[at + word] as number) >>> 0).toString(16)}/${words[at + word + 1]}`;
  return [
    `closed ${words[at + RING_CLOSED]} spare ${words[at + RING_SPARE]}`,
    `put ${side(RING_PUT_LOCK, RING_PUT_COUNT, RING_PUT_CURSORS)}`,
    `get ${side(RING_GET_LOCK, RING_GET_COUNT, RING_GET_CURSORS)}`,
    `items ${events(RING_ITEMS)} getter ${words[at + RING_GETTER]} space ${events(RING_SPACE)}`,
  ].join('; ');
}

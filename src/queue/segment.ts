/**
 * Segments: the pieces of which a ring's memory is made. A segment is a run of pages: a header of 64 bytes, then a power of two of bytes used as a ring.
 */
import type { Agent } from '../arena/agent.js';
import { PAGE_BYTES } from '../arena/layout.js';
import { viewBytes } from '../arena/region.js';
import { allocateRun, type Page } from '../memory/pages.js';

/** Sizes of segments are summed in units of 4 KiB, so that sums wrap late. */
export const UNIT = 4096;

// ---- words of a segment ---------------------------------------------------------------------------------------------------------
const SEGMENT_CAPACITY = 0;
/** The put count when it was linked: tells two lives of the same pages apart. */
const SEGMENT_SERIAL = 1;
/** Bytes of all segments linked before this one, in units, wrapping. */
const SEGMENT_BEFORE = 2;
const SEGMENT_HEADER_BYTES = 64;

/** One segment as this agent sees it. */
export class Segment {
  readonly page: Page;
  readonly words: Int32Array;
  readonly bytes: Buffer;
  /** First word of the ring proper. */
  readonly firstWord: number;
  readonly headerWord: number;
  readonly capacity: number;
  readonly mask: number;
  readonly serial: number;

  constructor(agent: Agent, page: Page) {
    const { words, near } = agent.region;
    const start = page * PAGE_BYTES;
    this.page = page;
    if (start < near.length) {
      this.words = words;
      this.bytes = near;
      this.headerWord = start >> 2;
    } else {
      const header = viewBytes(start, SEGMENT_HEADER_BYTES);
      this.bytes = viewBytes(start, SEGMENT_HEADER_BYTES + header.readInt32LE(SEGMENT_CAPACITY * 4));
      this.words = new Int32Array(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length >> 2);
      this.headerWord = 0;
    }
    this.firstWord = this.headerWord + (SEGMENT_HEADER_BYTES >> 2);
    this.capacity = this.words[this.headerWord + SEGMENT_CAPACITY] as number;
    this.mask = this.capacity - 1;
    this.serial = this.words[this.headerWord + SEGMENT_SERIAL] as number;
  }

  /** False when the pages have begun another life since we opened them. */
  isCurrent(page: Page): boolean {
    return this.page === page && this.words[this.headerWord + SEGMENT_SERIAL] === this.serial;
  }

  get before(): number {
    return this.words[this.headerWord + SEGMENT_BEFORE] as number;
  }

  /** Begins another life of the same pages. REQUIRES: nobody else uses them. */
  restart(serial: number, before: number): void {
    this.words[this.headerWord + SEGMENT_SERIAL] = serial;
    this.words[this.headerWord + SEGMENT_BEFORE] = before;
  }
}

/** A segment of `capacity` bytes, header written. */
export function newSegment(agent: Agent, capacity: number, serial: number, before: number): Page {
  const page = allocateRun(SEGMENT_HEADER_BYTES + capacity, 'near');
  const start = page * PAGE_BYTES;
  const { near } = agent.region;
  const header = start < near.length ? near.subarray(start, start + SEGMENT_HEADER_BYTES) : viewBytes(start, SEGMENT_HEADER_BYTES);
  header.writeInt32LE(capacity, SEGMENT_CAPACITY * 4);
  header.writeInt32LE(serial, SEGMENT_SERIAL * 4);
  header.writeInt32LE(before, SEGMENT_BEFORE * 4);
  return page;
}

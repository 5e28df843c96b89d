/**
 * Annexes: blocks of words that belong to another block, for tables that are larger than it, or grow. The owner has a *directory* that names them in
 * order; they live as long as the owner does, and never move, so a word that was found once stays where it is.
 */
import { currentAgent } from '../arena/agent.js';
import { OutOfMemoryError } from '../errors.js';
import { BLOCK_ANNEX, blockGeneration, cancelHandle, createBlock, dropHold, payloadWord, sendHandle } from './block.js';

/** Words in each. */
export const ANNEX_WORDS = 4000;
export const MAX_ANNEXES = 16;
/** One word for each: its offset, 0 while there is none. */
export const DIRECTORY_WORDS = MAX_ANNEXES;

/**
 * Adds an annex, zeroed, and returns its first word. REQUIRES: one agent at a time, or what several added at once is simply added. A kill within it leaks
 * one block. @throws OutOfMemoryError
 */
export function addAnnex(directory: number): number {
  const { words } = currentAgent().region;
  const handle = createBlock(BLOCK_ANNEX, ANNEX_WORDS * 4);
  sendHandle(handle); // the owner's hold is a handle that never arrives
  dropHold(handle.offset);
  for (let index = 0; index < MAX_ANNEXES; index++) {
    if (Atomics.compareExchange(words, directory + index, 0, handle.offset) === 0) return payloadWord(handle.offset);
  }
  cancelHandle(handle);
  throw new OutOfMemoryError(`Cannot allocate: a table of ${MAX_ANNEXES * ANNEX_WORDS} words is full`);
}

/** First word of the annex of that number, 0 while there is none. REQUIRES: this agent holds the owner. */
export function annexAt(directory: number, index: number): number {
  if (index >= MAX_ANNEXES) return 0;
  const offset = Atomics.load(currentAgent().region.words, directory + index);
  return offset === 0 ? 0 : payloadWord(offset);
}

/** The owner is being freed. */
export function dropAnnexes(directory: number): void {
  const { words } = currentAgent().region;
  for (let index = 0; index < MAX_ANNEXES; index++) {
    const offset = words[directory + index] as number;
    if (offset !== 0) cancelHandle({ offset, generation: blockGeneration(offset) });
  }
}

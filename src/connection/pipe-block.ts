/**
 * The memory of a pipe. Each end is a block of its own: who holds it is at that end. It names the *pipe*, a block with the rings, which lives as long as
 * one of the ends does, held by handles that never arrive.
 *
 * When an end is freed, because its last holder has closed or dropped it, or has died, nobody will receive what is under way to it, nor send from it:
 * both rings are marked, the messages to it discarded, and those at the other end told.
 */
import { type Agent, currentAgent } from '../arena/agent.js';
import { NOT_ACQUIRED } from '../arena/mutex.js';
import { currentWaiting } from '../arena/waiting.js';
import { BLOCK_CONNECTION, BLOCK_PIPE, cancelHandle, createBlock, dropHold, onDestroy, payloadWord, sendHandle } from '../memory/block.js';
import { abandonShared, createShared, type Handle } from '../memory/handle.js';
import { discardFrame } from '../queue/message.js';
import { destroyRing, initRing, Ring, RING_CLOSED, RING_ITEMS, RING_SPACE, RING_WORDS, UNBOUNDED } from '../queue/ring.js';
import { fault } from '../util/fault.js';

/** A sender waits when so many bytes are under way. One message of any size is always taken when there are none. */
export const MAX_BYTES = 2 ** 26;

// ---- words of an end ------------------------------------------------------------------------------------------------------------
/** The handle of the pipe: offset, generation. */
const END_PIPE = 0;
/** 0 or 1. */
const END_SIDE = 2;
const END_WORDS = 16;

// ---- words of a pipe ------------------------------------------------------------------------------------------------------------
/** The handles of both ends. */
const PIPE_ENDS = 0;
/** How many rings it has: 2, or the one to end 0. */
const PIPE_RINGS = 4;
const PIPE_FIRST_RING = 16;
const PIPE_WORDS = PIPE_FIRST_RING + 2 * RING_WORDS;

/** What stands in the blocks, for one end. */
export interface End {
  /** First words of the rings, 0: this end has no such direction. */
  readonly inlet: number;
  readonly outlet: number;
  readonly other: Handle;
}

/** The blocks of a new pipe, both ends held by this agent: not bound to objects yet. @throws OutOfMemoryError */
export function makeEnds(isDuplex: boolean): [Handle, Handle] {
  const agent = currentAgent();
  const { words } = agent.region;
  const pipe = createBlock(BLOCK_PIPE, PIPE_WORDS * 4);
  const at = payloadWord(pipe.offset);
  const ends: Handle[] = [];
  try {
    words[at + PIPE_RINGS] = isDuplex ? 2 : 1;
    initRing(agent, at + PIPE_FIRST_RING, UNBOUNDED, MAX_BYTES, true);
    if (isDuplex) initRing(agent, at + PIPE_FIRST_RING + RING_WORDS, UNBOUNDED, MAX_BYTES, true);
    for (const side of [0, 1]) {
      const end = createShared(BLOCK_CONNECTION, END_WORDS * 4);
      ends.push(end);
      writeHandle(words, at + PIPE_ENDS + side * 2, end);
      words[payloadWord(end.offset) + END_SIDE] = side;
      sendHandle(pipe); // a kill here leaks the pipe
      writeHandle(words, payloadWord(end.offset) + END_PIPE, pipe);
    }
  } catch (error) {
    for (const end of ends) abandonShared(end);
    throw error;
  } finally {
    dropHold(pipe.offset);
  }
  return ends as [Handle, Handle];
}

/** REQUIRES: this agent holds the end. */
export function readEnd(end: Handle): End {
  const { words } = currentAgent().region;
  const at = payloadWord(end.offset);
  const side = words[at + END_SIDE] as number;
  const pipe = payloadWord(words[at + END_PIPE] as number);
  return {
    inlet: ringAt(words, pipe, side),
    outlet: ringAt(words, pipe, 1 - side),
    other: readHandle(words, pipe + PIPE_ENDS + (1 - side) * 2),
  };
}

/** First word of the ring whose messages go to that side, 0: there is none. */
function ringAt(words: Int32Array, pipe: number, side: number): number {
  return side < (words[pipe + PIPE_RINGS] as number) ? pipe + PIPE_FIRST_RING + side * RING_WORDS : 0;
}

function endPipe(agent: Agent, at: number): void {
  const { words } = agent.region;
  const handle = readHandle(words, at + END_PIPE);
  if (handle.offset === 0) return; // whoever was making it was killed
  const side = words[at + END_SIDE] as number;
  const pipe = payloadWord(handle.offset);
  const outlet = ringAt(words, pipe, 1 - side);
  if (outlet !== 0) {
    Atomics.store(words, outlet + RING_CLOSED, 1);
    if (fault !== null) fault('pipe.ended');
    currentWaiting().notifyAll(outlet + RING_ITEMS);
  }
  const inlet = ringAt(words, pipe, side);
  if (inlet !== 0) closeInlet(agent, inlet);
  cancelHandle(handle);
}

/** What is under way to an end may keep that very end's pipe, and others, alive: it is discarded now, not with the pipe. */
function closeInlet(agent: Agent, at: number): void {
  const { words } = agent.region;
  Atomics.store(words, at + RING_CLOSED, 1);
  if (fault !== null) fault('pipe.closed');
  currentWaiting().notifyAll(at + RING_SPACE);
  discardAll(new Ring(agent, at));
}

/**
 * Discards what is under way to an end that is gone: called by whoever has set the mark, and by each sender that finds it when it has put. A sender that was
 * inside `put` when the mark was set commits, then looks for the mark; whoever set that looks then for what is committed: so one of them sees the other.
 */
export function discardAll(ring: Ring): void {
  while (ring.mayHaveItem()) {
    // another one who discards has it, and looks again when it has released it; nobody is at this end any more
    if (ring.getLock.tryAcquire() === NOT_ACQUIRED) return;
    while (ring.peek()) {
      discardFrame(ring.frame);
      ring.commitGet();
    }
    ring.getLock.release();
  }
}

function writeHandle(words: Int32Array, at: number, { offset, generation }: Handle): void {
  words[at + 1] = generation;
  Atomics.store(words, at, offset);
}

function readHandle(words: Int32Array, at: number): Handle {
  return { offset: words[at] as number, generation: (words[at + 1] as number) >>> 0 };
}

onDestroy(BLOCK_CONNECTION, (payload) => endPipe(currentAgent(), payload));
onDestroy(BLOCK_PIPE, (payload) => {
  const agent = currentAgent();
  for (const ring of [0, 1]) destroyRing(agent, payload + PIPE_FIRST_RING + ring * RING_WORDS, discardFrame);
});

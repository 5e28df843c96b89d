/**
 * Handles, and the objects that stand for blocks in this agent: one live object per block, however often its handle arrives; so what was sent
 * comes back as the same object. An agent holds a block as long as one of its objects, or memory that it gave to user code, is reachable.
 */
import { ClosedError, StaleHandleError } from '../errors.js';
import { platform } from '../platform/select.js';
import { blockGeneration, type BlockType, blockType, createBlock, dropHold, inheritHold, receiveHandle } from './block.js';
import { holdSince, letGo } from './handover.js';

/** Names a block: where it starts, and which of the blocks that ever started there. Two words on the wire. */
export interface Handle {
  /** Bytes from the start of the region, a multiple of 64, below 2^31. */
  readonly offset: number;
  /** Unsigned 32-bit; a handle whose generation is not the block's is stale. */
  readonly generation: number;
}

/** The agent lets go of the block when nothing holds it and nothing waits. */
interface Local {
  /** Of the block: a forked child must not take the next tenant of its memory for it. */
  readonly generation: number;
  /** When, as hand-overs to forked children are counted, this agent got hold of it. */
  readonly since: number;
  object: WeakRef<object> | undefined;
  /** Objects not yet collected plus memory views not yet released. */
  holds: number;
  /** Promises that wait on the block's words. Counted apart: they do not come along into a forked child. */
  waits: number;
}

const locals = new Map<number, Local>();
const rebuilders = new Map<BlockType, (handle: Handle) => object>();
/** Memory given to user code, by token. */
const lent = new Map<number, number>();
let lastToken = 0;

const collected = new FinalizationRegistry<number>((offset) => releaseHold(offset));
/** The memory itself is gone a little later than the buffer object: ask again at the next opportunity. */
const lentCollected = new FinalizationRegistry<undefined>(() => collectReleased());

/** How a type of block becomes an object in the agent that receives its handle. Each class registers itself. */
export function onRebuild(type: BlockType, rebuild: (handle: Handle) => object): void {
  rebuilders.set(type, rebuild);
}

/** A new block for `object`, which holds it until disposed of or collected. @throws OutOfMemoryError */
export function createShared(type: BlockType, payloadBytes: number): Handle {
  collectReleased();
  return createBlock(type, payloadBytes);
}

/** From now on `object` stands for the block in this agent. REQUIRES: this agent holds the block. */
export function bindShared(object: object, handle: Handle): void {
  const local = localOf(handle.offset);
  local.object = new WeakRef(object);
  local.holds++;
  collected.register(object, handle.offset, object);
}

/** The object for a new block could not be made. REQUIRES: nothing stands for the block in this agent. */
export function abandonShared(handle: Handle): void {
  locals.delete(handle.offset);
  dropHold(handle.offset);
}

/** A handle has arrived in a message: the object it names, the same one if this agent has it already. @throws StaleHandleError */
export function receiveShared(handle: Handle): object {
  receiveHandle(handle);
  return objectOf(handle);
}

/** As `receiveShared`, of a handle that is not in transit: whoever told of it keeps the block meanwhile. @throws StaleHandleError */
export function adoptShared(handle: Handle): object {
  if (!inheritHold(handle.offset, handle.generation))
    throw new StaleHandleError('A shared object was freed before it could be taken over: its process has ended');
  return objectOf(handle);
}

/** Keeps the block for somebody who is told of it, until what is returned is called, once. REQUIRES: this agent holds it. */
export function keepBlock({ offset }: Handle): () => void {
  localOf(offset).holds++;
  return () => releaseHold(offset);
}

/** What stands for the block in this agent. REQUIRES: this agent holds the block. @throws StaleHandleError */
export function objectOf(handle: Handle): object {
  const known = locals.get(handle.offset)?.object?.deref();
  if (known !== undefined) return known;
  try {
    const type = blockType(handle);
    const rebuild = rebuilders.get(type);
    if (rebuild === undefined) throw new Error(`No class of this process stands for blocks of type ${type}`);
    const object = rebuild(handle);
    bindShared(object, handle);
    return object;
  } catch (error) {
    // nothing stands for the block here, so nothing would ever let go of it
    if (!locals.has(handle.offset)) letGo(handle.offset, holdSince(handle.offset));
    throw error;
  }
}

/** Disposal: the object lets go of its block. Idempotence is the caller's. */
export function unbindShared(object: object, handle: Handle): void {
  collected.unregister(object);
  const local = locals.get(handle.offset);
  if (local?.object?.deref() === object) local.object = undefined;
  releaseHold(handle.offset);
}

/** Memory of the block, or of a run that it owns, for user code: the agent holds the block until nobody can reach the buffer any more. */
export function lendMemory(handle: Handle, offset: number, bytes: number): { buffer: ArrayBufferLike; byteOffset: number; token: number } {
  const { memory } = platform;
  const token = ++lastToken;
  const buffer = memory.ownedView(offset, Math.max(bytes, 1), token); // an empty array still needs a buffer
  if (!memory.viewsWhole) {
    lent.set(token, handle.offset);
    localOf(handle.offset).holds++;
    lentCollected.register(buffer, undefined);
  }
  return { buffer, byteOffset: memory.viewsWhole ? offset : 0, token };
}

/** Takes lent memory back at disposal. Where that cannot be done the collector does it, and until then the memory stays valid. */
export function reclaimMemory(buffer: ArrayBufferLike, token: number): void {
  if (lent.has(token) && platform.memory.detach(buffer, token)) settleToken(token);
}

export function closedError(what: string): ClosedError {
  return new ClosedError(`This ${what} was disposed of`);
}

function localOf(offset: number): Local {
  let local = locals.get(offset);
  if (local === undefined) {
    local = { generation: blockGeneration(offset), since: holdSince(offset), object: undefined, holds: 0, waits: 0 };
    locals.set(offset, local);
  }
  return local;
}

function collectReleased(): void {
  for (const token of platform.memory.takeReleased()) settleToken(token);
}

function settleToken(token: number): void {
  const offset = lent.get(token);
  if (offset === undefined) return;
  lent.delete(token);
  releaseHold(offset);
}

/** Keeps the block although its object may be disposed of meanwhile: for as long as a promise waits on its words. Undone by `letGoAfterWait`. */
export function holdForWait(offset: number): void {
  localOf(offset).waits++;
}

export function letGoAfterWait(offset: number): void {
  const local = locals.get(offset);
  if (local === undefined) return;
  local.waits--;
  letGoIfUnused(offset, local);
}

/**
 * In a forked child: this agent takes holds of its own on all that its parent held at the fork, so that the objects that stand for it are as good here.
 * False: some of it is gone, since the parent ended and was swept before; what is left must not be used.
 */
export function inheritHolds(): boolean {
  let isWhole = true;
  // what this allocates or writes is a page of the heap to be copied each time: forEach makes no entries, and most have no waits
  locals.forEach((local, offset) => {
    if (local.waits !== 0) local.waits = 0; // those who wait do so in the parent
    if (local.holds === 0) locals.delete(offset);
    else if (!inheritHold(offset, local.generation)) isWhole = false;
  });
  return isWhole;
}

/** Whether an object of this thread may stand for a block. */
export function hasLocals(): boolean {
  return locals.size > 0;
}

function releaseHold(offset: number): void {
  const local = locals.get(offset);
  if (local === undefined) return;
  local.holds--;
  letGoIfUnused(offset, local);
}

function letGoIfUnused(offset: number, local: Local): void {
  if (local.holds > 0 || local.waits > 0) return;
  locals.delete(offset);
  letGo(offset, local.since);
}

/** Tells a constructor to stand for an existing block instead of making one: what `onRebuild` functions pass. */
export class Existing {
  readonly handle: Handle;
  constructor(handle: Handle) {
    this.handle = handle;
  }
}

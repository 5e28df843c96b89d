/**
 * Handles, and the objects that stand for blocks in this agent: one live object per block, however often its handle arrives; so what was sent
 * comes back as the same object. An agent holds a block as long as one of its objects, or memory that it gave to user code, is reachable.
 */
import { currentWaiting } from '../arena/waiting.js';
import { ClosedError } from '../errors.js';
import { platform } from '../platform/select.js';
import { type BlockType, blockType, blockWords, createBlock, dropHold, receiveHandle } from './block.js';

/** Names a block: where it starts, and which of the blocks that ever started there. Two words on the wire. */
export interface Handle {
  /** Bytes from the start of the region, a multiple of 64, below 2^31. */
  readonly offset: number;
  /** Unsigned 32-bit; a handle whose generation is not the block's is stale. */
  readonly generation: number;
}

interface Local {
  object: WeakRef<object> | undefined;
  /** Objects not yet collected plus memory views not yet released: the agent lets go of the block when none is left. */
  holds: number;
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
    if (!locals.has(handle.offset)) dropHold(handle.offset);
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
    local = { object: undefined, holds: 0 };
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

/** Keeps the block although its object may be disposed of meanwhile: for as long as a promise waits on its words. Undone by `releaseHold`. */
export function holdBlock(offset: number): void {
  localOf(offset).holds++;
}

/** The last hold of this agent lets go of the block, and of whatever it left in the block's event counts. */
export function releaseHold(offset: number): void {
  const local = locals.get(offset);
  if (local === undefined || --local.holds > 0) return;
  locals.delete(offset);
  currentWaiting().forget(offset >> 2, (offset >> 2) + blockWords(offset));
  dropHold(offset);
}

/** Tells a constructor to stand for an existing block instead of making one: what `onRebuild` functions pass. */
export class Existing {
  readonly handle: Handle;
  constructor(handle: Handle) {
    this.handle = handle;
  }
}

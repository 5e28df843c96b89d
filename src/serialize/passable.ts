/**
 * What makes an object *passable*: able to travel in a message and arrive as the same shared object. The codec knows only this
 * symbol; locks, queues and arrays implement it; so neither imports the other.
 */

/** Names a block of the shared region: where it starts, and which of the blocks that ever started there. 12 bytes on the wire. */
export interface Handle {
  /** Bytes from the start of the region, a multiple of 64; up to 2^38. */
  readonly offset: number;
  /** Unsigned 32-bit; a handle whose generation is not the block's is stale. */
  readonly generation: number;
}

/** The method, on a shared object's prototype, that yields its handle. @throws ClosedError when the object was disposed of */
export const handleOf = Symbol('forkful.handleOf');

export interface Passable {
  [handleOf](): Handle;
}

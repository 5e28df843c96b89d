/**
 * What makes an object *passable*: able to travel in a message and arrive as the same shared object. The codec knows only this
 * symbol; locks, queues and arrays implement it; so neither imports the other.
 */
import type { Handle } from '../memory/handle.js';

export type { Handle };

/** The method, on a shared object's prototype, that yields its handle. @throws ClosedError when the object was disposed of */
export const handleOf = Symbol('forkful.handleOf');

export interface Passable {
  [handleOf](): Handle;
}

/** On a prototype: why its objects cannot be sent, as a clause with advice. */
export const staysHere = Symbol('forkful.staysHere');

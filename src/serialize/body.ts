/** Large binary roots, for a caller who copies their bytes himself. */
import { corrupt } from './reader.js';
import { BODY_OFFSET, TAG_BODY } from './tags.js';
import { isKind, overMemory } from './views.js';

/** Where in the message the raw bytes of a large binary root start, or 0 when the message is of another sort. */
export function bodyOffset(bytes: Uint8Array, start: number, end: number): number {
  return end - start >= BODY_OFFSET && bytes[start] === 0 && bytes[start + 1] === TAG_BODY ? BODY_OFFSET : 0;
}

/**
 * Makes a large binary root over memory that holds exactly its bytes, with nothing copied: for a caller who has read `bodyOffset`
 * and copied the bytes from there on into a new ArrayBuffer.
 * @throws SerializationError when the bytes are no such message
 */
export function decodeBody(bytes: Uint8Array, start: number, body: ArrayBuffer): unknown {
  const kind = bytes[start + 2] as number;
  if (bytes[start + 1] !== TAG_BODY || !isKind(kind, body.byteLength)) throw corrupt();
  return overMemory(kind, body);
}

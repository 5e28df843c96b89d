/** What crosses a pipe: values as queues have them (`queue/message.ts`), and bytes, which are a packed frame whose head they are. */
import { encodedBytes, Incoming, Outgoing } from '../queue/message.js';
import { type Ring, TAG_INT, TAG_PACKED, type WritePayload } from '../queue/ring.js';
import type { NOTHING } from './connection.js';
import type { Parcel } from './lane.js';

/** Usually the same objects again and again; more when user code called by the codec uses a connection itself. */
let idleOutgoing: Outgoing | undefined;
let idleIncoming: Incoming | undefined;

/** Encodes a value for the end at offset `receiver`, into an object to be given back by `unload`. @throws SerializationError */
export function load(value: unknown, receiver: number): Outgoing {
  const message = idleOutgoing ?? new Outgoing();
  idleOutgoing = undefined;
  return message.load(value, 'value', receiver);
}

export function unload(message: Outgoing): void {
  message.release();
  idleOutgoing = message;
}

/** Bytes on their way out. Still the caller's own memory. */
export class BytesParcel implements Parcel {
  readonly tag = TAG_PACKED;
  readonly value: number;
  readonly payloadBytes: number;
  readonly write: WritePayload;

  constructor(bytes: Uint8Array) {
    this.value = this.payloadBytes = bytes.length;
    this.write = (_words, word, target) => target.set(bytes, word * 4);
  }

  cancel(): void {}
}

/** Copies what the ring has found: an integer itself, else something for `valueOf`. */
export function takeValue({ frame }: Ring): unknown {
  if (frame.tag === TAG_INT) return frame.value;
  const message = idleIncoming ?? new Incoming();
  idleIncoming = undefined;
  message.take(frame);
  return message;
}

/** Decodes what `takeValue` has taken; anything else is returned as it is. @throws SerializationError, StaleHandleError: the message is lost then */
export function valueOf(taken: unknown): unknown {
  if (!(taken instanceof Incoming)) return taken;
  try {
    return taken.toValue();
  } finally {
    idleIncoming = taken;
  }
}

/** Copies what the ring has found: bytes themselves, else something for `bytesOf`. What is longer than `maxLength` is told to `refuse` and left. */
export function takeBytes({ frame }: Ring, maxLength: number, refuse: (length: number) => never): unknown {
  const length = encodedBytes(frame);
  if (length > maxLength) refuse(length);
  const message = new Incoming();
  if (frame.tag !== TAG_PACKED) {
    message.take(frame);
    return message;
  }
  const bytes = Buffer.allocUnsafeSlow(length);
  const start = frame.word * 4;
  frame.bytes.copy(bytes, 0, start, start + length);
  return bytes;
}

/** The bytes of what `takeBytes` has taken; anything else is returned as it is. @throws SerializationError: the message is lost then */
export function bytesOf(taken: unknown): Uint8Array | typeof NOTHING {
  return taken instanceof Incoming ? taken.toBytes() : (taken as Uint8Array | typeof NOTHING);
}

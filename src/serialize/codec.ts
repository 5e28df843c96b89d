/** Value ↔ bytes: all that the layers above need. Structured clone, with shared objects, errors, Buffers and registered classes kept. */
export { bodyOffset, decodeBody } from './body.js';
export { Decoder, type Rebuild } from './decoder.js';
export { Encoder, MIN_BODY } from './encoder.js';
export { type ClassCodec, registerClass } from './registry.js';
export { encodeThrown, RemoteError } from './remote-error.js';

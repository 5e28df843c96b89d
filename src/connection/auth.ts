/**
 * Two ends prove to each other that they know the same key, without telling it: the handshake of CPython's `multiprocessing.connection`, of all versions
 * from 3.6 on. `docs/api/listener.md` has its bytes.
 *
 * - One end *delivers a challenge*, the other one *answers* it with an HMAC of the challenge under the key; then the roles change.
 * - Since 3.12 a challenge begins with the name of a digest, `{sha256}`, and so does an answer. Before, challenges had 20 bytes and answers were HMAC-MD5;
 *   such a peer takes `{sha256}...` for a challenge as any other.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { AuthenticationError } from '../errors.js';
import { rangeError, typeError } from '../util/validate.js';
import { deadlineOf, type WaitOptions } from '../util/wait-options.js';
import type { Connection } from './connection.js';

/** Bytes, or a string for its UTF-8. An empty one is a key too. */
export type AuthKey = Uint8Array | string;

/** The steps of one end: it yields bytes to send, or null to be given the next message. */
export type Steps = Generator<Uint8Array | null, void, Uint8Array>;

/** Frames of a handshake are no longer. */
export const MOST_BYTES = 256;

const CHALLENGE = Buffer.from('#CHALLENGE#');
const WELCOME = Buffer.from('#WELCOME#');
const FAILURE = Buffer.from('#FAILURE#');
const RANDOM_BYTES = 40;
/** A challenge without the name of a digest has so many bytes, an answer so many. */
const LEGACY_CHALLENGE_BYTES = 20;
const LEGACY_ANSWER_BYTES = 16;

/** CPython's names, and ours. */
const DIGESTS = { md5: 'md5', sha256: 'sha256', sha384: 'sha384', sha3_256: 'sha3-256', sha3_384: 'sha3-384' } as const;

/** The digests that a challenge may ask for. */
export type DigestName = keyof typeof DIGESTS;

const PREFIX = /^\{(md5|sha256|sha384|sha3_256|sha3_384)\}/;

/** @throws TypeError */
export function keyBytes(authkey: AuthKey): Uint8Array {
  if (typeof authkey === 'string') return Buffer.from(authkey);
  // without the value: it is a secret, or next to one
  if (!(authkey instanceof Uint8Array)) throw typeError('authkey', 'a Uint8Array or a string', Object.prototype.toString.call(authkey));
  return Uint8Array.prototype.slice.call(authkey);
}

/** What both ends do: the listener challenges first. */
export function* handshake(key: Uint8Array, role: 'listener' | 'client'): Steps {
  if (role === 'listener') {
    yield* deliver(key);
    yield* answer(key);
  } else {
    yield* answer(key);
    yield* deliver(key);
  }
}

function* deliver(key: Uint8Array, digestName: DigestName = 'sha256'): Steps {
  const message = Buffer.concat([Buffer.from(`{${digestName}}`), randomBytes(RANDOM_BYTES)]);
  yield Buffer.concat([CHALLENGE, message]);
  const refusal = refusalOf(key, message, yield null);
  yield refusal === undefined ? WELCOME : FAILURE;
  if (refusal !== undefined) throw refusal;
}

function* answer(key: Uint8Array): Steps {
  const message = yield null;
  if (!startsWith(message, CHALLENGE))
    throw new AuthenticationError('The peer does not begin with a challenge: it is no listener with an authkey');
  yield createAnswer(key, message.subarray(CHALLENGE.length));
  const verdict = yield null;
  if (Buffer.compare(verdict, WELCOME) !== 0) throw new AuthenticationError('The peer refused our answer: its authkey is another one');
}

/** @throws AuthenticationError for a challenge that is none */
export function createAnswer(key: Uint8Array, message: Uint8Array): Uint8Array {
  if (message.length < LEGACY_CHALLENGE_BYTES) throw new AuthenticationError(`The peer's challenge has ${message.length} bytes: too short`);
  if (message.length === LEGACY_CHALLENGE_BYTES) return hmac(key, message, 'md5');
  const digestName = digestOf(message);
  if (digestName === undefined) throw new AuthenticationError("The peer's challenge asks for no digest that is known here");
  return Buffer.concat([Buffer.from(`{${digestName}}`), hmac(key, message, digestName)]);
}

/** Why an answer is not accepted. */
export function refusalOf(key: Uint8Array, message: Uint8Array, given: Uint8Array): AuthenticationError | undefined {
  const isLegacy = given.length === LEGACY_ANSWER_BYTES || given.length === LEGACY_CHALLENGE_BYTES;
  const digestName = isLegacy ? 'md5' : digestOf(given);
  if (digestName === undefined) return new AuthenticationError("The peer's answer is by no digest that is known here");
  const expected = hmac(key, message, digestName);
  const digest = isLegacy ? given : given.subarray(digestName.length + 2);
  // in constant time: how far it is right must not be seen
  if (digest.length === expected.length && timingSafeEqual(digest, expected)) return undefined;
  return new AuthenticationError("The peer's answer is wrong: its authkey is another one");
}

/**
 * Challenges the peer to prove that it knows the key. The peer answers by `answerChallenge`, in JavaScript or Python. Nothing is proved to the peer by it:
 * change roles afterwards, as Listener and Client do. It does not let objects through.
 * @throws AuthenticationError, and what sending and receiving throw
 */
export function deliverChallenge(
  connection: Connection,
  authkey: AuthKey,
  digestName: DigestName = 'sha256',
  options?: WaitOptions,
): Promise<void> {
  return begun(() => converse(connection, deliver(keyBytes(authkey), checkDigest(digestName)), options));
}

/** The blocking twin of `deliverChallenge`. */
export function deliverChallengeSync(
  connection: Connection,
  authkey: AuthKey,
  digestName: DigestName = 'sha256',
  options?: WaitOptions,
): void {
  converseSync(connection, deliver(keyBytes(authkey), checkDigest(digestName)), options);
}

/** Answers the challenge of a peer that runs `deliverChallenge`. @throws AuthenticationError, and what sending and receiving throw */
export function answerChallenge(connection: Connection, authkey: AuthKey, options?: WaitOptions): Promise<void> {
  return begun(() => converse(connection, answer(keyBytes(authkey)), options));
}

/** The blocking twin of `answerChallenge`. */
export function answerChallengeSync(connection: Connection, authkey: AuthKey, options?: WaitOptions): void {
  converseSync(connection, answer(keyBytes(authkey)), options);
}

/** Goes through the steps over a connection. */
export async function converse(connection: Connection, steps: Steps, options: WaitOptions | undefined): Promise<void> {
  const left = remaining(options);
  let step = steps.next();
  while (step.done !== true) {
    if (step.value === null) step = steps.next(await connection.recvBytes(MOST_BYTES, left()));
    else {
      await connection.sendBytes(step.value, 0, undefined, left());
      step = steps.next(NOTHING_RECEIVED);
    }
  }
}

export function converseSync(connection: Connection, steps: Steps, options: WaitOptions | undefined): void {
  const left = remaining(options);
  let step = steps.next();
  while (step.done !== true) {
    if (step.value === null) step = steps.next(connection.recvBytesSync(MOST_BYTES, left()));
    else {
      connection.sendBytesSync(step.value, 0, undefined, left());
      step = steps.next(NOTHING_RECEIVED);
    }
  }
}

const NOTHING_RECEIVED = Buffer.alloc(0);

/** Bad arguments reject. */
async function begun(begin: () => Promise<void>): Promise<void> {
  await begin();
}

/** What is left of the time at each step. */
function remaining(options: WaitOptions | undefined): () => WaitOptions {
  const deadline = deadlineOf(options);
  const signal = options?.signal;
  return () => (deadline === Number.POSITIVE_INFINITY ? { signal } : { timeout: deadline - performance.now(), signal });
}

function checkDigest(digestName: DigestName): DigestName {
  if (!Object.hasOwn(DIGESTS, digestName)) throw rangeError('digestName', `one of ${Object.keys(DIGESTS).join(', ')}`, digestName);
  return digestName;
}

function digestOf(message: Uint8Array): DigestName | undefined {
  const start = Buffer.from(message.buffer, message.byteOffset, Math.min(message.length, 16)).toString('latin1');
  return PREFIX.exec(start)?.[1] as DigestName | undefined;
}

function hmac(key: Uint8Array, message: Uint8Array, digestName: DigestName): Buffer {
  try {
    return createHmac(DIGESTS[digestName], key).update(message).digest();
  } catch (cause) {
    // a build of OpenSSL for which it is not secure enough
    throw new AuthenticationError(`This Node has no ${digestName}, which the peer's challenge takes`, { cause });
  }
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return Buffer.compare(bytes.subarray(0, prefix.length), prefix) === 0;
}

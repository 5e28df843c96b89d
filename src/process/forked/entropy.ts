/**
 * Randomness in forked children: siblings are copies, and would draw the same numbers.
 *
 * - `Math.random` keeps its state in V8, per context, seeded at the first call from a generator that all copies share. So in the fork server
 *   it is not called at all before the fork: a stand-in over `crypto` takes its place. The child restores the original and seeds it anew.
 *   Where it was called before (in a process that forks itself) the flag below has no effect, so the stand-in stays.
 * - `crypto.randomUUID` and `crypto.randomInt` draw ahead into caches that would be copied. The server's stand-ins leave the caches empty.
 *
 * All else in Node (`randomBytes`, `getRandomValues`, keys) asks the system or OpenSSL, which know about forks.
 */
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { setFlagsFromString } from 'node:v8';

const { random } = Math;
const { randomUUID, randomInt, getRandomValues } = crypto;

let isGuarded = false;
/** Drawn ahead by the stand-in for `Math.random`. */
const drawn = new Uint32Array(256);
let next = drawn.length;
/** What the stand-ins do: preloaded modules may have kept one. */
let draw = drawFromSystem;
let drawUuid: typeof randomUUID = () => randomUUID({ disableEntropyCache: true });
/** Drawn ahead before the fork, so to be thrown away after it. */
let integersDrawn = false;

const standIn = (): number => draw();
const uuidStandIn: typeof randomUUID = (options) => drawUuid(options);
const integerStandIn = ((...args: Parameters<typeof randomInt>) => {
  integersDrawn = true;
  return randomInt(...args);
}) as typeof randomInt;

/** In the fork server, before any module of the user's is loaded. */
export function guardEntropy(): void {
  isGuarded = true;
  Math.random = standIn;
  replace(uuidStandIn, integerStandIn);
}

/** In a forked child: from here on it draws numbers of its own. */
export function renewEntropy(): void {
  next = drawn.length;
  if (!isGuarded) {
    // the context of a process that forked itself is seeded, for all we know
    Math.random = standIn;
    burnUuids();
    burnIntegers();
    return;
  }
  isGuarded = false;
  if (Math.random === standIn) Math.random = random;
  draw = random;
  setFlagsFromString(`--random-seed=${crypto.randomBytes(4).readInt32LE() || 1}`);
  random();
  setFlagsFromString('--random-seed=0'); // or all Workers of this child would draw the same
  drawUuid = randomUUID;
  replace(randomUUID, randomInt);
  if (integersDrawn) burnIntegers();
}

function drawFromSystem(): number {
  if (next === drawn.length) {
    getRandomValues(drawn);
    next = 0;
  }
  const high = drawn[next++] as number;
  const low = drawn[next++] as number;
  return (high * 2 ** 21 + (low >>> 11)) / 2 ** 53;
}

/** Node's cache holds 128 of them. */
function burnUuids(): void {
  for (let i = 0; i < 128; i++) randomUUID();
}

/** Node's cache is 6 KiB, of which each takes six bytes. */
function burnIntegers(): void {
  for (let i = 0; i < 1024; i++) randomInt(2 ** 40);
}

function replace(uuid: typeof randomUUID, integer: typeof randomInt): void {
  if (crypto.randomUUID !== uuidStandIn && crypto.randomUUID !== randomUUID) return; // somebody else's by now
  Object.assign(crypto, { randomUUID: uuid, randomInt: integer });
  syncBuiltinESMExports();
}

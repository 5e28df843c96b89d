/**
 * Randomness in forked children: siblings are copies, and would draw the same numbers.
 *
 * - `Math.random` keeps its state in V8, per context, seeded at the first call from a generator that all copies share. So in the fork server
 *   it is not called at all before the fork: a stand-in over `crypto` takes its place. The child restores the original and seeds it anew.
 *   Where it was called before (in a process that forks itself) the flag below has no effect, so there the child gets the stand-in.
 * - `crypto.randomUUID` and `crypto.randomInt` draw ahead into caches, which the child fills anew.
 *
 * All else in Node (`randomBytes`, `getRandomValues`, keys) asks the system or OpenSSL, which know about forks.
 */
import crypto from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { readScopeVariables } from './scope-variables.js';

const { random } = Math;

/** What the stand-in does: preloaded modules may have kept it. */
let draw = drawFromSystem;
/** Drawn ahead by the stand-in. */
const drawn = new Uint32Array(256);
let next = drawn.length;
/** Node's own, as far as they may hold something that was not given out yet. */
let caches: Uint8Array[] | undefined;
/** For each of them, from the parent. */
let provided: Uint8Array[] | undefined;

const standIn = (): number => draw();

/** In the fork server, before any module of the user's is loaded. */
export function guardRandom(): void {
  draw = drawFromSystem;
  Math.random = standIn;
}

/** In a process that is about to be forked, when it has loaded what it will; `forGood`: it goes on drawing. @throws Error where Node has no inspector */
export function findCaches(forGood: boolean): void {
  if (caches !== undefined) return;
  if (forGood) crypto.randomUUID(); // makes its cache
  const { uuidData } = readScopeVariables(crypto.randomUUID, ['uuidData']);
  const { randomCache, randomCacheOffset } = readScopeVariables(crypto.randomInt, ['randomCache', 'randomCacheOffset']);
  caches = [];
  if (uuidData instanceof Uint8Array) caches.push(uuidData);
  if (randomCache instanceof Uint8Array && (forGood || Number(randomCacheOffset) < randomCache.length)) caches.push(randomCache);
}

/** In a process that is about to fork itself: what its child will draw ahead from. */
export function provideEntropy(): void {
  provided = caches?.map(({ length }) => crypto.randomFillSync(new Uint8Array(length)));
}

/** In the child of such a process: from here on it draws numbers of its own. */
export function renewEntropy(): void {
  next = drawn.length;
  // not by OpenSSL, whose generator takes a while to start anew after a fork
  for (const [index, bytes] of (provided ?? []).entries()) caches?.[index]?.set(bytes);
  draw = drawFromSystem;
  Math.random = standIn; // the context is seeded, for all we know
}

/** In the child of a fork server. `seed` has 32 random bits. */
export function seedEntropy(seed: number): void {
  next = drawn.length;
  if (caches !== undefined && caches.length > 0) refill(caches);
  caches = undefined; // before it forks itself it has to look for them again: it goes on drawing, which the server did not
  draw = () => {
    restoreRandom(seed);
    return random();
  };
}

/** When the first number is asked for: most children ask for none. */
function restoreRandom(seed: number): void {
  if (Math.random === standIn) Math.random = random;
  draw = random;
  setFlagsFromString(`--random-seed=${seed || 1}`);
  random();
  setFlagsFromString('--random-seed=0'); // or all Workers of this child would draw the same
}

function drawFromSystem(): number {
  if (next === drawn.length) {
    crypto.getRandomValues(drawn);
    next = 0;
  }
  const high = drawn[next++] as number;
  const low = drawn[next++] as number;
  return (high * 2 ** 21 + (low >>> 11)) / 2 ** 53;
}

function refill(buffers: readonly Uint8Array[]): void {
  const source = openSync('/dev/urandom', 'r');
  for (const buffer of buffers) readSync(source, buffer);
  closeSync(source);
}

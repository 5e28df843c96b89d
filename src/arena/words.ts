/**
 * Cheap accesses to shared words. V8 calls a builtin for every `Atomics` operation, some 8 ns even for a load (bench/micro/atomics.mjs); a plain access of an
 * Int32Array is one machine instruction, is never torn, and V8 neither drops nor reorders it.
 *
 * On x86 that is enough: a plain load is an acquire, a plain store a release. It is *not* enough where a store must be seen before a later load happens
 * (announce, then look): there stands an `Atomics` read-modify-write in between, and the comment says which. Other processors order less: they get `Atomics`.
 */
const ORDERED = process.arch === 'x64' || process.arch === 'ia32';

/** Loads with acquire ordering: what the storing agent wrote before is seen after. */
export function load(words: Int32Array, index: number): number {
  return ORDERED ? (words[index] as number) : Atomics.load(words, index);
}

/** Stores with release ordering: what we wrote before is seen by whoever sees this. */
export function store(words: Int32Array, index: number, value: number): void {
  if (ORDERED) words[index] = value;
  else Atomics.store(words, index, value);
}

const longViews = new WeakMap<ArrayBufferLike, BigInt64Array>();

/** The same memory as pairs of words, the lower word in the lower half: for a CAS of two words at once. Slow, as all that makes a BigInt. */
export function longs(words: Int32Array): BigInt64Array {
  const { buffer } = words;
  let view = longViews.get(buffer);
  if (view === undefined) {
    view = new BigInt64Array(buffer, 0, Math.floor(buffer.byteLength / 8));
    longViews.set(buffer, view);
  }
  return view;
}

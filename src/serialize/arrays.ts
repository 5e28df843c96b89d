/** What an array is like beyond its elements. */
import { inspect } from 'node:util';

/** Up to this length holes are written one by one, however many. */
const DENSE_LIMIT = 1024;
/** Up to this length `Object.keys` is the quickest way to learn whether an array has keys besides its indices. */
const KEYS_LIMIT = 64;
const ONLY_EXTRA_KEYS = { maxArrayLength: 0, depth: 0, customInspect: false, breakLength: Number.POSITIVE_INFINITY };

/** Whether more than a quarter of an array are holes, judged from its start on; a dense array costs about 1 ns per element. */
export function isSparse(value: readonly unknown[]): boolean {
  if (value.length <= DENSE_LIMIT) return false;
  let holes = 0;
  for (let i = 0; i < value.length; i++) {
    if (value[i] === undefined && !Object.hasOwn(value, i) && ++holes > 64 + i / 4) return true;
  }
  return false;
}

/** The keys of an array that are no indices; undefined for none. There is no direct way to ask V8 for them. */
export function extraKeys(value: readonly unknown[]): string[] | undefined {
  const length = value.length;
  // util.inspect does know, and takes 700 ns however long the array is, where Object.keys takes 8 ns per element.
  if (length > KEYS_LIMIT && inspect(value, ONLY_EXTRA_KEYS) === `[ ... ${length} more items ]`) return undefined;
  const keys = Object.keys(value);
  // Indices come first. As many keys as elements, and the last of them an index: nothing else is there.
  if (keys.length === length && (length === 0 || keys[length - 1] === String(length - 1))) return undefined;
  const extra = keys.filter((key) => !isIndex(key));
  return extra.length === 0 ? undefined : extra;
}

/** Whether a key is an array index. */
export function isIndex(key: string): boolean {
  const index = Number(key);
  return Number.isInteger(index) && index >= 0 && index < 0xffffffff && String(index) === key;
}

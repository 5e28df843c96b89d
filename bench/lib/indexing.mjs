/** Nanoseconds per element read and written. */
export function indexing(array) {
  const start = performance.now();
  for (let pass = 0; pass < 10; pass++) for (let i = 0; i < array.length; i++) array[i] += i;
  return ((performance.now() - start) / (10 * array.length)) * 1e6;
}

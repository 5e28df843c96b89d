/**
 * The same count by one process, for comparison: no queues, no locks, no messages.
 */
import { countFile } from './count.mjs';
import { addTo, COLUMNS } from './worker.mjs';

/** Returns what `countWithMany` resolves to. `onProgress(done)` is called after every file. */
export function countWithOne(files, onProgress) {
  const table = new Map();
  const versions = new Map();
  const counters = new Float64Array(COLUMNS.length);
  for (const [number, path] of files.entries()) {
    const found = countFile(path, table);
    versions.set(number, found.version);
    addTo(counters, 0, found);
    onProgress(number + 1);
  }
  return { table, versions, rows: [Object.fromEntries(COLUMNS.map((column, index) => [column, counters[index]]))] };
}

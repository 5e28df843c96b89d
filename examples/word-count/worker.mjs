/**
 * What each worker process does: takes file names from a queue until it is closed, counts, and sends its findings back at the end.
 */
import { countFile } from './count.mjs';

/** The shared counters: one row per worker, these columns. */
export const COLUMNS = ['files', 'bytes', 'words', 'binary', 'skipped'];

/** A message carries at most this many words or files, so that none gets out of hand however many there are. */
const CHUNK = 20_000;

/**
 * The target of each Process. `names` yields `[number, path]`; `results` takes messages of the kinds `words`, `files` and, last, `done`;
 * `counters` is the shared array, guarded by `lock`; `row` is this worker's row in it.
 */
export function work(names, results, counters, lock, row) {
  const table = new Map();
  const versions = [];
  for (;;) {
    const name = take(names);
    if (name === undefined) break;
    const [number, path] = name;
    const found = countFile(path, table);
    versions.push([number, found.version]);
    lock.withLockSync(() => addTo(counters, row, found));
  }
  // Two columns instead of pairs: one string and one typed array travel much faster than thousands of small arrays.
  for (const entries of chunks([...table])) {
    const words = entries.map(([word]) => word).join(' ');
    results.putSync({ kind: 'words', words, counts: Float64Array.from(entries, ([, { count }]) => count) });
  }
  for (const part of chunks(versions)) results.putSync({ kind: 'files', versions: part });
  results.putSync({ kind: 'done' });
}

/** The next item, or undefined when the queue is closed and empty. */
function take(queue) {
  try {
    return queue.getSync();
  } catch (error) {
    if (error.code === 'ERR_FORKFUL_CLOSED') return undefined;
    throw error;
  }
}

/** Adds what became of one file to a row of counters. */
export function addTo(counters, row, { state, bytes, words }) {
  const at = row * COLUMNS.length;
  if (state === 'counted') {
    counters[at + COLUMNS.indexOf('files')] += 1;
    counters[at + COLUMNS.indexOf('bytes')] += bytes;
    counters[at + COLUMNS.indexOf('words')] += words;
  } else {
    counters[at + COLUMNS.indexOf(state)] += 1;
  }
}

function* chunks(array) {
  for (let at = 0; at < array.length; at += CHUNK) yield array.slice(at, at + CHUNK);
}

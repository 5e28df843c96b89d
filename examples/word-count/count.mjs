/**
 * Counting the words of one file: the work itself, the same for one process and for many.
 */
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { extname } from 'node:path';

const TEXT_EXTENSIONS = new Set(
  '.c .cc .cjs .cpp .css .csv .cts .h .hpp .htm .html .java .js .json .jsx .less .log .map .md .mjs .mts .py .rb .rs .rst .scss .sh .sql .svg .tex .toml .ts .tsv .tsx .txt .xml .yaml .yml'.split(
    ' ',
  ),
);

/** Without a known extension a file is text if there is no NUL byte in this many bytes at its start. */
const SNIFF_BYTES = 8192;

/**
 * Counts one file and adds its words to `table`. Returns what became of it:
 * - `{ state: 'counted', bytes, words, version }`
 * - `{ state: 'binary', bytes, words: 0, version }`: not a text, left out
 * - `{ state: 'skipped', bytes: 0, words: 0, version }`: unreadable; `version` is the error code
 *
 * A `version` that differs between two runs says that the file has been changed, or has come or gone, in between.
 */
export function countFile(path, table) {
  try {
    const fd = openSync(path, 'r');
    try {
      const { size, mtimeMs } = fstatSync(fd);
      const version = `${size} ${mtimeMs}`;
      if (!isText(path, fd)) return { state: 'binary', bytes: size, words: 0, version };
      const content = readFileSync(fd);
      return { state: 'counted', bytes: content.length, words: countWords(content, table), version };
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (error.code === undefined) throw error; // no system error: a mistake in here
    return { state: 'skipped', bytes: 0, words: 0, version: error.code };
  }
}

function isText(path, fd) {
  if (TEXT_EXTENSIONS.has(extname(path).toLowerCase())) return true;
  const start = Buffer.alloc(SNIFF_BYTES);
  const length = readSync(fd, start, 0, SNIFF_BYTES, 0);
  return !start.subarray(0, length).includes(0);
}

/** Adds to `table` the words of a text in UTF-8, in lower case. Returns how many. */
export function countWords(content, table) {
  let words = 0;
  for (const [word] of content
    .toString()
    .toLowerCase()
    .matchAll(/[\p{L}\p{N}_]+/gu)) {
    const entry = table.get(word);
    if (entry === undefined) table.set(copyOf(word), { count: 1 });
    else entry.count++;
    words++;
  }
  return words;
}

/** A slice of a text keeps the whole text in memory; a word that stays in the table should not. V8 slices from 13 characters on. */
function copyOf(word) {
  return word.length < 13 ? word : Buffer.from(word).toString();
}

#!/usr/bin/env node
/**
 * node examples/word-count/main.mjs [folder] [--workers n]
 *
 * Counts the words of all text files below a folder (this project's node_modules by default) with several processes: they take file names
 * from a queue, keep shared counters under a lock, and send their tables back through a second queue. Then one process does the same,
 * and both counts must agree to the last word.
 *
 * Exit code: 0 they agree; 1 they do not, or a worker has died; 2 wrong arguments.
 */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { backend, cpuCount, isMainProcess } from 'forkful';
import { listFiles, UsageError, warmUp } from './files.mjs';
import { countWithMany } from './many.mjs';
import { countWithOne } from './one.mjs';
import { addUp, showList, showTopWords, showWorkers, startProgress } from './report.mjs';

/** So often the count is made again without the files that somebody else has changed in between. */
const MAX_ROUNDS = 3;

if (isMainProcess) {
  try {
    process.exitCode = await main();
  } catch (error) {
    console.error(error instanceof UsageError ? error.message : `word-count: ${error.message}`);
    if (!(error instanceof UsageError) && process.env.DEBUG) console.error(error);
    process.exit(error instanceof UsageError ? 2 : 1);
  }
}

async function main() {
  const { folder, workers } = readArguments();
  const found = listFiles(folder);
  if (found.files.length === 0) throw new UsageError(`${folder}: there are no files below it`);
  console.log(`${found.files.length} files below ${folder}, ${workers} workers, ${backend} backend`);
  showList('Folders that cannot be read, left out:', found.unreadable);
  let files = found.files;
  warmUp(files);
  for (let round = 1; ; round++) {
    const many = await timed(`${workers} workers`, files, (onProgress) => countWithMany(files, workers, onProgress));
    const one = await timed('one process', files, (onProgress) => countWithOne(files, onProgress));
    const changed = files.filter((_, number) => many.versions.get(number) !== one.versions.get(number));
    if (changed.length === 0) return showResult(files, many, one);
    showList('Changed by somebody else between the two counts:', changed);
    if (round === MAX_ROUNDS) throw new Error(`files below ${folder} keep changing: no two counts of the same files were possible`);
    console.log('Counting again without them.');
    files = files.filter((file) => !changed.includes(file));
  }
}

async function timed(title, files, count) {
  const progress = startProgress(title, files.length);
  try {
    const result = await count(progress.update);
    return { ...result, seconds: progress.stop(true) };
  } catch (error) {
    progress.stop(false);
    throw error;
  }
}

function showResult(files, many, one) {
  showTopWords(many.table, 20);
  showWorkers(many.rows);
  const skipped = files.map((file, number) => ({ file, version: many.versions.get(number) })).filter(({ version }) => isErrorCode(version));
  showList(
    'Unreadable, skipped in both counts:',
    skipped.map(({ file, version }) => `${file}: ${version}`),
  );
  const differences = compare(many, one);
  console.log(
    `\n${many.rows.length} workers ${many.seconds.toFixed(2)} s, one process ${one.seconds.toFixed(2)} s: ` +
      `${(one.seconds / many.seconds).toFixed(2)} times as fast, on ${availableParallelism()} cores`,
  );
  showList('THE TWO COUNTS DISAGREE (many, one):', differences);
  if (differences.length === 0) console.log('Both counts agree, in every total and every word.');
  return differences.length === 0 ? 0 : 1;
}

/** Where the two counts differ, a line each: totals first, then words. */
function compare(many, one) {
  const totals = { many: addUp(many.rows), one: addUp(one.rows) };
  const differences = Object.keys(totals.one)
    .filter((column) => totals.many[column] !== totals.one[column])
    .map((column) => `${column}: ${totals.many[column]}, ${totals.one[column]}`);
  for (const word of new Set([...many.table.keys(), ...one.table.keys()])) {
    const counts = [many, one].map(({ table }) => table.get(word)?.count ?? 0);
    if (counts[0] !== counts[1]) differences.push(`"${word}": ${counts[0]}, ${counts[1]}`);
  }
  return differences;
}

/** A file that was read has a size and a time as its version; one that was not, the error code. */
function isErrorCode(version) {
  return /^E/.test(version);
}

function readArguments() {
  let given;
  try {
    given = parseArgs({ options: { workers: { type: 'string' } }, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error.message);
  }
  const { values, positionals } = given;
  if (positionals.length > 1) throw new UsageError(`one folder at a time, got ${positionals.length}: ${positionals.join(' ')}`);
  const workers = values.workers === undefined ? Math.max(2, cpuCount()) : Number(values.workers);
  if (!Number.isInteger(workers) || workers < 1 || workers > 64) throw new UsageError(`--workers must be 1 to 64, got ${values.workers}`);
  return { folder: positionals[0] ?? fileURLToPath(new URL('../../node_modules', import.meta.url)), workers };
}

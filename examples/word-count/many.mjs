/**
 * The count by several worker processes.
 */
import { constants } from 'node:os';
import { backend, Lock, Process, Queue, Array as SharedArray } from 'forkful';
import { COLUMNS, work } from './worker.mjs';

/**
 * Counts the files with `workers` processes. `onProgress(done)` is called ten times a second with the number of files dealt with.
 * Resolves to `{ table, versions, rows }`: word → `{ count }`, number of the file → version, and the counters by worker. Rejects when a worker ends before its work is done; the others are stopped then.
 */
export async function countWithMany(files, workers, onProgress) {
  const names = new Queue({ maxsize: 1000 });
  const results = new Queue();
  const counters = new SharedArray('d', workers * COLUMNS.length);
  const lock = new Lock();
  const processes = Array.from({ length: workers }, (_, row) => {
    return new Process({ target: work, args: [names, results, counters, lock, row], name: `word-count-${row + 1}` });
  });
  const ticker = setInterval(() => onProgress(filesDone(counters)), 100);
  try {
    await Promise.all(processes.map((worker) => worker.start()));
    const ended = Promise.all(processes.map(watch)).then(() => results.close());
    // The first to fail ends the wait: a worker that has died stops it even while the queues stand still.
    const [found] = await Promise.all([collect(results, workers), feed(names, files), ended]);
    return { ...found, rows: readRows(counters, workers) };
  } catch (error) {
    stop(processes);
    throw error;
  } finally {
    clearInterval(ticker);
  }
}

async function feed(names, files) {
  for (const [number, path] of files.entries()) await names.put([number, path]);
  names.close();
}

async function collect(results, workers) {
  const table = new Map();
  const versions = new Map();
  let done = 0;
  for await (const message of results) {
    if (message.kind === 'words') addWords(table, message.words.split(' '), message.counts);
    else if (message.kind === 'files') for (const [number, version] of message.versions) versions.set(number, version);
    else if (message.kind === 'done') done++;
  }
  // The queue was closed since all workers have ended.
  if (done < workers) throw new Error(`${workers - done} of ${workers} workers ended without sending all their results`);
  return { table, versions };
}

function addWords(table, words, counts) {
  words.forEach((word, index) => {
    const entry = table.get(word);
    if (entry === undefined) table.set(word, { count: counts[index] });
    else entry.count += counts[index];
  });
}

/** Resolves when the worker has come to the end of its work; rejects when it ends in any other way. */
async function watch(worker) {
  await worker.join();
  const { name, pid, exitCode } = worker;
  if (exitCode === 0) return;
  const signal = Object.keys(constants.signals).find((key) => constants.signals[key] === -exitCode);
  const how = signal ? `was killed by ${signal}` : `ended with exit code ${exitCode}`;
  throw new Error(`worker ${name} (pid ${pid}) ${how} before its work was done`);
}

function stop(processes) {
  // On the JavaScript backend the workers are threads of this very process and end with it.
  if (backend !== 'native') return;
  for (const { pid, exitCode } of processes) {
    if (!pid || exitCode !== null) continue;
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
  }
}

function filesDone(counters) {
  // Read without the lock: a number that is a moment old does for a progress bar.
  return counters.reduce((sum, value, index) => sum + (isCountOfFiles(index % COLUMNS.length) ? value : 0), 0);
}

function isCountOfFiles(column) {
  return ['files', 'binary', 'skipped'].includes(COLUMNS[column]);
}

function readRows(counters, workers) {
  return Array.from({ length: workers }, (_, row) => {
    return Object.fromEntries(COLUMNS.map((column, index) => [column, counters[row * COLUMNS.length + index]]));
  });
}

/**
 * What the demo shows: progress while it counts, tables at the end.
 */
import cliProgress from 'cli-progress';
import Table from 'cli-table3';

const number = new Intl.NumberFormat('en');
const style = process.stdout.isTTY ? { compact: true } : { compact: true, head: [], border: [] };

/** A bar on a terminal, else a line every two seconds. `update(done)` may be called at any rate. */
export function startProgress(title, total) {
  const startedAt = performance.now();
  const seconds = () => (performance.now() - startedAt) / 1000;
  let shownAt = startedAt;
  const bar = process.stdout.isTTY ? new cliProgress.SingleBar({ format: `${title} {bar} {percentage}% | {value}/{total} files` }) : null;
  bar?.start(total, 0);
  const show = (done) => {
    if (bar) bar.update(done);
    else console.log(`${title}: ${number.format(done)} of ${number.format(total)} files`);
  };
  return {
    update(done) {
      const now = performance.now();
      if (now - shownAt < (bar ? 100 : 2000)) return;
      shownAt = now;
      show(done);
    },
    /** Ends the display; on success with the time it took, which is returned too. */
    stop(succeeded) {
      const took = seconds();
      if (succeeded) show(total);
      bar?.stop();
      if (succeeded) console.log(`${title}: ${took.toFixed(2)} s`);
      return took;
    },
  };
}

export function showTopWords(table, count) {
  const top = [...table].sort(([a, { count: m }], [b, { count: n }]) => n - m || (a < b ? -1 : 1)).slice(0, count);
  const shown = new Table({ head: ['word', 'times'], colAligns: ['left', 'right'], style });
  shown.push(...top.map(([word, entry]) => [word.length > 40 ? `${word.slice(0, 39)}…` : word, number.format(entry.count)]));
  console.log(`\nThe ${top.length} most frequent of ${number.format(table.size)} different words\n${shown}`);
}

export function showWorkers(rows) {
  const head = ['worker', 'files', 'bytes', 'words', 'not text', 'skipped'];
  const shown = new Table({ head, colAligns: ['left', ...head.slice(1).map(() => 'right')], style });
  const cells = (row) => [row.files, row.bytes, row.words, row.binary, row.skipped].map((value) => number.format(value));
  shown.push(...rows.map((row, index) => [index + 1, ...cells(row)]), ['together', ...cells(addUp(rows))]);
  console.log(`\nWhat each worker did\n${shown}`);
}

/** One row of counters from many. */
export function addUp(rows) {
  const total = { ...rows[0] };
  for (const row of rows.slice(1)) for (const column of Object.keys(total)) total[column] += row[column];
  return total;
}

/** At most ten lines of a list, and how many more there are. */
export function showList(title, lines) {
  if (lines.length === 0) return;
  console.log(`\n${title}`);
  for (const line of lines.slice(0, 10)) console.log(`  ${line}`);
  if (lines.length > 10) console.log(`  ... and ${number.format(lines.length - 10)} more`);
}

/** One run of vitest over some files, counted. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromVitest, none, oneFailure, sum } from './counts.mjs';
import { inProject } from './paths.mjs';
import { runShown } from './run.mjs';

/**
 * In a temporary directory of its own: whatever lies there afterwards is this run's doing. `node` is the program to run it with; `env` is added to
 * the environment. What is not over after `timeoutMs` is killed. `atEnd`: as for `runShown`.
 */
export async function runVitest(name, files, timeoutMs, { node = process.execPath, env = {}, atEnd = false } = {}) {
  title(`${name}: ${files.length} ${files.length === 1 ? 'file' : 'files'}`);
  if (files.length === 0) return none;
  const folder = mkdtempSync(join(tmpdir(), 'fkt-'));
  try {
    const report = join(folder, 'report.json');
    const settings = { ...process.env, FORKFUL_BACKEND: 'native', FORKFUL_REQUIRE_NATIVE: '1', TMPDIR: folder, ...env };
    const reporters = ['--reporter=./scripts/lib/vitest-reporter.mjs', '--reporter=json', `--outputFile.json=${report}`];
    const program = inProject('node_modules', 'vitest', 'vitest.mjs');
    const run = await runShown(node, [program, 'run', ...reporters, ...files.map((file) => inProject(file))], {
      env: settings,
      timeoutMs,
      atEnd,
    });
    if (run.timedOut) console.error(`${name}: killed, its time is over`);
    const counts = fromVitest(report, name);
    if (counts === null) console.error(`${name}: vitest left no report (exit code ${run.status}, signal ${run.signal})`);
    return withFailureIf(!run.ok, counts ?? oneFailure);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A run that ended badly has failed, even if no single test says so: an unhandled error, a crash, a time-out. */
export function withFailureIf(endedBadly, counts) {
  return endedBadly && counts.failed === 0 ? sum([counts, oneFailure]) : counts;
}

export function title(text) {
  console.log(`\n== ${text}`);
}

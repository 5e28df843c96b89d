/** How many tests passed, failed and were skipped, and what the failed ones said: adding up, and the one line that says so. */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { root } from './paths.mjs';

export const none = { passed: 0, failed: 0, skipped: 0, failures: [] };
export const oneFailure = { ...none, failed: 1 };

export function sum(counts) {
  return counts.reduce(
    (total, one) => ({
      passed: total.passed + one.passed,
      failed: total.failed + one.failed,
      skipped: total.skipped + one.skipped,
      failures: [...total.failures, ...(one.failures ?? [])],
    }),
    none,
  );
}

/** Says once more, at the end of a long output, what failed: whoever reads only the end of it needs to know. */
export function printFailures({ failures }) {
  if (failures.length > 0) console.log(`\n== what failed\n${failures.join('\n')}\n`);
}

/** `12 passed, 0 failed` or `12 passed, 0 failed, 3 skipped`. */
export function toLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** The counts in the last such line of a text, or null. */
export function fromText(text) {
  const found = [...text.matchAll(/^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$/gm)].at(-1);
  return found ? { passed: Number(found[1]), failed: Number(found[2]), skipped: Number(found[3] ?? 0) } : null;
}

/** The counts of a report by vitest's JSON reporter, or null when there is none. `run` names the run in what the failures say. */
export function fromVitest(reportFile, run) {
  let report;
  try {
    report = JSON.parse(readFileSync(reportFile, 'utf8'));
  } catch {
    return null;
  }
  // A file can fail without any of its tests: it does not load, or the leak check at its end finds something.
  const filesFailed = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + filesFailed.length,
    skipped: report.numTotalTests - report.numPassedTests - report.numFailedTests,
    failures: [...filesFailed.map((file) => told(run, file, file.message)), ...report.testResults.flatMap((file) => failuresIn(file, run))],
  };
}

function failuresIn(file, run) {
  const failed = file.assertionResults.filter((test) => test.status === 'failed');
  return failed.map((test) => told(run, file, `${test.fullName}\n${test.failureMessages.join('\n')}`));
}

function told(run, file, message) {
  return `${run}: ${relative(root, file.name)}: ${message.split('\n').slice(0, 25).join('\n  ')}`;
}

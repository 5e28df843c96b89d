/** How many tests passed, failed and were skipped: adding up, and the one line that says so. */
import { readFileSync } from 'node:fs';

export const none = { passed: 0, failed: 0, skipped: 0 };
export const oneFailure = { passed: 0, failed: 1, skipped: 0 };

export function sum(counts) {
  return counts.reduce(
    (total, one) => ({ passed: total.passed + one.passed, failed: total.failed + one.failed, skipped: total.skipped + one.skipped }),
    none,
  );
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

/** The counts of a report by vitest's JSON reporter, or null when there is none. */
export function fromVitest(reportFile) {
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
  };
}

/** What a test run prints: a line per file, failures in full, and for every skipped test why it was skipped. */
import { relative } from 'node:path';
import { DefaultReporter } from 'vitest/node';

export default class Reporter extends DefaultReporter {
  onTestRunEnd(testModules, unhandledErrors, reason) {
    super.onTestRunEnd(testModules, unhandledErrors, reason);
    const skipped = new Map();
    for (const testModule of testModules) {
      for (const test of testModule.children.allTests('skipped')) {
        const why = reasonFor(test);
        if (!skipped.has(why)) skipped.set(why, []);
        skipped.get(why).push(`${relative(process.cwd(), testModule.moduleId)}: ${test.fullName}`);
      }
    }
    for (const [why, tests] of skipped) {
      this.log(`\nskipped (${why}):`);
      for (const test of tests) this.log(`  ${test}`);
    }
  }
}

/** The note that the test gave to `skip()`, else what `itNative` and the like attached to it or to its group. */
function reasonFor(test) {
  const why = test.result().note ?? test.meta().skipReason;
  if (why) return why;
  return test.module.ok() ? 'no reason given' : 'its file or an earlier hook failed';
}

#!/usr/bin/env node
// node scripts/test-matrix.mjs [--others | lines...]
//
// Runs the tests of processes on every line of Node that forkful supports, on those named, or on all but the running one (which `npm test` has). Forking stands on what Node exports without promising
// it, so each line is tried. The last line is `N passed, N failed` or `N passed, N failed, N skipped`.
import { oneFailure, printFailures, sum, toLine } from './lib/counts.mjs';
import { LINES, nodeOfLine } from './lib/nodes.mjs';
import { setUp } from './lib/setup.mjs';
import { filesBelow } from './lib/stamp.mjs';
import { runVitest } from './lib/vitest.mjs';

const FILES = [/^test\/(fork|native)\//, /^test\/process\/(process|exit|target-forms)/, /^test\/memory\/fork/];
/** Some six minutes on a quiet machine. */
const LIMIT_MS = 30 * 60_000;

const lines = linesFor(process.argv.slice(2));
await setUp({ requireNative: true });
const files = filesBelow('test').filter((file) => file.endsWith('.test.ts') && FILES.some((pattern) => pattern.test(file)));
// side by side: much of their time goes by with waiting for processes to start
const results = await Promise.all(lines.map(test));
const total = sum(results);
printFailures(total);
console.log(toLine(total));
process.exitCode = total.failed > 0 ? 1 : 0;

async function test(line) {
  try {
    return await runVitest(`Node ${line}`, files, LIMIT_MS, { node: nodeOfLine(line), atEnd: true });
  } catch (error) {
    console.error(error.message);
    return oneFailure;
  }
}

function linesFor(words) {
  if (words.length === 0) return LINES;
  const running = Number(process.versions.node.split('.')[0]);
  return words[0] === '--others' ? LINES.filter((line) => line !== running) : words.map(Number);
}

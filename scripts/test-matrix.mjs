#!/usr/bin/env node
// node scripts/test-matrix.mjs [lines...]
//
// Runs the tests of processes on every line of Node that forkful supports, or on those named. Forking stands on what Node exports without promising
// it, so each line is tried. The last line is `N passed, N failed` or `N passed, N failed, N skipped`.
import { oneFailure, sum, toLine } from './lib/counts.mjs';
import { LINES, nodeOfLine } from './lib/nodes.mjs';
import { setUp } from './lib/setup.mjs';
import { filesBelow } from './lib/stamp.mjs';
import { runVitest } from './lib/vitest.mjs';

const FILES = [/^test\/(process|fork|native)\//, /^test\/memory\/fork/];
const LIMIT_MS = 6 * 60_000;

const lines = process.argv.length > 2 ? process.argv.slice(2).map(Number) : LINES;
await setUp({ requireNative: true });
const files = filesBelow('test').filter((file) => file.endsWith('.test.ts') && FILES.some((pattern) => pattern.test(file)));
const results = [];
for (const line of lines) {
  try {
    results.push(await runVitest(`Node ${line}`, files, LIMIT_MS, { node: nodeOfLine(line) }));
  } catch (error) {
    console.error(error.message);
    results.push(oneFailure);
  }
}
const total = sum(results);
console.log(toLine(total));
process.exitCode = total.failed > 0 ? 1 : 0;

#!/usr/bin/env node
// node scripts/test.mjs [terms...] [--backend js|native|both]
//
// Without terms: lint and types, then the suite on the native backend, on the JavaScript backend, a part of it once more with the
// portable parking, then the addon's own tests. With terms: the test files whose path contains one of them, on the native backend.
// The last line is `N passed, N failed` or `N passed, N failed, N skipped`.
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { fromText, none, oneFailure, printFailures, sum, toLine } from './lib/counts.mjs';
import { inProject } from './lib/paths.mjs';
import { runShown } from './lib/run.mjs';
import { setUp } from './lib/setup.mjs';
import { filesBelow } from './lib/stamp.mjs';
import { runVitest, title, withFailureIf } from './lib/vitest.mjs';

/** What the JavaScript backend does not have (processes, other programs), or what does not depend on a backend. */
const NATIVE_ONLY = [/^test\/architecture\.test\.ts$/, /^test\/(crash|helpers|interop|models|native)\//, /\.native\.test\.ts$/];
/** What exercises parking on every path. */
const PARKING = [/^test\/(sync|queue)\/(?!named-semaphore)/];
/** The whole suite is run as two lines of runs side by side, about as long as each other: this part of the native one, and what comes after it, beside the rest. None of it makes names that all of the machine sees. */
const SECOND_LINE = [/^test\/(arena|connection|memory|process|queue|serialize|util)\//, /^test\/shared\/(array|sharedctypes|struct|value)/];

/** All runs together: what hangs is killed in time for the last line to be printed. On a quiet machine they take about a fifth of it. */
const deadline = Date.now() + 60 * 60_000;
const timeLeft = () => Math.max(deadline - Date.now(), 1000);

const { terms, backend } = readArguments();
const total = await testAll();
printFailures(total);
console.log(toLine(total));
process.exitCode = total.failed > 0 ? 1 : 0;

async function testAll() {
  const wholeSuite = terms.length === 0;
  const backends = backend === 'both' ? ['native', 'js'] : [backend];
  const results = [];
  try {
    const problems = await setUp({ requireNative: backends.includes('native') });
    if (problems.dist !== null) {
      console.error(problems.dist);
      results.push(oneFailure);
    }
  } catch (error) {
    console.error(`setup: ${error.message}`);
    return oneFailure;
  }
  if (wholeSuite) results.push(await lint());
  const files = filesBelow('test').filter((file) => file.endsWith('.test.ts') && matches(file));
  if (files.length === 0) {
    console.error(wholeSuite ? 'there are no test files' : `no test file matches ${terms.join(' or ')}`);
    return sum([...results, oneFailure]);
  }
  if (wholeSuite && backends.length === 2) results.push(...(await twoLines(files)));
  else {
    if (backends.includes('native')) results.push(await runVitest('native backend', files, timeLeft()));
    if (backends.includes('js')) results.push(await onJs(files));
  }
  if (wholeSuite && backends.includes('native')) results.push(await addonTests());
  return sum(results);
}

/** Much of the time goes by with waiting for processes to start and to end, and a run has one test file at a time. */
async function twoLines(files) {
  const isSecond = (file) => matchesAny(SECOND_LINE, file);
  const beside = { env: { FORKFUL_TEST_BESIDE: '1' }, atEnd: true };
  const first = runVitest(
    'native backend, first part',
    files.filter((file) => !isSecond(file)),
    timeLeft(),
  );
  const second = (async () => [
    await runVitest('native backend, second part', files.filter(isSecond), timeLeft(), beside),
    await onJs(files, beside),
    await onSemaphores(files, beside),
  ])();
  return [await first, ...(await second)];
}

function onJs(files, options = {}) {
  const portable = files.filter((file) => !matchesAny(NATIVE_ONLY, file));
  return runVitest('JavaScript backend', portable, timeLeft(), { ...options, env: { ...options.env, FORKFUL_BACKEND: 'js' } });
}

function onSemaphores(files, options) {
  const parking = files.filter((file) => matchesAny(PARKING, file));
  const env = { ...options.env, FORKFUL_PARKING: 'semaphore' };
  return runVitest('native backend, parking on semaphores', parking, timeLeft(), { ...options, env });
}

function matchesAny(patterns, file) {
  return patterns.some((pattern) => pattern.test(file));
}

/** Passing is no test passed; failing is one failure for each of the two. */
async function lint() {
  title('lint and types');
  const biome = await runShown(inProject('node_modules', '.bin', 'biome'), ['check', '.'], { timeoutMs: timeLeft() });
  const tsc = await runShown(inProject('node_modules', '.bin', 'tsc'), ['-p', 'tsconfig.test.json', '--noEmit'], { timeoutMs: timeLeft() });
  return { ...none, failed: [biome, tsc].filter((run) => !run.ok).length };
}

/** The C++ tests of native/, by their own script, which prints the same last line. */
async function addonTests() {
  const script = inProject('scripts', 'test-native.mjs');
  if (!existsSync(script)) return none;
  title("the addon's own tests");
  const run = await runShown(process.execPath, [script], { timeoutMs: timeLeft(), capture: true });
  if (run.timedOut) console.error('test-native: killed, the time for all tests is over');
  return withFailureIf(!run.ok, fromText(run.stdout) ?? oneFailure);
}

function matches(file) {
  return terms.length === 0 || terms.some((term) => file.includes(term));
}

function readArguments() {
  try {
    const { values, positionals } = parseArgs({ options: { backend: { type: 'string' } }, allowPositionals: true });
    const chosen = values.backend ?? (positionals.length > 0 ? 'native' : 'both');
    if (!['js', 'native', 'both'].includes(chosen)) throw new Error(`--backend must be js, native or both, got ${chosen}`);
    return { terms: positionals, backend: chosen };
  } catch (error) {
    console.error(`${error.message}\nusage: node scripts/test.mjs [terms...] [--backend js|native|both]`);
    process.exit(2);
  }
}

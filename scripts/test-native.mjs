#!/usr/bin/env node
// The C++ tests of native/os/, as plain programs under sanitizers, each with both ways of parking. The last line is `N passed, N failed`.
import { existsSync, mkdirSync } from 'node:fs';
import { fromText, none, oneFailure, sum, toLine } from './lib/counts.mjs';
import { inProject } from './lib/paths.mjs';
import { runShown } from './lib/run.mjs';
import { filesBelow, hashOf, readStamp, writeStamp } from './lib/stamp.mjs';

const FOLDER = '.cache/native-test';
const COMPILER = process.env.CXX ?? 'g++';
const FLAGS = ['-std=c++20', '-g', '-O1', '-Wall', '-Wextra', '-Werror', '-fno-omit-frame-pointer', '-pthread'];

/** A program of these tests, built so. The thread sanitizer cannot follow a process that forks, so it sees what threads alone can show. */
const BUILDS = [
  { name: 'address', flags: ['-fsanitize=address,undefined', '-fno-sanitize-recover=undefined'], tests: () => true },
  {
    name: 'thread',
    flags: ['-fsanitize=thread'],
    tests: (file) => /\/(main|parking_test|permit_waiter_test|waiter_thread_test|worker_pool_test)\.cc$/.test(file),
  },
];
const PARKINGS = ['futex', 'semaphore'];

/** Some twenty times what a run takes: whatever is not done by then hangs. */
const RUN_TIMEOUT_MS = 300_000;

const otherSystem = process.platform === 'linux' ? /_darwin\.cc$/ : /_linux\.cc$|\/parking_posix\.cc$/;

const programs = await Promise.all(BUILDS.map(build));
const results = [];
for (const program of programs) {
  for (const parking of PARKINGS) results.push(program === null ? oneFailure : await runTests(program, parking));
}
const total = sum(results);
console.log(toLine(total));
process.exitCode = total.failed > 0 ? 1 : 0;

/** Compiles a program unless it is there and up to date. Resolves to it, or to null with the compiler's complaints shown. */
async function build({ name, flags, tests }) {
  const ofSystem = filesBelow('native/os').filter((file) => !otherSystem.test(file));
  const sources = [...ofSystem, ...filesBelow('native/test').filter(tests)].filter((file) => file.endsWith('.cc'));
  const program = { name, path: inProject(FOLDER, name) };
  const stamp = `${FOLDER}/${name}.stamp`;
  const hash = hashOf(filesBelow('native/os', 'native/test'), COMPILER, ...FLAGS, ...flags, ...sources);
  if (readStamp(stamp) === hash && existsSync(program.path)) return program;
  console.log(`compiling the native tests with the ${name} sanitizer`);
  mkdirSync(inProject(FOLDER), { recursive: true });
  const result = await runShown(COMPILER, [...FLAGS, ...flags, ...sources, '-o', program.path, '-ldl'], { timeoutMs: 3 * RUN_TIMEOUT_MS });
  if (!result.ok) {
    console.error(`${COMPILER} failed: ${result.error?.message ?? `exit code ${result.status}`}`);
    return null;
  }
  writeStamp(stamp, hash);
  return program;
}

async function runTests({ name, path }, parking) {
  console.log(`\n${name} sanitizer, parking by ${parking}`);
  const run = await runShown(path, [parking], { timeoutMs: RUN_TIMEOUT_MS, capture: true });
  const counts = fromText(run.stdout);
  if (run.ok && counts !== null) return counts;
  console.error(run.timedOut ? `killed after ${RUN_TIMEOUT_MS / 1000} s` : `ended with exit code ${run.status}, signal ${run.signal}`);
  // A crash leaves no last line, and what a sanitizer finds at exit is not counted in it.
  return counts !== null && counts.failed > 0 ? counts : sum([counts ?? none, oneFailure]);
}

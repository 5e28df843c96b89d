/**
 * `npm run bench [-- terms]`: our cases and the rivals' in one run, each in fresh processes, in turn, several rounds; prints each figure's best
 * and the ratio to each rival beside the ratio that is aimed at. Ratios within one run mean something on a noisy machine; the figures alone do not.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { targets } from './targets.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const rounds = Number(process.env.BENCH_ROUNDS ?? 3);
const terms = process.argv.slice(2);
const wanted = targets.filter(({ metric }) => terms.length === 0 || terms.some((term) => metric.includes(term)));

const UNCONTENDED = ['rlock_', 'semaphore_pair', 'bounded_semaphore_', 'event_'];
const HANDED_OVER = ['semaphore_handover', 'condition_', 'barrier_'];
const runs = [
  ['forkful', process.execPath, [here('cases/lock.mjs')], ['lock_', 'locked_', 'with_lock']],
  ['C++', here('../build/bench/primitives'), ['lock'], ['lock_pair']],
  ['two Atomics', process.execPath, [here('cases/atomics-pair.mjs')], ['lock_pair']],
  ['CPython', 'python3', [here('peers/cpython.py'), 'lock'], ['lock_', 'locked_', 'with_lock']],
  ['forkful', process.execPath, [here('cases/sync.mjs')], UNCONTENDED],
  ['CPython', 'python3', [here('peers/cpython.py'), 'sync'], UNCONTENDED],
  ['forkful', process.execPath, [here('cases/hand-over.mjs')], HANDED_OVER],
  ['C++', here('../build/bench/primitives'), ['handover'], HANDED_OVER],
  ['CPython', 'python3', [here('peers/cpython.py'), 'handover'], HANDED_OVER],
  ['forkful', process.execPath, [here('cases/contended.mjs')], ['contended']],
  ['CPython', 'python3', [here('peers/cpython.py'), 'contended'], ['contended']],
  ['forkful', process.execPath, [here('cases/queue.mjs')], ['queue']],
  ['CPython', 'python3', [here('peers/cpython.py'), 'queue'], ['queue']],
  [undefined, process.execPath, [here('peers/node.mjs'), 'queue'], ['queue']],
  ['forkful', process.execPath, [here('cases/pipe.mjs')], ['pipe']],
  ['C++', here('../build/bench/primitives'), ['trip'], ['pipe']],
  ['CPython', 'python3', [here('peers/cpython_pipe.py')], ['pipe']],
  [undefined, process.execPath, [here('peers/node-pipe.mjs')], ['pipe']],
  ['CPython', 'python3', [here('peers/cpython_queues.py'), '2x2'], ['queue_int_2x2']],
  ['forkful', process.execPath, [here('cases/simple-queue.mjs')], ['simple_queue', 'joinable_queue']],
  ['CPython', 'python3', [here('peers/cpython_queues.py'), 'simple'], ['simple_queue', 'joinable_queue']],
  ['forkful', process.execPath, [here('cases/queue-ready.mjs')], ['ready_']],
  ['forkful', process.execPath, [here('cases/start.mjs')], ['start', 'answer', 'idle']],
  ['CPython', 'python3', [here('peers/cpython.py'), 'start'], ['start']],
  [undefined, process.execPath, [here('peers/node.mjs'), 'start'], ['start', 'idle']],
  ['forkful', process.execPath, [here('cases/array-shared.mjs')], ['array']],
  ['plain', process.execPath, [here('cases/array-plain.mjs')], ['array']],
  ['forkful', process.execPath, [here('cases/struct-shared.mjs')], ['struct', 'list']],
  ['DataView', process.execPath, [here('cases/struct-plain.mjs')], ['struct']],
  ['CPython', 'python3', [here('peers/cpython_shared.py')], ['struct', 'list']],
].filter(([, , , prefixes]) => wanted.some(({ metric }) => prefixes.some((prefix) => metric.startsWith(prefix))));

buildPrimitives();
printMachine();
/** `peer metric` to the best figure seen. */
const figures = new Map();
for (let round = 1; round <= rounds; round++) {
  for (const [peer, command, args] of runs) {
    process.stderr.write(`round ${round} of ${rounds}: ${peer ?? 'Node'} ${args.map((arg) => arg.split('/').pop()).join(' ')}\n`);
    const { stdout, status, error } = spawnSync(command, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 300_000,
    });
    if (error?.code === 'ENOENT') continue; // a rival that is not installed is left out
    if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed with ${status ?? error}`);
    for (const line of stdout.trim().split('\n')) record(peer, JSON.parse(line));
  }
}
printTable();

function record(peer, figure) {
  const key = `${figure.peer ?? peer} ${figure.metric}`;
  const known = figures.get(key);
  const better = figure.metric.endsWith('_per_s') ? Math.max : Math.min;
  figures.set(key, known === undefined ? figure.value : better(known, figure.value));
}

function printTable() {
  console.log('\n| figure | forkful | rival | ratio | aim | |\n|---|---|---|---|---|---|');
  for (const { metric, rival, rivalMetric = metric, fixed, atLeast, atMost } of wanted) {
    const ours = figures.get(`forkful ${metric}`);
    const theirs = fixed ?? figures.get(`${rival} ${rivalMetric}`);
    if (ours === undefined || theirs === undefined) continue;
    const ratio = ours / theirs;
    const hasAim = atLeast !== undefined || atMost !== undefined;
    const met = atLeast !== undefined ? ratio >= atLeast : ratio <= atMost;
    const aim = !hasAim ? '' : atLeast !== undefined ? `>= ${atLeast}` : `<= ${atMost}`;
    console.log(
      `| ${metric} | ${number(ours)} | ${rival} ${rivalMetric === metric ? '' : `${rivalMetric} `}${number(theirs)} | ${ratio.toFixed(2)} | ${aim} | ${!hasAim ? '' : met ? 'met' : 'MISSED'} |`,
    );
  }
}

function number(value) {
  return value >= 1000 ? Math.round(value).toLocaleString('en-US') : value.toFixed(2);
}

function buildPrimitives() {
  mkdirSync(here('../build/bench'), { recursive: true });
  const built = spawnSync('g++', ['-O2', '-std=c++17', here('peers/primitives.cc'), '-o', here('../build/bench/primitives')], {
    stdio: 'inherit',
  });
  if (built.error) process.stderr.write('no g++: the C++ floor is left out\n');
}

function printMachine() {
  const commit = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', cwd: here('..') }).stdout?.trim() || 'unknown';
  let python = 'no python3';
  try {
    python = execFileSync('python3', ['-V'], { encoding: 'utf8' }).trim();
  } catch {
    // left out, as every rival that is not installed
  }
  console.log(
    `${os.cpus()[0]?.model}, ${os.availableParallelism()} CPUs, ${os.type()} ${os.release()}; Node ${process.version}; ${python}; commit ${commit}; ${new Date().toISOString().slice(0, 10)}`,
  );
}

/** The models of test/models: finding their configurations, and letting Spin search one of them exhaustively. */
import { spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { inProject } from './paths.mjs';
import { tail } from './run.mjs';
import { filesBelow } from './stamp.mjs';

const CONFIGURATIONS = '.configurations.mjs';
/** What each program needs to be there, by the Debian package that has it. */
const PROGRAMS = [
  { command: 'spin', args: ['-V'], packageName: 'spin' },
  { command: 'gcc', args: ['--version'], packageName: 'gcc' },
];
/** The search's stack; what a configuration needs more of, it says. A search that does not get to its end proves nothing. */
const DEPTH = 1_000_000;
const MEMORY_MB = 3000;
/** 2^22 places in the hash table. */
const HASH_BITS = 22;

/** Searches under way and their folders: neither is left behind when a signal ends us. */
const folders = new Set();
const children = new Set();
function removeAll() {
  for (const child of children) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(signal === 'SIGINT' ? 130 : 143));
process.once('exit', removeAll);

/** The texts, one for each, that say what is missing here. */
export async function missingPrograms() {
  const missing = [];
  for (const { command, args, packageName } of PROGRAMS)
    if ((await run(command, args)).error !== undefined) missing.push(`${command} is not installed: apt-get install ${packageName}`);
  return missing;
}

/** All configurations, those of a model together. A model without any is an error. */
export async function allConfigurations() {
  const files = filesBelow('test/models');
  const found = [];
  for (const model of files.filter((file) => file.endsWith('.pml'))) {
    const name = basename(model, '.pml');
    const table = model.replace(/\.pml$/, CONFIGURATIONS);
    if (!files.includes(table)) throw new Error(`${model} has no ${basename(table)}`);
    const { default: configurations } = await import(inProject(table));
    for (const configuration of configurations) found.push({ ...configuration, model, name: `${name}: ${configuration.name}` });
  }
  return found;
}

/**
 * Searches all states of one. Resolves to what came out of it:
 * { found: 'holds' | 'error' | 'incomplete' | 'broken', text, states, seconds, trail }; the trail, of an error, is its last steps.
 */
export async function search(configuration, timeoutMs) {
  const startedAt = performance.now();
  const folder = mkdtempSync(join(tmpdir(), 'forkful-model-'));
  folders.add(folder);
  try {
    const outcome = await searchIn(folder, configuration, timeoutMs);
    return { states: 0, trail: '', ...outcome, seconds: (performance.now() - startedAt) / 1000 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
    folders.delete(folder);
  }
}

async function searchIn(folder, { model, defines, depth = DEPTH, reduce = false, quick }, timeoutMs) {
  const source = basename(model);
  copyFileSync(inProject(model), join(folder, source));
  const options = { cwd: folder, timeoutMs };
  const given = Object.entries(defines).map(([name, value]) => (value === true ? `-D${name}` : `-D${name}=${value}`));
  const made = await run('spin', ['-a', ...given, source], options);
  if (!made.ok) return { found: 'broken', text: `spin: ${tail(made.output)}` };
  // A verifier of a few hundred thousand states runs for less time than the compiler takes to make it fast. Partial-order reduction does not know of `unless`, by which a process dies at any step, so it is for those that ask for it.
  const flags = [quick ? '-O0' : '-O2', '-w', '-DSAFETY', '-DCOLLAPSE', `-DMEMLIM=${MEMORY_MB}`, ...(reduce ? [] : ['-DNOREDUCE'])];
  const compiled = await run('gcc', [...flags, '-o', 'pan', 'pan.c'], options);
  if (!compiled.ok) return { found: 'broken', text: `gcc: ${tail(compiled.output)}` };
  const searched = await run('./pan', [`-m${depth}`, `-w${HASH_BITS}`, '-n'], options);
  const result = read(searched);
  if (result.found !== 'error') return result;
  const replayed = await run('./pan', ['-r', '-n'], options);
  return { ...result, trail: tail(replayed.output.split('spin: trail ends')[0], 60) };
}

/** What the verifier's report says. */
function read({ ok, output, timedOut }) {
  if (timedOut) return { found: 'incomplete', text: 'out of time' };
  const states = Math.round(Number(/^\s*([\d.e+]+) states, stored/m.exec(output)?.[1] ?? 0));
  const errors = /errors: (\d+)/.exec(output);
  if (errors !== null && Number(errors[1]) > 0)
    return { found: 'error', text: /^pan:\d+: (.*?)(?: \(at depth \d+\))?$/m.exec(output)?.[1] ?? '', states };
  const short = /max search depth too small|out of memory|reached -DMEMLIM|Search not completed/.exec(output);
  if (short !== null) return { found: 'incomplete', text: short[0], states };
  if (!ok || errors === null) return { found: 'broken', text: `pan: ${tail(output)}` };
  return { found: 'holds', text: '', states };
}

/** Resolves to whether a command succeeded, and all it wrote; never rejects. */
function run(command, args, { cwd, timeoutMs } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    children.add(child);
    let output = '';
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, timeoutMs ?? 60_000);
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
    const finish = (status, error) => {
      clearTimeout(timer);
      children.delete(child);
      resolve({ ok: status === 0, output, timedOut, error });
    };
    child.once('error', (error) => finish(null, error));
    child.once('close', (status) => finish(status, undefined));
  });
}

#!/usr/bin/env node
// node scripts/fuzz.mjs [--inputs N] [--seed N] [--only codec|framing|handshake|listener]
//
// Feeds mutated bytes, a million unless told otherwise, to all that reads what a peer sends: the decoder of objects, the framing, the handshake, and a
// listener over real sockets. Each input must end in a value or in the error that stands for it, within two seconds; memory must not grow, a peer without
// the key must not get through, and no prototype may change. A failure prints what makes it again. The last line is `N passed, N failed`.
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { none, oneFailure, sum, toLine } from './lib/counts.mjs';
import { inProject } from './lib/paths.mjs';
import { setUp } from './lib/setup.mjs';

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(randomInt(1, 2 ** 30)) },
    only: { type: 'string' },
  },
});
/** What part of the inputs each gets. */
const TARGETS = { codec: 0.6, framing: 0.25, handshake: 0.149, listener: 0.001 };
/** A process that says nothing for so long hangs. */
const SILENCE_MS = 120_000;

const targets = Object.entries(TARGETS).filter(([name]) => values.only === undefined || values.only === name);
if (targets.length === 0) throw new RangeError(`--only must be one of ${Object.keys(TARGETS).join(', ')}, got ${values.only}`);
await setUp({ requireNative: false });
console.log(`seed ${values.seed}`);
const results = [];
for (const [name, part] of targets) {
  const count = values.only === undefined ? Math.max(1, Math.round(Number(values.inputs) * part)) : Number(values.inputs);
  results.push(await run(name, count));
}
const total = sum([none, ...results]);
console.log(toLine(total));
process.exitCode = total.failed > 0 ? 1 : 0;

/** In a process of its own, which a crash ends. Resolves to counts. */
async function run(name, count) {
  const program = inProject('test', 'fixtures', 'fuzz', 'run.mjs');
  // little memory: what grows shows
  const child = spawn(process.execPath, ['--expose-gc', '--max-old-space-size=256', program, name, String(count), values.seed], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let timer;
  let lastLine = '';
  const stayAwake = () => {
    clearTimeout(timer);
    timer = setTimeout(() => child.kill('SIGKILL'), SILENCE_MS);
  };
  stayAwake();
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stayAwake();
    lastLine = text.trimEnd().split('\n').at(-1);
  });
  const [code, signal] = await new Promise((resolve) => child.once('close', (...how) => resolve(how)));
  clearTimeout(timer);
  if (code === 0) {
    const { passed, failed, ...rest } = JSON.parse(lastLine);
    console.log(
      `${name}: ${passed} passed, ${failed} failed, ${Object.entries(rest)
        .map((one) => one.join(' '))
        .join(', ')}`,
    );
    return { ...none, passed, failed };
  }
  console.error(`${name}: ended with ${signal ?? code}, seed ${values.seed}; it last said ${lastLine}`);
  return oneFailure;
}

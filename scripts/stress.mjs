#!/usr/bin/env node
// node scripts/stress.mjs [--seconds N] [--kill] [--backend js|native] [--seed N] [--stall SECONDS]
//
// All primitives used at once by four processes of two threads each (js: eight threads), in promise and blocking forms, for two minutes unless told
// otherwise, with every invariant checked meanwhile; `--kill` kills one process each second and replaces it. One operation that takes longer than
// `--stall` (10) is a hang: the state of everything is printed then. Prints a table, and exits with 1 when anything was wrong. `slow` counts operations of
// more than 200 ms: a lost wake-up is made good by the next look, and shows there on a quiet machine. (At the barrier some run into their timeout.)
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { inProject } from './lib/paths.mjs';
import { setUp } from './lib/setup.mjs';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '120' },
    kill: { type: 'boolean', default: false },
    backend: { type: 'string', default: 'native' },
    seed: { type: 'string', default: String(randomInt(1, 2 ** 30)) },
    stall: { type: 'string', default: '10' },
  },
});
await setUp({ requireNative: values.backend === 'native' });
console.log(`${values.backend} backend, ${values.seconds} s${values.kill ? ', with kills' : ''}, seed ${values.seed}`);
const { exitCode, output } = await run();
const report = lastLine(output);
if (report === undefined) {
  console.error(`the stress itself ended with ${exitCode}\n${output}`);
  process.exitCode = 1;
} else {
  const { scenes, failures, ...totals } = report;
  console.table(scenes);
  console.log(
    Object.entries(totals)
      .map(([name, value]) => `${name} ${value}`)
      .join(', '),
  );
  for (const failure of failures) console.error(`FAILED: ${failure}`);
  process.exitCode = failures.length > 0 || exitCode !== 0 ? 1 : 0;
}

function run() {
  const { seconds, seed, stall, kill, backend } = values;
  const args = ['--seconds', seconds, '--seed', seed, '--stall', stall, ...(kill ? ['--kill'] : [])];
  const child = spawn(process.execPath, [inProject('test', 'fixtures', 'stress', 'run.mjs'), ...args], {
    env: { ...process.env, FORKFUL_BACKEND: backend },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  return new Promise((resolve) => child.once('close', (code, signal) => resolve({ exitCode: code ?? signal, output })));
}

function lastLine(text) {
  try {
    return JSON.parse(text.trimEnd().split('\n').at(-1));
  } catch {
    return undefined; // it ended otherwise than by itself
  }
}

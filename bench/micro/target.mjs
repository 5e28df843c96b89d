/**
 * Milliseconds that `start()` needs to find out which export a function is: the first function of a process, another one of the same module, and
 * the same one again. Each is to be had once per process only, so every round is a fresh one; the medians count.
 * `node bench/micro/target.mjs [case...]`
 */
import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { findFunction } from '../../dist/process/target.js';
import common from './targets/common.cjs';
import * as imported from './targets/module.mjs';

const ROUNDS = 15;

export function first() {}
export function second() {}

const cases = {
  'main module': { functions: { first, second } },
  'main module, in its top-level await': { functions: { first, second }, isAwaited: true },
  'imported ES module': { functions: imported },
  'CommonJS module': { functions: common },
  'main module, then an imported one': { functions: { first, second: imported.second } },
};

const [, program, ...terms] = process.argv;
const chosen = terms[0] === '--measure' ? cases[terms[1]] : undefined;
if (chosen === undefined) driver();
else if (chosen.isAwaited) await measure(chosen.functions);
else setImmediate(measure, chosen.functions);

async function measure(functions) {
  const times = [];
  for (const fn of [functions.first, functions.second, functions.first]) {
    const start = performance.now();
    await findFunction(fn, 'target function');
    times.push(performance.now() - start);
  }
  console.log(JSON.stringify(times));
}

function driver() {
  console.log(`${cpus()[0]?.model}, Node ${process.version}; ms, median of ${ROUNDS} processes`);
  console.log(row('', ['first', 'second', 'again']));
  for (const name of Object.keys(cases)) {
    if (terms.length > 0 && !terms.some((term) => name.includes(term))) continue;
    const rounds = Array.from({ length: ROUNDS }, () => measureIn(name));
    console.log(
      row(
        name,
        [0, 1, 2].map((column) => median(rounds.map((times) => times[column]))),
      ),
    );
  }
}

function measureIn(name) {
  return JSON.parse(execFileSync(process.execPath, [program, '--measure', name], { encoding: 'utf8' }));
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1].toFixed(3);
}

function row(name, columns) {
  return name.padEnd(38) + columns.map((column) => column.padStart(10)).join('');
}

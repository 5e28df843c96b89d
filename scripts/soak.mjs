#!/usr/bin/env node
// node scripts/soak.mjs [--node <line>...] [--all] [--children N] [--forks N]
//
// Thousands of forked children with mixed work, while servers are killed, on the running Node, on those lines named, or on all; about two minutes per
// line on a quiet machine. Prints a table, and exits with 1 when any child ended otherwise than it should.
import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';
import { LINES, nodeOfLine } from './lib/nodes.mjs';
import { inProject } from './lib/paths.mjs';
import { setUp } from './lib/setup.mjs';

/** What is on its way when one looks. */
const PASSING_FILES = 2;
/** Copies that grow with their number would leak; a garbage-collected heap settles only roughly. */
const MOST_GROWTH_KB = 1024;

const { values } = parseArgs({
  options: {
    node: { type: 'string', multiple: true },
    all: { type: 'boolean' },
    children: { type: 'string', default: '2000' },
    forks: { type: 'string', default: '500' },
  },
});
await setUp({ requireNative: true });
const lines = values.all ? LINES : (values.node ?? [process.versions.node.split('.')[0]]);
const rows = [];
for (const line of lines) rows.push(await soak(nodeOfLine(Number(line))));
console.table(rows.map(({ failures, ...row }) => ({ ...row, wrong: failures.length })));
for (const { node, failures } of rows) for (const failure of failures) console.error(`${node}: ${failure}`);
process.exitCode = rows.some(({ failures }) => failures.length > 0) ? 1 : 0;

async function soak(node) {
  const startedAt = performance.now();
  const child = spawn(node, [inProject('test', 'fixtures', 'fork', 'soak', 'run.mjs'), values.children, values.forks], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    errors += text;
  });
  const exitCode = await new Promise((resolve) => child.once('close', (code, signal) => resolve(code ?? signal)));
  const lines = output.trimEnd().split('\n');
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  if (exitCode !== 0) return { node, seconds, failures: [`the soak itself ended with ${exitCode}`, ...lines] };
  for (const line of lines.slice(0, -1)) console.log(line);
  const { node: version, ended, wrong, hangs, unknown, kills, seen, perSecond } = JSON.parse(lines.at(-1));
  const { first, last, end } = seen;
  // what the children print of their expected errors is of no interest
  const unexpected = errors.split('\n').filter((text) => /could not be set up|Error: (?!expected$)|Warning/.test(text));
  if (wrong.length > 0 || hangs > 0) wrong.push(...unexpected);
  const failures = [...wrong, ...(hangs > 0 ? [`${hangs} children hung`] : [])];
  if (last.server > first.server + PASSING_FILES) failures.push(`the server has ${last.server} descriptors, had ${first.server}`);
  if (end.own > first.own) failures.push(`this process has ${end.own} descriptors, had ${first.own}`);
  if (last.memory > first.memory + MOST_GROWTH_KB)
    failures.push(`the server has ${last.memory} KB of memory of its own, had ${first.memory}`);
  return {
    node: version,
    children: ended,
    hangs,
    'servers killed': kills,
    'exit code unknown': unknown,
    'server: files': `${first.server} -> ${last.server}`,
    'server: KB': `${first.memory} -> ${last.memory}`,
    'own files': `${first.own} -> ${end.own}`,
    'per s': perSecond.join(', '),
    seconds,
    failures,
  };
}

#!/usr/bin/env node
// node scripts/test-models.mjs [--quick] [terms...]
//
// Lets Spin search the models of test/models: all configurations, the quick ones only, or those whose name contains one of the terms.
// A line for each: name, what is expected, what came out, states, seconds. The last line is `N passed, N failed`.
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { none, oneFailure, sum, toLine } from './lib/counts.mjs';
import { allConfigurations, missingPrograms, search } from './lib/models.mjs';

/** For one configuration. None takes a tenth of it. */
const TIMEOUT_MS = 20 * 60_000;
/** A search has one thread, and may need much memory. */
const AT_A_TIME = Math.min(2, availableParallelism());

const total = await testAll();
console.log(toLine(total));
process.exitCode = total.failed > 0 ? 1 : 0;

async function testAll() {
  const missing = await missingPrograms();
  for (const text of missing) console.error(`the models cannot be searched: ${text}`);
  if (missing.length > 0) return oneFailure;
  const { quick, terms } = readArguments();
  const chosen = (await allConfigurations()).filter((one) => (!quick || one.quick) && matches(one.name, terms));
  if (chosen.length === 0) {
    console.error(`no configuration matches ${terms.join(' or ')}`);
    return oneFailure;
  }
  const width = Math.max(...chosen.map(({ name }) => name.length));
  const waiting = [...chosen];
  const results = [];
  const work = async () => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) results.push(await test(one, width));
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
  return sum(results);
}

async function test(configuration, width) {
  const { name, expect, finds = '' } = configuration;
  const { found, text, states, seconds, trail } = await search(configuration, TIMEOUT_MS);
  const ok = found === expect && text.includes(finds);
  const columns = [
    ok ? 'ok  ' : 'FAIL',
    name.padEnd(width),
    `expected ${expect}`.padEnd(14),
    `found ${found}`.padEnd(11),
    `${states.toLocaleString('en')} states`.padStart(18),
    `${seconds.toFixed(1)} s`.padStart(8),
  ];
  console.log(columns.join('  '));
  if (ok) return { ...none, passed: 1 };
  if (text !== '') console.log(`      ${text}`);
  if (expect === 'error' && found === 'error') console.log(`      expected to find: ${finds}`);
  else if (trail !== '') console.log(trail);
  return oneFailure;
}

function matches(name, terms) {
  return terms.length === 0 || terms.some((term) => name.includes(term));
}

function readArguments() {
  try {
    const { values, positionals } = parseArgs({ options: { quick: { type: 'boolean' } }, allowPositionals: true });
    return { quick: values.quick === true, terms: positionals };
  } catch (error) {
    console.error(`${error.message}\nusage: node scripts/test-models.mjs [--quick] [terms...]`);
    process.exit(2);
  }
}

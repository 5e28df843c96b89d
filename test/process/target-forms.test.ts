/** Targets in all the forms that modules and programs come in: entries without extension or behind a link, TypeScript, test runners. */
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { getAllStartMethods } from 'forkful';
import { describe, expect, onTestFinished, test } from 'vitest';
import { staticImports } from '../../src/process/module-text.js';
import { skipFor } from '../helpers/grid.js';
import { type ChildOptions, runChild } from '../helpers/watchdog.js';

const fixtures = fileURLToPath(new URL('../fixtures/', import.meta.url));
const stripsTypes = typeof (process.features as { typescript?: unknown }).typescript === 'string';
const noStripping = stripsTypes
  ? {}
  : { skip: true, meta: { skipReason: `Node ${process.versions.node} does not run TypeScript by itself` } };
const tsx = ['--import', 'tsx'];
/** Ten programs, one after the other, each of which starts a compiler. */
const MANY_MS = 240_000;
/** On Node 20 tsx has a Worker in the fork server too, which says so and is not used. */
const FALLS_BACK = { env: { NODE_NO_WARNINGS: '1' }, timeoutMs: MANY_MS };
const BESIDE_TSX = { fork: 'tsx has a Worker, which a copy would lack: ERR_FORKFUL_CANNOT_FORK' };
const NOT_IMPORTED = { fork: 'a copy imports nothing: see the conformance tests' };

async function run(program: string, args: string[], execArgv: string[] = [], rest: ChildOptions = {}): Promise<string[]> {
  const { stdout, stderr, exitCode } = await runChild(`process/${program}`, { args, execArgv, ...rest });
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
  return stdout.trim().split('\n');
}

describe.each(getAllStartMethods())('%s', (method) => {
  const ofTypeScript = [
    '0 own: done',
    '0 worked: done',
    '0 arrow: done',
    '0 default: done',
    '0 CommonJS: done',
    '0 worked: done',
    '0 CommonJS: done',
    '0 own: done',
    '0 subclass: done',
    'ERR_FORKFUL_TARGET',
  ];

  test.each(['program', 'commonjs/program'])('a main module whose file has no extension: %s', async (program) => {
    expect(await run(`forms/${program}`, [method])).toEqual(['0 done']);
  });

  test('a main module behind a link', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'forkful-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const link = join(folder, 'link.mjs');
    symlinkSync(join(fixtures, 'process/forms/program'), link);
    expect(await run(relative(join(fixtures, 'process'), link), [method])).toEqual(['0 done']);
  });

  test.each(['after', 'await'])('TypeScript run by Node itself (%s the evaluation of the main module)', noStripping, async (timing) => {
    // Node 22 warns that it is new
    expect(await run('forms/main.ts', [method, timing], ['--disable-warning=ExperimentalWarning'])).toEqual(ofTypeScript);
  });

  test('TypeScript run by tsx', { ...skipFor(method, BESIDE_TSX), timeout: MANY_MS + 10_000 }, async () => {
    const lines = await run('forms/main.ts', [method, 'await'], tsx, FALLS_BACK);
    if (method !== 'thread' || stripsTypes) expect(lines).toEqual(ofTypeScript);
    else {
      const refusal =
        /^ERR_FORKFUL_TARGET: A thread cannot load file:.*ts: before Node 22 tsx works in main threads only. Use start method 'spawn'/;
      expect(lines).toEqual([...ofTypeScript.slice(1).map(() => expect.stringMatching(refusal)), 'ERR_FORKFUL_TARGET']);
    }
  });

  test('TypeScript that tsx makes a CommonJS module of', { ...skipFor(method, BESIDE_TSX), timeout: MANY_MS + 10_000 }, async ({
    skip,
  }) => {
    skip(method === 'thread' && !stripsTypes, `tsx does not work in threads of Node ${process.versions.node}`);
    expect(await run('forms/commonjs/main.ts', [method], tsx, FALLS_BACK)).toEqual(['0 done', '0 default', '0 other']);
  });

  test('an unguarded main module is told so in its child', skipFor(method, NOT_IMPORTED), async () => {
    const { stdout, stderr, exitCode } = await runChild('process/forms/unguarded.mjs', { args: [method] });
    expect(stdout).toBe('1\n');
    expect(stderr).toContain('StateError: Cannot start Process-1:1: Process-1 is still importing the module of its target');
    expect(stderr).toContain('Guard the code of a main module: if (isMainProcess) { ... }');
    expect(stderr).toContain("code: 'ERR_FORKFUL_BOOTSTRAPPING'");
    expect(exitCode).toBe(0);
  });
});

test.each(['forks', 'threads'])('under vitest, pool %s', async (pool) => {
  const folder = join(fixtures, 'process/forms/vitest');
  const { stdout, exitCode } = await runChild('../../node_modules/vitest/vitest.mjs', {
    args: ['run', '--config', join(folder, 'vitest.config.mjs'), '--pool', pool, '--no-color'],
    env: { VITEST_POOL_ID: undefined, VITEST_WORKER_ID: undefined },
  });
  expect({ stdout, exitCode }).toEqual({ stdout: expect.stringMatching(/Tests +\d+ passed/), exitCode: 0 });
});

test.each([
  ['after', []],
  ['await', ['--enable-source-maps']],
])('most targets are found without the inspector, and nothing else is executed for it (%s)', async (timing, execArgv) => {
  const found = ['own', 'arrow', 'imported', 'byDefault', 'reexported', 'member', 'lazy', 'class'].map((what) => `${what}: started`);
  expect(await run('quick.mjs', [timing], execArgv)).toEqual([
    ...found,
    expect.stringMatching(/^unknown \d+: ERR_FORKFUL_TARGET, the inspector is asked$/),
    'true 1 mine and frames',
  ]);
});

describe('the modules that a text imports', () => {
  const list = (text: string, url = 'file:///a/b.mjs', name = 'work') =>
    staticImports(text, url, name).map((found) => found.replace('file:///a/', ''));

  test('are those in front of all other code', () => {
    const text = [
      '#!/usr/bin/env node',
      '// import "./comment.mjs"',
      "/* import c from './comment.mjs' */ 'use strict'",
      "import './bare.mjs'; import one from './one.mjs'",
      'import { two, three as four } from "./two.mjs";',
      "import five, * as six from '../six.mjs'",
      "import { seven } from './seven.mjs?x=1'",
      "import package from 'package'; import inner from '#inner'",
      "import data from './data.json' with { type: 'json' };",
      "import defer * as later from './later.mjs'",
      "import source module from './module.wasm'",
      "import type { Kind } from './kind.mjs'",
      "import from from './from.mjs'",
      "export { eight } from './eight.mjs'",
      "export * from 'file:///a/nine.mjs'",
      'export const text = `',
      "import { ten } from './ten.mjs'`",
      "import { eleven } from './eleven.mjs'",
    ].join('\n');
    expect(list(text)).toEqual(['one.mjs', 'two.mjs', 'file:///six.mjs', 'seven.mjs?x=1', 'from.mjs', 'eight.mjs', 'nine.mjs']);
  });

  test('none of what only looks like one', () => {
    for (const text of [
      "import('./a.mjs')",
      "import.meta.x; import a from './a.mjs'",
      "const a = 1; import b from './a.mjs'",
      "export const a = from './a.mjs'",
      "/* import a from './a.mjs'",
      "`\nimport a from './a.mjs'`",
      String.raw`import a from './\u0061.mjs'`,
      '',
    ])
      expect(list(text)).toEqual([]);
    expect(list("import a from './a.mjs'", 'file:///a/b.mjs?mocked')).toEqual([]);
  });

  test('of TypeScript only those that import the name', () => {
    const text = [
      "import { Kind } from './kind.ts'",
      "import { type work } from './type.ts'",
      "import { a, work as b } from './work.ts'",
    ].join('\n');
    expect(list(text, 'file:///a/b.ts')).toEqual(['work.ts']);
    expect(list("import work from './work.ts'", 'file:///a/b.mts')).toEqual(['work.ts']);
  });
});

/** Which targets are found, and how others are refused: by programs that Node itself loads. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { getAllStartMethods } from 'forkful';
import { describe, expect, test } from 'vitest';
import { seemsExported } from '../../src/process/module-text.js';
import { runChild } from '../helpers/watchdog.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const fixtures = new URL('../fixtures/process/', import.meta.url);

const CLASS_NAMES = { forkserver: 'ForkServerProcess', spawn: 'SpawnProcess', fork: 'ForkProcess', thread: 'ThreadProcess' };

describe.each(getAllStartMethods())('%s', (method) => {
  test.each(['after', 'await'])('every exported function is found by identity (%s the evaluation of the main module)', async (timing) => {
    const { stdout, stderr, exitCode } = await runChild('process/found.mjs', { args: [method, timing] });
    expect(stderr).toBe('');
    expect(stdout.trim().split('\n')).toEqual([
      'declared: declared',
      'renamed: renamed',
      'other name: with other name',
      'inner: inner',
      'default: default',
      'from another module: work',
      'exported twice: exported twice',
      're-exported: re-exported',
      'default of another: default of another',
      'factory-made: factory-made',
      'bound: work',
      'CommonJS member: CommonJS',
      'named by string: work',
      'named by URL: work',
      'named by path: work',
      'named in CommonJS: CommonJS',
      'subclass: subclass Subclass-n',
      'subclass from elsewhere: elsewhere [{"a":1}]',
      'subclass that calls super: declared and more',
      `process of a context: ${CLASS_NAMES[method]}-n`,
    ]);
    expect(exitCode).toBe(0);
  });

  test('a function of a CommonJS main module is found', async () => {
    expect(await runChild('process/main.cjs', { args: [method] })).toMatchObject({ stdout: '0 done\n', stderr: '', exitCode: 0 });
  });

  test('a program given by --eval can start what a module exports', async () => {
    const code = `
      import { Process, Queue } from 'forkful';
      const queue = new Queue();
      const module = ${JSON.stringify(new URL('exporter.mjs', fixtures).href)};
      for (const target of [{ module, name: 'work' }, (await import(module)).work]) {
        const p = await new Process({ target, args: [queue], method: '${method}' }).start();
        await p.join();
        console.log(p.exitCode, queue.tryGet());
      }
      await new Process({ target: function here() {} }).start().catch((error) => console.log(error.message));`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
      cwd: root,
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect(stderr).toBe('');
    expect(stdout.split('\n')).toEqual([
      '0 work',
      '0 work',
      expect.stringMatching(/^target function here comes from .*, which is no module that a child could load/),
      '',
    ]);
  });
});

test.each([
  ['', 'quick'],
  [', and at once for all others', 'slow'],
])('a function is found although a loader answers late for its module%s', async (_, pace) => {
  const { stdout, stderr, exitCode } = await runChild('process/late-loader.mjs', { args: [pace] });
  // newer versions of Node warn of module.register()
  expect({ stdout, exitCode }, stderr).toEqual({ stdout: 'factory-made\n', exitCode: 0 });
});

test.each(['after', 'await'])('what no child could find is refused, with advice (%s the evaluation of the main module)', async (timing) => {
  const { stdout } = await runChild('process/refused.mjs', { args: [timing] });
  const file = new URL('refused.mjs', fixtures).href;
  const make = new URL('make.mjs', fixtures).href;
  const prefix = 'TypeError ERR_FORKFUL_TARGET:';
  const notExported = (what: string, where: string, or: string) =>
    `${prefix} ${what} is not exported from ${where}: export it at the top level of that module, or ${or}`;
  const method = (name: string) =>
    `${prefix} target function ${name} is not exported from ${file}: it is a method. Export a function that calls it, or a subclass of Process that overrides run()`;
  const bound = (name: string) =>
    `${prefix} target function bound ${name} is bound, and no loaded module exports it. Export the function itself, and pass what was bound in args`;
  expect(stdout.trim().split('\n')).toEqual([
    notExported(
      'target function notExported',
      file,
      `pass { module: import.meta.url, name: 'notExported' } if it is exported in another way`,
    ),
    notExported('target function (anonymous)', file, "pass { module: import.meta.url, name: '...' } if it is exported in another way"),
    method('method'),
    method('computed'),
    notExported('target function arrow', file, "pass { module: import.meta.url, name: 'arrow' } if it is exported in another way"),
    notExported('target function outer', file, "pass { module: import.meta.url, name: 'outer' } if it is exported in another way"),
    bound('notExported'),
    bound('outer'),
    `${prefix} target function max is native, and no loaded module exports it. Export a function that calls it`,
    `${prefix} target function outer is a Proxy, and no loaded module exports it. Export it, or a function that calls it`,
    notExported('target function (anonymous)', make, "pass { module: import.meta.url, name: '...' } if it is exported in another way"),
    `${prefix} target function anonymous comes from a string, which is no module that a child could load. Write it into a file, and export it there`,
    notExported('class NotExported', file, "pass { module: import.meta.url, name: 'NotExported' } if it is exported in another way"),
  ]);
});

test('the text of a module tells whether it may export a name', () => {
  const exporting = [
    'export function work() {}',
    'export async function work() {}',
    'export function* work() {}',
    'export const work = 1',
    'export let a = 1, work = 2',
    'export class work {}',
    'export default work',
    'export default async function work() {}',
    'export { work }',
    'export { a, work as b }',
    'export {\n  a,\n  work,\n};',
    'export const { work } = all',
    'module.exports = all',
    'exports.work = 1',
    'x;export function work() {}',
  ];
  const others = [
    'function work() {}',
    'export function workMore() {}',
    'export { homework }',
    'export const a = 1; const work = 2',
    'reexport function work() {}',
    '',
  ];
  expect(exporting.filter((text) => !seemsExported(text, 'work'))).toEqual([]);
  expect(others.filter((text) => seemsExported(text, 'work'))).toEqual([]);
  const twins = 'export async function work() {}; { function work() { return 1 } }; export const other = function work() { return 2 }';
  expect(
    ['async function work() {}', 'function work() { return 1 }', 'function work() { return 2 }', 'function work() { of another text }'].map(
      (source) => seemsExported(twins, 'work', source),
    ),
  ).toEqual([true, false, true, true]);
  const arrows = 'export const work = () => {}; start({ target: () => {} })';
  expect([seemsExported(arrows, 'work', '() => {}'), seemsExported(arrows, 'target', '() => {}')]).toEqual([true, false]);
  expect([
    seemsExported('export default () => {}', 'default'),
    seemsExported('export const $a = 1', '$a'),
    seemsExported(undefined, 'a'),
  ]).toEqual([true, true, false]);
});

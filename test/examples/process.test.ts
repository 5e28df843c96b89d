/** The programs that show Process. The numbers in brackets are those of examples/README.md. */
import { expect, test } from 'vitest';
import { itNative } from '../helpers/backends.js';
import { runExample } from '../helpers/examples.js';

const DONE = "When I'm done, I'm going to keep talking...";

const SPAWNED = [0, 1, 2, 3, 4, 5].flatMap((i) => [
  `calling myFunc from process n°: ${i}`,
  ...Array.from({ length: i }, (_, j) => `output from myFunc is :${j}`),
]);

test.each([
  ['process-function', '000-1'],
  ['process-subclass', '000-2'],
])('%s: the program ends after its child (%s)', async (name) => {
  const lines = await runExample(`seeds/${name}.mjs`);
  expect(lines).toHaveLength(3);
  expect(lines.filter((line) => line !== 'End of main process...')).toEqual(['I am Lyon', 'Hello future...']);
});

test('join: one after the other (000-3)', async () => {
  const lines = await runExample('seeds/join.mjs');
  expect(lines).toEqual(['I am Lyon', DONE, 'I am Kenneth', DONE, 'I was the main process, and I ended up executing']);
});

test('daemon: at its end the program waits for what it had not the patience to join (000-4)', async () => {
  const lines = await runExample('seeds/daemon.mjs');
  expect(lines).toEqual([1, 2, 3, 4, 5].flatMap((i) => [`I like num ${i}`, DONE]));
});

test('daemon-no-children: refused (000-5)', async () => {
  expect(await runExample('seeds/daemon-no-children.mjs')).toEqual([
    'StateError ERR_FORKFUL_DAEMON_CHILDREN: Lyon is daemonic: daemonic processes may not have children',
    'exit code 0',
  ]);
});

for (const [name, id] of [
  ['parent-pid', '001-1'],
  ['parent-pid-subclass', '001-2'],
])
  itNative(`${name}: the child's parent is the parent (${id})`, async () => {
    const lines = await runExample(`seeds/${name}.mjs`);
    expect(lines).toHaveLength(2);
    const parent = /^\[parent\] pid (\d+), parent's pid (\d+)$/.exec(lines[0] as string);
    const child = /^\[child Sweetie\] pid (\d+), parent's pid (\d+)$/.exec(lines[1] as string);
    expect(parent?.[2]).toBe(String(process.pid));
    expect(child?.[2]).toBe(parent?.[1]);
    expect(child?.[1]).not.toBe(parent?.[1]);
  });

itNative('exit-codes: returned, thrown, signalled (001-3)', async () => {
  const stderr = /^Process Process-\d+:\n.*\nError: this one fails on purpose\n/s;
  expect(await runExample('seeds/exit-codes.mjs', { stderr })).toEqual([
    'join before start: ERR_FORKFUL_NOT_STARTED',
    'while it runs: join false, exit code null',
    'afterwards: join true, exit code 0',
    'process.exit(3): 3',
    'process.exit(300): 44',
    'uncaught error: 1',
    'terminate(): -15',
    'kill(): -9',
    'join of oneself: ERR_FORKFUL_NOT_PARENT',
  ]);
});

itNative('process-states: initial, started, stopped, closed (001-27)', async () => {
  const lines = await runExample('seeds/process-states.mjs');
  expect(lines.map((line) => line.replaceAll(/=\d{2,}/g, '=N'))).toEqual([
    "<Process name='Ada' parent=N initial>",
    "<Process name='Ada' pid=N parent=N started>",
    "<Process name='Ada' pid=N parent=N stopped exitcode=0>",
    "<Process name='Ada' parent=N closed>",
    "<Process name='Bob' pid=N parent=N started daemon>",
    "<Process name='Bob' pid=N parent=N stopped[SIGTERM] daemon>",
  ]);
});

itNative('process-tools: pid, parent, alive, children (002-1)', async () => {
  expect(await runExample('seeds/process-tools.mjs')).toEqual([
    'parent of the main process: null',
    'before start: pid undefined alive false',
    "the child says: my pid is p.pid true my parent's is yours true",
    'started: alive true among my children true',
    'terminated: alive false exit code -15 my children 0',
  ]);
});

test.each([
  ['spawning', '003-1'],
  ['spawning-module/main', '003-2'],
])('%s: six processes, one after the other (%s)', async (name) => {
  expect(await runExample(`seeds/${name}.mjs`)).toEqual(SPAWNED);
});

test('naming: a given name and a default one (003-3)', async () => {
  const lines = await runExample('seeds/naming.mjs');
  const names = ['myFunc process', 'Process-2'];
  expect(lines.toSorted()).toEqual(
    names.flatMap((name) => [`Starting process name = ${name}`, `Exiting process name = ${name}`]).toSorted(),
  );
  for (const name of names)
    expect(lines.indexOf(`Starting process name = ${name}`)).toBeLessThan(lines.indexOf(`Exiting process name = ${name}`));
});

test('main-process-name (003-4)', async () => {
  expect(await runExample('seeds/main-process-name.mjs')).toEqual(['MainProcess']);
});

const NO_BACKGROUND = ['Starting NO_background_process', ...[5, 6, 7, 8, 9].map((i) => `---> ${i}`), 'Exiting NO_background_process'];
const BACKGROUND = ['Starting background_process', ...[0, 1, 2, 3, 4].map((i) => `---> ${i}`), 'Exiting background_process'];

test('background: one that nobody joins is waited for, unless it is a daemon (003-5)', async () => {
  const lines = await runExample('seeds/background.mjs');
  expect(lines.filter((line) => NO_BACKGROUND.includes(line))).toEqual(NO_BACKGROUND);
  const others = lines.filter((line) => !NO_BACKGROUND.includes(line));
  expect(BACKGROUND.slice(0, -1)).toEqual(expect.arrayContaining(others));
});

test('background --no-daemon: both are waited for (003-5)', async () => {
  const lines = await runExample('seeds/background.mjs', { args: ['--no-daemon'] });
  expect(lines.filter((line) => NO_BACKGROUND.includes(line))).toEqual(NO_BACKGROUND);
  expect(lines.filter((line) => !NO_BACKGROUND.includes(line))).toEqual(BACKGROUND);
});

itNative('killing: what a process looks like before, meanwhile and afterwards (003-6)', async () => {
  const lines = await runExample('seeds/killing.mjs');
  const ofParent = lines.filter((line) => line.startsWith('Process '));
  expect(ofParent).toEqual([
    expect.stringMatching(/^Process before execution: <Process name='Process-1' parent=\d+ initial> false$/),
    expect.stringMatching(/^Process running: <Process name='Process-1' pid=\d+ parent=\d+ started> true$/),
    // the signal may have done its work by then
    expect.stringMatching(
      /^Process terminated: <Process name='Process-1' pid=\d+ parent=\d+ (started> true|stopped\[SIGTERM\]> (true|false))$/,
    ),
    expect.stringMatching(/^Process joined: <Process name='Process-1' pid=\d+ parent=\d+ stopped\[SIGTERM\]> false$/),
    'Process exit code: -15',
  ]);
  expect(lines).not.toContain('Finished function');
});

test('name-from-class: MyProcess-1 to MyProcess-10 (003-7)', async () => {
  const lines = await runExample('seeds/name-from-class.mjs');
  expect(lines).toEqual(Array.from({ length: 10 }, (_, i) => `called run method by MyProcess-${i + 1}`));
});

itNative('join-last: the program ends after all five (004-2)', async () => {
  const lines = await runExample('seeds/join-last.mjs');
  expect(lines[0]).toMatch(/^Parent process \d+\.$/);
  expect(lines.filter((line) => line === 'Process will start.')).toHaveLength(5);
  const children = lines.map((line) => /^Child process (\d) \((\d+)\) Running\.\.\.$/.exec(line)).filter((match) => match !== null);
  expect(children.map(([, name]) => name).toSorted()).toEqual(['0', '1', '2', '3', '4']);
  expect(new Set(children.map(([, , pid]) => pid)).size).toBe(5);
  const end = lines.indexOf('Process end.');
  expect(end).toBeGreaterThan(lines.findIndex((line) => line.startsWith('Child process 4 ')));
  expect(end).toBeGreaterThan(lines.lastIndexOf('Process will start.'));
  expect(lines).toHaveLength(12);
});

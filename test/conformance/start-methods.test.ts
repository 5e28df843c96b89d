/**
 * Start methods and contexts as CPython's tests have them, and what a program's own state is needed for: `TestStartMethod`, `TestNoForkBomb`, `TestFlags`,
 * `TestCloseFds`, `TestForkAwareThreadLock`, and the rest of `_TestProcess` and `_TestSubclassingProcess`. See docs/conformance.md.
 */
import { readFileSync } from 'node:fs';
import * as mp from 'forkful';
import { getAllStartMethods, getContext, getStartMethod, Process, Queue, type StartMethod, setForkserverPreload } from 'forkful';
import { expect, test } from 'vitest';
import { itNative } from '../helpers/backends.js';
import { grid, inThreads, type NotFor } from '../helpers/grid.js';
import { type ChildOptions, runChild, withWatchdog } from '../helpers/watchdog.js';

const module = new URL('../fixtures/conformance/targets.mjs', import.meta.url);
const WAIT_MS = 60_000;
const CLASS_NAMES = { forkserver: 'ForkServerProcess', spawn: 'SpawnProcess', fork: 'ForkProcess', thread: 'ThreadProcess' };
const WITHOUT_SERVER: NotFor = Object.fromEntries(['spawn', 'fork', 'thread'].map((method) => [method, 'it has no fork server']));

/** What the program tells, in a line of JSON. */
async function told(args: string[], options: ChildOptions = {}): Promise<unknown> {
  const { stdout, stderr, exitCode } = await runChild('conformance/programs.mjs', { args, timeoutMs: WAIT_MS, ...options });
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
  return JSON.parse(stdout);
}

async function run(p: Process): Promise<number | null> {
  await p.start();
  await withWatchdog(WAIT_MS, () => p, p.join());
  return p.exitCode;
}

const next = <T>(queue: Queue<T>): Promise<T> => queue.get({ timeout: WAIT_MS });

test('the start methods, the default first', () => {
  expect(getAllStartMethods()).toEqual(mp.backend === 'native' ? ['forkserver', 'spawn', 'fork', 'thread'] : ['thread']);
});

grid('a context: its method, itself as context, no other method, and its children have its method too', {}, async (method) => {
  const context = getContext(method);
  expect([context.getStartMethod(), context.getContext(), getContext(method)]).toEqual([method, context, context]);
  for (const other of getAllStartMethods()) {
    expect(() => context.setStartMethod(other)).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_CONTEXT' }));
    expect(context.getContext(other)).toBe(getContext(other));
  }
  const queue = new Queue();
  const p = new context.Process({ target: { module, name: 'tellMethod' }, args: [queue] });
  expect(p.name).toMatch(new RegExp(`^${CLASS_NAMES[method]}-\\d+$`));
  expect(await run(p)).toBe(0);
  expect(await next(queue)).toEqual([method, method, p.name]);
});

grid('processes of a context are numbered from 1, under its name', {}, async (method) => {
  expect(await told(['names', method])).toEqual([`${CLASS_NAMES[method]}-1`, `${CLASS_NAMES[method]}-2`]);
});

test('the method that is set is that of the default context, and of children', async () => {
  const expected = getAllStartMethods().map((method) => [method, method, method, 0, [method, method, 'it']]);
  expect(await told(['setGet'])).toEqual([null, ...expected]);
});

test('what is to be preloaded must be URLs, absolute paths or package names', () => {
  for (const bad of ['a/b.mjs', 5, null, [1], ['./a.mjs'], [''], [null]])
    expect(() => setForkserverPreload(bad as never)).toThrow(TypeError);
  setForkserverPreload([]);
});

grid(
  'a preloaded module is loaded by the fork server, once; a lock that it makes is no harm',
  { notFor: WITHOUT_SERVER },
  async (method) => {
    expect(await told(['preload', method, 'lock'])).toEqual([0, 'server']);
  },
);

grid('a module that cannot be preloaded is left out', { notFor: WITHOUT_SERVER }, async (method) => {
  expect(await told(['preload', method, 'broken'])).toEqual([0, null]);
});

grid('a queue made beside one context is used by processes of all', {}, async (method) => {
  const queue = new (getContext(method).Queue)();
  for (const other of getAllStartMethods()) {
    expect(await run(new (getContext(other).Process)({ target: { module, name: 'put' }, args: [queue, other] }))).toBe(0);
    expect(await next(queue)).toEqual([other]);
  }
});

grid('a child passes a queue on to a child of its own, of any method that it may start', {}, async (method) => {
  const queue = new Queue();
  // a copy needs a main thread to copy
  const others: StartMethod[] = getAllStartMethods().filter((other) => method !== 'thread' || other !== 'fork');
  for (const other of others) {
    expect(await run(new Process({ target: { module, name: 'passOn' }, args: [queue, other], method }))).toBe(0);
    expect(await next(queue)).toEqual(['from a grandchild']);
  }
});

grid(
  'a main module that forgot its guard: an error that says so, and no child of the child',
  { notFor: { fork: 'a copy does not import its main module: see below' } },
  async (method) => {
    const { stdout, stderr, exitCode } = await runChild('conformance/unguarded.mjs', { args: [method] });
    expect(stdout).toBe('');
    expect(stderr).toContain("code: 'ERR_FORKFUL_BOOTSTRAPPING'");
    expect(stderr).toContain('Guard the code of a main module: if (isMainProcess) { ... }');
    expect(exitCode).toBe(1);
  },
);

itNative('a main module that forgot its guard just works under fork', async () => {
  expect(await runChild('conformance/unguarded.mjs', { args: ['fork'] })).toMatchObject({ stdout: '123\n', stderr: '', exitCode: 0 });
});

grid('options of Node, and the environment, reach the grandchild', {}, async (method) => {
  const env = { FLAG_OF_THE_PARENT: 'yes' };
  expect(await told(['flags', method], { execArgv: ['--stack-trace-limit=7'], env })).toEqual([7, 'yes']);
  expect(await told(['flags', method], { env: { ...env, NODE_OPTIONS: '--stack-trace-limit=8' } })).toEqual([8, 'yes']);
});

grid('a file that the parent has opened is open in a copy only', inThreads('it has the descriptors of its process'), async (method) => {
  expect(await told(['open', method])).toBe(method === 'fork');
});

grid('listeners and children do not pile up over five generations', {}, async (method) => {
  const queue = new Queue<{ listeners: number; children: number }>();
  expect(await run(new Process({ target: { module, name: 'descend' }, args: [queue, 5, method], method }))).toBe(0);
  const generations = [];
  for (let i = 0; i < 6; i++) generations.push(await next(queue));
  expect(generations.map(({ children }) => children)).toEqual([0, 0, 0, 0, 0, 0]);
  const listeners = generations.map((one) => one.listeners);
  expect(Math.max(...listeners.slice(1))).toBeLessThanOrEqual(listeners[0] as number);
});

grid('target and arguments are let go of after the run', {}, async (method) => {
  expect(await told(['targetReference', method], { execArgv: ['--expose-gc'] })).toEqual([0, true]);
});

grid('a closed process can be collected', {}, async (method) => {
  expect(await told(['closedReference', method], { execArgv: ['--expose-gc'] })).toEqual([true]);
});

const LOST: Record<string, NotFor> = {
  closed: { thread: 'Node gives the descriptors to what the thread opens, and aborts' },
  destroyed: {},
  missing: {
    fork: "Node's fetch, which is tried before the first copy is made, asks process.stdout",
    thread: 'Node makes no Worker without process.stdout',
  },
};
for (const [how, notFor] of Object.entries(LOST))
  grid(`a parent that has its stdout and stderr ${how} has children that end well`, { notFor }, async (method) => {
    expect((await runChild('conformance/programs.mjs', { args: ['lostOutputs', method, how] })).exitCode).toBe(7);
  });

grid('the stack of an uncaught error is on stderr in full, with file and line', {}, async (method) => {
  const { stderr, exitCode } = await runChild('conformance/programs.mjs', { args: ['stderr', method] });
  const source = readFileSync(new URL('../fixtures/conformance/programs.mjs', import.meta.url), 'utf8').split('\n');
  const line = source.findIndex((text) => text.includes("RangeError('it broke')")) + 1;
  expect(stderr).toMatch(/^Process Ada:\n/);
  expect(stderr).toMatch(new RegExp(`RangeError: it broke\\n +at fail \\(.*programs\\.mjs:${line}:\\d+\\)`));
  expect(exitCode).toBe(1);
});

grid('what the parent has printed is printed once', {}, async (method) => {
  const { stdout, exitCode } = await runChild('conformance/programs.mjs', { args: ['flushing', method] });
  expect({ stdout, exitCode }).toEqual({ stdout: 'once\nand again\n', exitCode: 0 });
});

grid(
  'a process with Workers is not copied: their locks would be held for ever',
  { notFor: Object.fromEntries(['forkserver', 'spawn', 'thread'].map((one) => [one, 'it copies nothing of this process'])) },
  async (method) => {
    expect(await told(['beside', method])).toEqual(['ERR_FORKFUL_CANNOT_FORK', 0]);
  },
);

itNative('fork() returns twice', async () => {
  expect(await told(['fork', 'fork'])).toEqual([true, true]);
});

test('a context has what the module has', () => {
  const context = getContext(getStartMethod());
  const own = new Set(['Process', 'getContext', 'getStartMethod', 'setStartMethod']);
  for (const [name, value] of Object.entries(mp)) {
    if (own.has(name)) expect(context).toHaveProperty(name);
    else expect([name, context[name as keyof typeof context]]).toEqual([name, value]);
  }
  expect(context).toHaveProperty('setForkserverPreload', mp.setForkserverPreload);
  expect(context).toHaveProperty('fork', mp.fork);
});

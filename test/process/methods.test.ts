/** Start methods, contexts, the number of CPUs, the options that children inherit. */
import { inspect } from 'node:util';
import * as mp from 'forkful';
import { backend, cpuCount, getAllStartMethods, getContext, getStartMethod, Process, setExecutable, setStartMethod } from 'forkful';
import { afterEach, expect, test } from 'vitest';
import { cpuQuota } from '../../src/process/cpu-count.js';
import { inheritableOptions } from '../../src/process/start/node-options.js';
import { itNative } from '../helpers/backends.js';

afterEach(() => {
  setStartMethod(null, { force: true });
  delete process.env['FORKFUL_CPU_COUNT'];
});

test('the methods that work here, the default first', () => {
  expect(getAllStartMethods()).toEqual(backend === 'native' ? ['forkserver', 'spawn', 'fork', 'thread'] : ['thread']);
  expect(getStartMethod({ allowNone: true })).toBe(null);
  expect(getStartMethod()).toBe(getAllStartMethods()[0]);
  expect(getStartMethod({ allowNone: true })).toBe(getAllStartMethods()[0]);
});

test('the method is set once, unless forced', () => {
  setStartMethod('thread');
  expect(getStartMethod()).toBe('thread');
  expect(() => setStartMethod('thread')).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_START_METHOD_SET' }));
  setStartMethod('thread', { force: true });
  expect(() => setStartMethod('magic' as never)).toThrow(RangeError);
  expect(() => setStartMethod(7 as never)).toThrow(TypeError);
  expect(() => setStartMethod(null)).toThrow(TypeError);
});

test('a context has everything, bound to its method', () => {
  const context = getContext('thread');
  expect(getContext('thread')).toBe(context);
  expect(context.getContext()).toBe(context);
  expect(context.getContext('thread')).toBe(context);
  expect(context.getStartMethod()).toBe('thread');
  expect(() => context.setStartMethod('thread', { force: true })).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_CONTEXT' }));
  expect(() => getContext('magic' as never)).toThrow(RangeError);
  const p = new context.Process();
  expect(p).toBeInstanceOf(Process);
  expect(inspect(p)).toMatch(/^<ThreadProcess name='ThreadProcess-\d+' parent=\d+ initial>$/);
  const missing = Object.keys(mp).filter((name) => !(name in context));
  expect(missing).toEqual([]);
});

test('the default context is that of the method in use', () => {
  setStartMethod('thread');
  expect(getContext()).toBe(getContext('thread'));
});

test('processes use the method that is set, those of a context their own', async () => {
  setStartMethod('thread');
  const p = await new Process().start();
  expect(p.ident).not.toBe(p.pid);
  await p.join();
  const own = await new (getContext('thread').Process)().start();
  expect(own.pid).toBe(process.pid);
  await own.join();
});

itNative('setExecutable names the program; one that is not there is an error of start(), after which it can be started again', async () => {
  const p = new Process({ method: 'spawn' });
  try {
    setExecutable('/no/such/program');
    await expect(p.start()).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(p.join()).rejects.toMatchObject({ code: 'ERR_FORKFUL_NOT_STARTED' });
  } finally {
    setExecutable(null);
  }
  await p.start();
  await p.join();
  expect(p.exitCode).toBe(0);
  expect(() => setExecutable(5 as never)).toThrow('path must be the path of an executable, or null, got 5 (number)');
});

test('cpuCount is at least 1, and can be overridden', () => {
  expect(cpuCount()).toBeGreaterThanOrEqual(1);
  process.env['FORKFUL_CPU_COUNT'] = '7';
  expect(cpuCount()).toBe(7);
  for (const bad of ['0', '-1', '1.5', 'many']) {
    process.env['FORKFUL_CPU_COUNT'] = bad;
    expect(cpuCount).toThrow(new RangeError(`FORKFUL_CPU_COUNT must be a positive integer, got "${bad}"`));
  }
});

test('the quota of a control group, and of those around it', () => {
  const read = (files: Record<string, string>) => (path: string) => files[path];
  const none = Number.POSITIVE_INFINITY;
  expect(cpuQuota(read({}))).toBe(none);
  expect(cpuQuota(read({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': 'max 100000\n' }))).toBe(none);
  expect(cpuQuota(read({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '150000 100000\n' }))).toBe(1.5);
  const nested = {
    '/proc/self/cgroup': '0::/a/b\n',
    '/sys/fs/cgroup/a/cpu.max': '50000 100000\n',
    '/sys/fs/cgroup/a/b/cpu.max': '300000 100000\n',
  };
  expect(cpuQuota(read(nested))).toBe(0.5);
  const old = {
    '/proc/self/cgroup': '4:memory:/x\n3:cpu,cpuacct:/docker/x\n',
    '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '250000',
    '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000',
  };
  expect(cpuQuota(read(old))).toBe(2.5);
  expect(cpuQuota(read({ ...old, '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '-1' }))).toBe(none);
});

test('children inherit the options of Node that are not about this one process', () => {
  const kept = ['--enable-source-maps', '--max-old-space-size=100', '-r', './x.cjs', '--import', 'tsx', '-C', 'development'];
  expect(inheritableOptions(kept)).toEqual(kept);
  const own = [
    '--inspect',
    '--inspect-brk=9229',
    '--inspect-port',
    '9230',
    '--test',
    '--test-reporter',
    'spec',
    '--watch',
    '--watch-path=src',
    '--input-type=module',
    '-i',
  ];
  expect(inheritableOptions([...own, '-e', 'code', '-p', '1 + 1', '--eval=code', '-pe', 'code', '--trace-warnings'])).toEqual([
    '--trace-warnings',
  ]);
});

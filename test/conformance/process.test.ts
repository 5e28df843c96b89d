/**
 * Processes as CPython's tests have them: `_TestProcess`, `_TestSubclassingProcess`, `_TestPollEintr`, `_TestAtExit` and `TestStdinBadfiledescriptor` of
 * test/_test_multiprocessing.py, under every start method. What is compared, and what is not, is listed in docs/conformance.md.
 */
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import {
  activeChildren,
  cpuCount,
  currentProcess,
  parentProcess,
  Process,
  type ProcessOptions,
  Queue,
  type StartMethod,
  setExecutable,
  Value,
} from 'forkful';
import { expect, onTestFinished, test } from 'vitest';
import type { Datagrams } from '../../src/platform/platform.js';
import { platform } from '../../src/platform/select.js';
import { Upper } from '../fixtures/conformance/targets.mjs';
import { backend } from '../helpers/backends.js';
import { grid, inThreads, type NotFor } from '../helpers/grid.js';
import { withWatchdog } from '../helpers/watchdog.js';

const module = new URL('../fixtures/conformance/targets.mjs', import.meta.url);
const WAIT_MS = 60_000;
const LONG_MS = 180_000;
const NO_SERVER = 'it has no fork server';

function make(method: StartMethod, name: string, args: Iterable<unknown> = [], options: Partial<ProcessOptions> = {}): Process {
  return new Process({ target: { module, name }, args, method, ...options });
}

async function start(method: StartMethod, name: string, args: unknown[] = [], options: Partial<ProcessOptions> = {}): Promise<Process> {
  return await make(method, name, args, options).start();
}

async function end(p: Process): Promise<number | null> {
  await withWatchdog(WAIT_MS, () => p, p.join());
  return p.exitCode;
}

const next = <T>(queue: Queue<T>): Promise<T> => queue.get({ timeout: WAIT_MS });

test('the main process is alive, no daemon, and has a key, a pid and no exit code', () => {
  const main = currentProcess();
  expect([main.isAlive(), main.daemon, main.exitCode, main.ident, main.pid]).toEqual([true, false, null, process.pid, process.pid]);
  expect(main.authkey).toBeInstanceOf(Uint8Array);
  expect(main.authkey).toHaveLength(32);
});

grid(
  'children run the executable that was set, given as string, bytes or URL',
  { notFor: { fork: 'a copy starts no program', thread: 'a thread starts no program' } },
  async (method) => {
    const folder = mkdtempSync(join(tmpdir(), 'forkful-'));
    onTestFinished(() => {
      setExecutable(null);
      rmSync(folder, { recursive: true });
    });
    const path = join(folder, 'other-node');
    symlinkSync(process.execPath, path);
    const queue = new Queue();
    for (const form of [path, Buffer.from(path), pathToFileURL(path)]) {
      setExecutable(form);
      expect(await end(await start(method, 'tellExecutable', [queue]))).toBe(0);
      expect(await next(queue)).toBe(path);
    }
  },
);

grid('arguments arrive equal, whatever iterable they come in', {}, async (method) => {
  const queue = new Queue();
  const args = ['text', 7, [1, 'two', null], { key: new Map([[1, 'x']]) }, undefined, Number.NaN];
  const iterable = {
    *[Symbol.iterator]() {
      yield* [queue, ...args];
    },
  };
  for (const form of [[queue, ...args], new Set([queue, ...args]), iterable, [queue, ...args].values()]) {
    expect(await end(await make(method, 'put', form).start())).toBe(0);
    expect(await next(queue)).toEqual(args);
  }
});

grid('daemon is as the creator has it, unless it is given', {}, async (method) => {
  expect([new Process({ method }).daemon, new Process({ method, daemon: true }).daemon]).toEqual([false, true]);
  const queue = new Queue();
  for (const daemon of [true, false]) {
    expect(await end(await start(method, 'tellDaemons', [queue], { daemon }))).toBe(0);
    expect(await next(queue)).toEqual([daemon, daemon, false]);
  }
});

grid('a child knows the pid and the name of its parent; the main process has none', {}, async (method) => {
  expect(parentProcess()).toBe(null);
  const queue = new Queue();
  expect(await end(await start(method, 'tellParent', [queue]))).toBe(0);
  expect(await next(queue)).toEqual({ pid: process.pid, name: 'MainProcess', isNull: false });
});

grid(
  'a grandchild sees its parent alive, and then joins it when it was terminated',
  inThreads('it ends with its parent'),
  async (method) => {
    const queue = new Queue();
    const child = await start(method, 'haveWatcher', [queue, method]);
    expect(await next(queue)).toEqual(['alive', true]);
    child.terminate();
    expect(await end(child)).toBe(-15);
    expect(await next(queue)).toEqual(['joined', true, false]);
  },
);

grid('a process before, during and after its run', {}, async (method) => {
  const [queue, go] = [new Queue(), new Queue()];
  const p = make(method, 'putAndWait', [queue, go, 1, 2], { kwargs: { hello: 23, bye: 2.5 }, name: 'SomeProcess', daemon: true });
  expect([p.isAlive(), p.daemon, p.exitCode, p.pid, activeChildren()]).toEqual([false, true, null, undefined, []]);
  await p.start();
  expect([p.isAlive(), p.exitCode, activeChildren()]).toEqual([true, null, [p]]);
  const authkey = Buffer.from(currentProcess().authkey).toString('hex');
  expect(await next(queue)).toEqual([[1, 2, { hello: 23, bye: 2.5 }], { name: p.name, authkey, pid: p.pid, daemon: true }]);
  await go.put('go');
  expect(await end(p)).toBe(0);
  expect([p.isAlive(), activeChildren()]).toEqual([false, []]);
  expect(p.joinSync()).toBe(true);
});

grid('a key that was set is the child’s; text is none', {}, async (method) => {
  const [queue, go] = [new Queue<[unknown, { authkey: string }]>(), new Queue()];
  const p = make(method, 'putAndWait', [queue, go]);
  p.authkey = Buffer.from('secret');
  expect(() => {
    p.authkey = 'secret' as never;
  }).toThrow(TypeError);
  await p.start();
  expect((await next(queue))[1].authkey).toBe(Buffer.from('secret').toString('hex'));
  await go.put('go');
  expect(await end(p)).toBe(0);
});

for (const [way, exitCode] of [
  ['terminate', -15],
  ['kill', -9],
  ['interrupt', -2],
] as const) {
  grid(
    `${way}() ends it: neither alive nor active, exit code ${exitCode}; a join of no time returns at once before`,
    {},
    async (method) => {
      const queue = new Queue();
      const p = await start(method, 'runForEver', [queue], { daemon: true });
      await next(queue);
      for (const timeout of [0, -1])
        expect([await p.join({ timeout }), p.joinSync({ timeout }), p.isAlive()]).toEqual([false, false, true]);
      p[way]();
      expect(await end(p)).toBe(exitCode);
      expect([p.isAlive(), activeChildren(), await p.join(), p.exitCode]).toEqual([false, [], true, exitCode]);
    },
  );
}

test('the number of CPUs is a positive integer', () => {
  expect(Number.isInteger(cpuCount()) && cpuCount() > 0).toBe(true);
});

grid('activeChildren() contains a process from its start to its end only', {}, async (method) => {
  const go = new Queue();
  const p = make(method, 'waitFor', [go], { daemon: true });
  expect(activeChildren()).not.toContain(p);
  await p.start();
  expect(activeChildren()).toContain(p);
  await go.put('go');
  await end(p);
  expect(activeChildren()).not.toContain(p);
});

grid('children of children, depth first, and their names', { timeoutMs: LONG_MS }, async (method) => {
  const queue = new Queue();
  const p = await start(method, 'recurse', [queue, [], method]);
  const told: unknown[] = [];
  for (let i = 0; i < 7; i++) told.push(await next(queue));
  expect(await end(p)).toBe(0);
  const { name } = p;
  expect(told).toEqual([
    [[], name],
    [[0], `${name}:1`],
    [[0, 0], `${name}:1:1`],
    [[0, 1], `${name}:1:2`],
    [[1], `${name}:2`],
    [[1, 0], `${name}:2:1`],
    [[1, 1], `${name}:2:2`],
  ]);
});

grid('the sentinel is there from the start on, and readable once the process has ended', {}, async (method) => {
  const go = new Queue();
  const p = make(method, 'waitFor', [go]);
  expect(() => p.sentinel).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_NOT_STARTED' }));
  await p.start();
  const { sentinel } = p;
  expect([Number.isInteger(sentinel), p.sentinel]).toEqual([true, sentinel]);
  if (backend === 'js') {
    await go.put('go');
    await end(p);
    return; // it is no descriptor there
  }
  let isReady = false;
  const ready = new Promise<void>((resolve) => {
    const watch = (platform.datagrams as Datagrams).watch(sentinel, () => {
      isReady = true;
      watch.close();
      resolve();
    });
  });
  expect([await p.join({ timeout: 0 }), isReady]).toEqual([false, false]);
  await go.put('go');
  await withWatchdog(WAIT_MS, () => p, ready);
  expect(await end(p)).toBe(0);
  expect(p.sentinel).toBe(sentinel);
  p.close();
  expect(() => p.sentinel).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_CLOSED' }));
});

grid('close() is refused while it runs; afterwards it can be used no more, and closed again', {}, async (method) => {
  const go = new Queue();
  const p = await start(method, 'waitFor', [go]);
  expect(() => p.close()).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_RUNNING' }));
  await go.put('go');
  expect(await end(p)).toBe(0);
  p.close();
  const closed = { code: 'ERR_FORKFUL_CLOSED' };
  for (const use of [() => p.isAlive(), () => p.joinSync(), () => p.terminate()]) expect(use).toThrow(expect.objectContaining(closed));
  await expect(p.join()).rejects.toMatchObject(closed);
  p.close();
});

grid('many processes at once', { timeoutMs: LONG_MS }, async (method) => {
  const count = { forkserver: 100, spawn: 5, fork: 100, thread: 20 }[method]; // a thread has a heap of its own in the same process
  const ending = Array.from({ length: count }, () => make(method, 'nothing'));
  for (const p of ending) await p.start();
  for (const p of ending) expect(await end(p)).toBe(0);
  const queue = new Queue();
  const running = Array.from({ length: count }, () => make(method, 'waitFor', [queue]));
  for (const p of running) await p.start();
  for (const p of running) p.terminate();
  for (const p of running) expect(await end(p)).toBe(-15);
  expect(activeChildren()).toEqual([]);
});

grid(
  'concurrent children all have the same number of open descriptors',
  { notFor: { fork: 'a copy has all that its parent has, its hold on earlier children among it', thread: 'it has those of its process' } },
  async (method) => {
    const [queue, go] = [new Queue(), new Queue()];
    const children = Array.from({ length: 5 }, () => make(method, 'countDescriptors', [queue, go]));
    for (const p of children) await p.start();
    const counts = new Set<unknown>();
    for (const _ of children) counts.add(await next(queue));
    for (const _ of children) await go.put('go');
    for (const p of children) expect(await end(p)).toBe(0);
    expect([...counts]).toHaveLength(1);
  },
);

grid('a child waits for its timers and Workers before it ends, not for those that were unref’d', {}, async (method) => {
  const queue = new Queue();
  expect(await end(await start(method, 'leaveThingsBehind', [queue]))).toBe(0);
  expect([queue.getNowait(), queue.getNowait()].sort()).toEqual(['timer', 'worker']);
});

const LOST: Record<string, NotFor> = {
  closed: { thread: 'they are those of its process' },
  destroyed: {},
  missing: { thread: 'Node asks a Worker for them at its end' },
};
for (const [way, notFor] of Object.entries(LOST))
  grid(`a child that has its own stdout and stderr ${way} ends well`, { notFor }, async (method) => {
    expect(await end(await start(method, 'loseOutputs', [way]))).toBe(0);
  });

for (const [signal, exitCodes] of [
  ['SIGINT', [0]],
  ['SIGKILL', [0, 255]],
] as const) {
  grid(
    `a fork server hit by ${signal}: its child finishes, and the next one starts`,
    { notFor: { spawn: NO_SERVER, fork: NO_SERVER, thread: NO_SERVER } },
    async (method) => {
      const go = new Queue();
      const p = await start(method, 'waitFor', [go]);
      const [, server] = readFileSync(`/proc/${p.pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')
        .map(Number);
      expect(server).not.toBe(process.pid);
      process.kill(server as number, signal);
      await go.put('go');
      expect(exitCodes).toContain(await end(p));
      await go.put('go');
      expect(await end(await start(method, 'waitFor', [go]))).toBe(0);
    },
  );
}

grid('a subclass with queues of its own serves requests until it is told to stop', {}, async (method) => {
  const upper = new Upper({ method, daemon: true });
  await upper.start();
  for (const text of ['hello', 'world']) {
    await upper.requests.put(text);
    expect(await next(upper.answers)).toBe(text.toUpperCase());
  }
  await upper.requests.put(null);
  expect(await end(upper)).toBe(0);
});

grid('exit codes are taken modulo 256; null and nothing are 0; what Node refuses is an error, 1', {}, async (method) => {
  const expected = [
    [[], 0],
    [[undefined], 0],
    [[null], 0],
    [[0], 0],
    [[8], 8],
    [['8'], 8],
    [[300], 44],
    [[-1], 255],
    [[256], 0],
  ] as const;
  const codes = [];
  for (const [args] of expected) codes.push(await end(await start(method, 'exitWith', [...args])));
  expect(codes).toEqual(expected.map(([, code]) => code));
  for (const bad of [true, [1, 2], 'ignore this'])
    expect(await end(await start(method, 'exitWith', [bad], { name: 'expected-to-fail' }))).toBe(1);
});

grid('an exit hook that the child registered has run before join() returns', {}, async (method) => {
  const value = new Value('i', 0);
  expect(await end(await start(method, 'registerExitHook', [value]))).toBe(0);
  expect(value.value).toBe(1);
});

grid('signals that are handled during a join do not break it', {}, async (method) => {
  const seen = new Promise((resolve) => process.once('SIGUSR2', resolve));
  const ignore = () => {};
  process.on('SIGUSR2', ignore);
  onTestFinished(() => void process.off('SIGUSR2', ignore));
  const queue = new Queue();
  const p = await start(method, 'signalParent', [queue, 10]);
  expect([p.joinSync({ timeout: WAIT_MS }), p.exitCode]).toEqual([true, 0]);
  await withWatchdog(WAIT_MS, () => p, seen);
  expect(await end(p)).toBe(0);
  await next(queue);
});

grid('a child that has a queue of its own and a daemon that uses it ends well', {}, async (method) => {
  expect(await end(await start(method, 'haveDaemon', [method]))).toBe(0);
});

grid('inspect: initial, started, stopped, closed; what a child shows of itself', {}, async (method) => {
  const [go, queue] = [new Queue(), new Queue()];
  const p = make(method, 'waitFor', [go], { name: 'it' });
  expect(inspect(p)).toBe(`<Process name='it' parent=${process.pid} initial>`);
  await p.start();
  expect(inspect(p)).toBe(`<Process name='it' pid=${p.pid} parent=${process.pid} started>`);
  await go.put('go');
  await end(p);
  expect(inspect(p)).toBe(`<Process name='it' pid=${p.pid} parent=${process.pid} stopped exitcode=0>`);
  p.close();
  expect(inspect(p)).toBe(`<Process name='it' parent=${process.pid} closed>`);
  const other = await start(method, 'tellSelf', [queue], { name: 'me' });
  expect(await next(queue)).toBe(`<Process name='me' pid=${other.pid} started>`);
  await end(other);
});

grid(
  'inspect: unknown, in another process than the parent, which may not ask it anything either',
  { notFor: Object.fromEntries(['forkserver', 'spawn', 'thread'].map((one) => [one, 'objects that stand for processes are not sent'])) },
  async (method) => {
    const [queue, go] = [new Queue(), new Queue()];
    const other = await start(method, 'waitFor', [go], { name: 'other' });
    const ask = () => {
      let code: string | undefined;
      try {
        other.isAlive();
      } catch (error) {
        ({ code } = error as { code?: string });
      }
      queue.putSync([inspect(other), code]);
    };
    const p = await new Process({ target: ask, method }).start();
    expect(await next(queue)).toEqual([`<Process name='other' pid=${other.pid} parent=${process.pid} unknown>`, 'ERR_FORKFUL_NOT_PARENT']);
    await go.put('go');
    expect([await end(p), await end(other)]).toEqual([0, 0]);
  },
);

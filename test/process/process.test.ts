/** What a Process does, on every start method that works here; targets are named, since vitest, not Node, loads this file. */
import { inspect } from 'node:util';
import {
  activeChildren,
  currentProcess,
  getAllStartMethods,
  isMainProcess,
  Lock,
  parentProcess,
  Process,
  type ProcessOptions,
  Queue,
  Array as SharedArray,
  setStartMethod,
  type StartMethod,
} from 'forkful';
import { describe, expect, test } from 'vitest';
import { BLOCK_QUEUE, countBlocks } from '../../src/memory/block.js';
import { itNative } from '../helpers/backends.js';
import { Carrier, Counter, echo } from '../fixtures/process/targets.mjs';
import { skipFor } from '../helpers/grid.js';
import { withWatchdog } from '../helpers/watchdog.js';

const module = new URL('../fixtures/process/targets.mjs', import.meta.url);
const WAIT_MS = 60_000;
const NOT_ENCODED = { fork: 'a copy has the arguments themselves, as they are when it is made, soon after start() was called' };

/** A process that runs an export of targets.mjs. */
function make(name: string, args: Iterable<unknown> = [], options: Partial<ProcessOptions> = {}): Process {
  return new Process({ target: { module, name }, args, ...options });
}

async function exitCodeOf(p: Process): Promise<number | null> {
  await p.start();
  expect(await withWatchdog(WAIT_MS, () => p, p.join())).toBe(true);
  return p.exitCode;
}

describe.each(getAllStartMethods())('%s', (method: StartMethod) => {
  test('arguments arrive, as they were when start() was called', skipFor(method, NOT_ENCODED), async () => {
    const queue = new Queue();
    const job = { id: 1, when: new Date(5) };
    const p = make('echo', new Set<unknown>([queue, job, [1, null, undefined], 'text']), { method });
    const started = p.start();
    job.id = 2;
    await started;
    expect(await queue.get({ timeout: WAIT_MS })).toEqual([{ id: 1, when: new Date(5) }, [1, null, undefined], 'text']);
    expect(await p.join()).toBe(true);
    expect(p.exitCode).toBe(0);
  });

  test('named arguments come last, as one object; the target may be async', async () => {
    const queue = new Queue();
    expect(await exitCodeOf(make('echoLater', [queue, 1], { kwargs: { b: 2 }, method }))).toBe(0);
    expect(queue.getNowait()).toEqual([1, { b: 2 }]);
  });

  test('shared objects arrive as the same objects', async () => {
    const [array, lock, queue] = [new SharedArray('i', [41, 0]), new Lock(), new Queue<{ back: { lock: Lock } }>()];
    const nested = { lock, queue, map: new Map([['array', array]]) };
    expect(await exitCodeOf(make('useShared', [array, lock, queue, nested], { method }))).toBe(0);
    expect([...array]).toEqual([41, 42]);
    const answer = queue.getNowait();
    expect(answer).toMatchObject({ isSame: true, areKinds: true });
    expect(answer.back.lock).toBe(lock);
  });

  test('a child knows who it is, and who its parent is', async () => {
    const queue = new Queue<Record<string, unknown>>();
    const p = make('tellWhoIAm', [queue], { method, name: 'Ada', daemon: true });
    expect(await exitCodeOf(p)).toBe(0);
    const told = queue.getNowait();
    expect(told).toMatchObject({
      name: 'Ada',
      pid: p.pid,
      ident: p.ident,
      daemon: true,
      exitCode: null,
      isAlive: true,
      isMainProcess: false,
    });
    expect(told).toMatchObject({ parentName: 'MainProcess', parentPid: process.pid, parentIsAlive: true, argv: process.argv });
    expect(Buffer.from(told['authkey'] as Uint8Array)).toEqual(Buffer.from(currentProcess().authkey));
  });

  test('nested processes carry the numbers of their parents', async () => {
    const queue = new Queue<string>();
    const p = make('startChildren', [queue, method, 1], { method });
    expect(await exitCodeOf(p)).toBe(0);
    const names = [queue.getNowait(), queue.getNowait(), queue.getNowait()].sort();
    expect(names).toEqual([p.name, `${p.name}:1`, `${p.name}:2`]);
  });

  test('a daemonic process may not have children', async () => {
    const queue = new Queue();
    expect(await exitCodeOf(make('startChild', [queue], { method, daemon: true }))).toBe(0);
    expect(queue.getNowait()).toBe('ERR_FORKFUL_DAEMON_CHILDREN');
  });

  test('stdin is empty', async () => {
    const queue = new Queue();
    expect(await exitCodeOf(make('readStdin', [queue], { method }))).toBe(0);
    expect(queue.getNowait()).toBe('');
  });

  test.each([
    ['nothing', [], 0],
    ['exitWith', [0], 0],
    ['exitWith', [3], 3],
    ['exitWith', [300], 44],
    ['exitWith', [-1], 255],
    ['setExitCode', [7], 7],
    ['throwError', [], 1],
    ['throwValue', [], 1],
    ['reject', [], 1],
    ['throwLater', [], 1],
    ['neverSettle', [], 13],
  ])('exit code of %s(%j): %i', async (target, args, expected) => {
    expect(await exitCodeOf(make(target, args, { method, name: 'expected-to-fail' }))).toBe(expected);
  });

  test('a process without a target runs nothing', async () => {
    expect(await exitCodeOf(new Process({ method }))).toBe(0);
  });

  test('an uncaught error that the program handles does not end it', async () => {
    const queue = new Queue();
    expect(await exitCodeOf(make('handleOwnError', [queue], { method }))).toBe(0);
    expect(queue.getNowait()).toBe('handled');
  });

  test.each([
    ['terminate', -15, 'stopped[SIGTERM]'],
    ['kill', -9, 'stopped[SIGKILL]'],
    ['interrupt', -2, 'stopped[SIGINT]'],
  ] as const)('%s() ends it, even in an endless loop', async (way, exitCode, shown) => {
    const queue = new Queue();
    const p = make('spinForEver', [queue], { method });
    await p.start();
    await queue.get({ timeout: WAIT_MS });
    p[way]();
    expect(await p.join({ timeout: WAIT_MS })).toBe(true);
    expect(p.exitCode).toBe(exitCode);
    expect(inspect(p)).toContain(shown);
    p[way]();
    expect(p.exitCode).toBe(exitCode);
  });

  test('calls made before start() has resolved wait for it', async () => {
    const p = make('runForEver', [], { method });
    const started = p.start();
    expect(p.isAlive()).toBe(false);
    p.terminate();
    expect(await p.join({ timeout: WAIT_MS })).toBe(true);
    expect(await started).toBe(p);
    expect(p.exitCode).toBe(-15);
  });

  // a Worker that is terminated in the middle of reading a module leaves that open: the leak check of this file would see it
  test.each(['join', 'joinSync'] as const)('one that is ended while it loads ends, and leaves no file open: %s', async (form) => {
    for (let round = 0; round < 10; round++) {
      const p = make('runForEver', [], { method });
      await p.start();
      p.terminate();
      expect(await p[form]({ timeout: WAIT_MS })).toBe(true);
      expect(p.exitCode).toBe(-15);
    }
  });

  test('join gives up after its timeout, or with its signal, and can be repeated', async () => {
    const queue = new Queue();
    const p = make('waitFor', [queue], { method });
    await p.start();
    expect(await p.join({ timeout: 0 })).toBe(false);
    expect(await p.join({ timeout: 30 })).toBe(false);
    expect(p.joinSync({ timeout: 30 })).toBe(false);
    expect(p.joinSync({ timeout: -1 })).toBe(false);
    const reason = new Error('enough');
    const abort = new AbortController();
    const joined = p.join({ signal: abort.signal });
    abort.abort(reason);
    await expect(joined).rejects.toBe(reason);
    await expect(p.join({ timeout: Number.NaN })).rejects.toThrow('timeout must be a number of milliseconds, got NaN (number)');
    expect([p.isAlive(), p.exitCode]).toEqual([true, null]);
    await queue.put('go');
    expect(await p.join({ timeout: WAIT_MS })).toBe(true);
    expect(await p.join({ timeout: 0 })).toBe(true);
    expect([p.joinSync(), p.isAlive(), p.exitCode]).toEqual([true, false, 0]);
  });

  test.each([
    ['nothing', [], 0],
    ['print', ['\u001b[0m'], 0],
    ['exitWith', [300], 44],
    ['neverSettle', [], 13],
  ])('joinSync waits without the event loop: %s(%j) %i', async (target, args, exitCode) => {
    const p = make(target, args, { method, name: 'expected-to-fail' });
    await p.start();
    expect(p.joinSync({ timeout: WAIT_MS })).toBe(true);
    expect([p.exitCode, p.isAlive(), await p.join()]).toEqual([exitCode, false, true]);
  });

  test('joinSync after terminate()', async () => {
    const queue = new Queue();
    const p = make('runForEver', [queue], { method });
    await p.start();
    queue.getSync({ timeout: WAIT_MS });
    p.terminate();
    expect(p.joinSync({ timeout: WAIT_MS })).toBe(true);
    expect(p.exitCode).toBe(-15);
    await p.join();
  });

  test('a lock of a killed process goes to the next in line', async () => {
    const [lock, queue] = [new Lock(), new Queue()];
    const p = make('holdLock', [lock, queue], { method });
    await p.start();
    await queue.get({ timeout: WAIT_MS });
    p.kill();
    await p.join();
    await expect(lock.acquire({ timeout: WAIT_MS })).rejects.toMatchObject({ code: 'ERR_FORKFUL_OWNER_DIED' });
    lock.release();
  });

  test('activeChildren lists those that run', async () => {
    const queue = new Queue();
    const children = [1, 2, 3].map(() => make('waitForSync', [queue], { method }));
    expect(activeChildren()).toEqual([]);
    await Promise.all(children.map((child) => child.start()));
    expect(new Set(activeChildren())).toEqual(new Set(children));
    children[1]!.kill();
    await children[1]!.join();
    expect(new Set(activeChildren())).toEqual(new Set([children[0], children[2]]));
    queue.putSync(1);
    queue.putSync(2);
    await Promise.all(children.map((child) => child.join()));
    expect(activeChildren()).toEqual([]);
  });

  test('an argument that cannot be sent is named, and the process can be started nevertheless', skipFor(method, NOT_ENCODED), async () => {
    const args: unknown[] = [1, { callback: () => {} }];
    await expect(make('nothing', args, { method }).start()).rejects.toMatchObject({
      code: 'ERR_FORKFUL_SERIALIZATION',
      message: expect.stringContaining('Cannot send args[1].callback:'),
    });
    await expect(make('nothing', [], { kwargs: { f: () => {} }, method }).start()).rejects.toThrow('Cannot send kwargs.f:');
    await expect(new Carrier({ method }).start()).rejects.toThrow('Cannot send this.callback:');
  });

  test('a module or an export that is not there ends the child with exit code 1', async () => {
    expect(await exitCodeOf(make('noSuchExport', [], { method, name: 'expected-to-fail' }))).toBe(1);
    const p = new Process({ target: { module: new URL('no-such-file.mjs', module), name: 'x' }, method, name: 'expected-to-fail' });
    expect(await exitCodeOf(p)).toBe(1);
  });

  test('what CPython asserts has codes', async () => {
    const p = make('nothing', [], { method });
    await expect(p.join()).rejects.toMatchObject({ code: 'ERR_FORKFUL_NOT_STARTED' });
    for (const call of ['joinSync', 'terminate', 'kill', 'interrupt'] as const)
      expect(() => p[call]()).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_NOT_STARTED' }));
    const started = p.start();
    await expect(p.start()).rejects.toMatchObject({ code: 'ERR_FORKFUL_ALREADY_STARTED' });
    expect(() => {
      p.daemon = true;
    }).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_ALREADY_STARTED' }));
    expect(() => p.close()).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_RUNNING' }));
    await started;
    await p.join();
    await expect(p.start()).rejects.toMatchObject({ code: 'ERR_FORKFUL_ALREADY_STARTED' });
    p.close();
    p.close();
    for (const use of [() => p.pid, () => p.exitCode, () => p.isAlive(), () => p.joinSync(), () => p.terminate()]) {
      expect(use).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_CLOSED' }));
    }
    await expect(p.join()).rejects.toMatchObject({ code: 'ERR_FORKFUL_CLOSED' });
    expect([p.daemon, p.authkey.length]).toEqual([false, 32]);
    expect(inspect(p)).toBe(`<Process name='${p.name}' parent=${process.pid} closed>`);
  });

  test('inspect tells name, pids and state', async () => {
    const queue = new Queue();
    const p = make('waitFor', [queue], { method, name: 'it', daemon: true });
    expect(inspect(p)).toBe(`<Process name='it' parent=${process.pid} initial daemon>`);
    await p.start();
    expect(inspect(p)).toBe(`<Process name='it' pid=${p.pid} parent=${process.pid} started daemon>`);
    await queue.put(1);
    await p.join();
    expect(inspect(p)).toBe(`<Process name='it' pid=${p.pid} parent=${process.pid} stopped exitcode=0 daemon>`);
  });

  test('an instance of a subclass takes its properties along, shared objects among them', async () => {
    const queue = new Queue();
    const p = new Counter(queue, 4, { args: [1], kwargs: { b: 2 }, method });
    expect(await exitCodeOf(p)).toBe(0);
    expect(queue.getNowait()).toEqual({ sum: 8, args: [1, { b: 2 }], name: p.name, isMe: true, kind: 'Counter' });
  });

  test('many processes start at once with a function that a test runner has loaded in its own way', async () => {
    const queue = new Queue();
    const children = [1, 2, 3, 4].map((n) => new Process({ target: echo, args: [queue, n], method }));
    await Promise.all(children.map((child) => child.start()));
    for (const child of children) expect([child.joinSync(), child.exitCode]).toEqual([true, 0]);
    expect([1, 2, 3, 4].map(() => queue.getNowait()).sort()).toEqual([[1], [2], [3], [4]]);
    await Promise.all(children.map((child) => child.join()));
  });

  test('Workers that a child starts know that they are in it', async () => {
    const queue = new Queue();
    const p = make('startWorker', [queue], { method });
    expect(await exitCodeOf(p)).toBe(0);
    expect(queue.getNowait()).toEqual({ name: p.name, isMainProcess: false });
  });

  test('the children of a child are started in the way that was set', async () => {
    const queue = new Queue();
    setStartMethod(method);
    try {
      expect(await exitCodeOf(make('startChild', [queue]))).toBe(0);
    } finally {
      setStartMethod(null, { force: true });
    }
    expect(queue.getNowait()).toBe(`<Process name='grandchild' ${method === 'thread' ? 'in' : 'beside'} me>`);
  });

  test('nothing is left of the preparation of a child that was ended before it had read it', async () => {
    const lock = new Lock();
    const before = countBlocks(BLOCK_QUEUE);
    for (let i = 0; i < 5; i++) {
      const p = make('nothing', [lock], { method });
      await p.start();
      p.kill();
      await p.join();
    }
    expect(countBlocks(BLOCK_QUEUE)).toBeLessThanOrEqual(before);
  });

  test('await using waits for its end', async () => {
    let p: Process;
    {
      await using scoped = make('nothing', [], { method });
      p = await scoped.start();
    }
    expect(() => p.exitCode).toThrow('was closed');
  });
});

test('bad arguments are named', () => {
  const bad = (options: unknown) => () => new Process(options as ProcessOptions);
  expect(bad({ name: 5 })).toThrow('name must be a string, got 5 (number)');
  expect(bad({ args: 7 })).toThrow('args must be an array or another iterable, got 7 (number)');
  expect(bad({ args: 'text' })).toThrow("args must be an array or another iterable, got 'text' (string)");
  expect(bad({ daemon: 1 })).toThrow('daemon must be a boolean, got 1 (number)');
  expect(bad({ kwargs: 1 })).toThrow('kwargs must be an object, got 1 (number)');
  expect(bad({ target: 'work' })).toThrow("target must be a function, or { module, name }, got 'work' (string)");
  expect(bad({ argv: [] })).toThrow(
    'options must be an object with no keys but target, args, kwargs, name, daemon, method, got { argv: [] }',
  );
  expect(bad(() => {})).toThrow('options must be an object, got a function');
  expect(bad({ method: 'telepathy' })).toThrow(RangeError);
  expect(bad({ target: { module: './x.mjs', name: 'f' } })).toThrow(
    /target.module must be a URL, an absolute path or a package name .*new URL/,
  );
  expect(bad({ target: { module: '/x.mjs', name: 5 } })).toThrow('target.name must be a string');
  expect(bad({ target: { module: '/x.mjs', nam: 'f' } })).toThrow('target must be an object with the keys module and name only');
  expect(() => {
    new Process().name = 5 as never;
  }).toThrow('name must be a string, got 5 (number)');
  expect(() => {
    new Process().authkey = 'secret' as never;
  }).toThrow("authkey must be a Uint8Array, got 'secret' (string)");
});

test('names count every process that was made', () => {
  class Special extends Process {}
  const first = Number(new Process().name.split('-')[1]);
  const named = new Process({ name: 'Ada' });
  expect([named.name, new Process().name, new Special().name]).toEqual(['Ada', `Process-${first + 2}`, `Special-${first + 3}`]);
  named.name = 'Grace';
  expect(named.name).toBe('Grace');
});

test('the main process', async () => {
  const main = currentProcess();
  expect(main).toBe(currentProcess());
  expect([main.name, main.pid, main.ident, main.daemon, main.exitCode, main.isAlive()]).toEqual([
    'MainProcess',
    process.pid,
    process.pid,
    false,
    null,
    true,
  ]);
  expect([isMainProcess, parentProcess()]).toEqual([true, null]);
  expect(inspect(main)).toBe(`<Process name='MainProcess' pid=${process.pid} started>`);
  main.close();
  await expect(main.join()).rejects.toMatchObject({ code: 'ERR_FORKFUL_NOT_PARENT' });
  await expect(main.start()).rejects.toMatchObject({ code: 'ERR_FORKFUL_ALREADY_STARTED' });
});

test('run() can be called directly', () => {
  const seen: unknown[] = [];
  const p = new Process({ target: (...args: unknown[]) => seen.push(args), args: [1], kwargs: { a: 2 } });
  p.run();
  p.run(5);
  expect(seen).toEqual([[1, { a: 2 }], [5]]);
  expect(new Process().run()).toBeUndefined();
});

itNative('a signal from outside, SIGKILL among them, is its exit code', async () => {
  for (const [signal, exitCode] of [
    ['SIGKILL', -9],
    ['SIGUSR2', -12],
  ] as const) {
    const p = make('killMyself', [signal], { method: 'spawn' });
    expect(await exitCodeOf(p)).toBe(exitCode);
    expect(inspect(p)).toContain(`stopped[${signal}]`);
  }
});

itNative('the end of a process is seen without the event loop', async () => {
  const p = make('nothing', [], { method: 'spawn' });
  await p.start();
  const never = new Int32Array(new SharedArrayBuffer(4));
  while (p.exitCode === null) Atomics.wait(never, 0, 0, 1);
  expect([p.isAlive(), activeChildren(), await p.join()]).toEqual([false, [], true]);
});

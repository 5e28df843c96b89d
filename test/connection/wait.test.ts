import { type Connection, connection, Pipe, Process, Queue } from 'forkful';
import { describe, expect, it } from 'vitest';
import { currentAgent } from '../../src/arena/agent.js';
import { currentWaiting } from '../../src/arena/waiting.js';
import { payloadWord } from '../../src/memory/block.js';
import { handleOf, type Passable } from '../../src/serialize/passable.js';
import { RING_ITEMS } from '../../src/queue/ring.js';
import { grid } from '../helpers/grid.js';
import { withWatchdog } from '../helpers/watchdog.js';

const { wait, waitSync } = connection;
const module = new URL('../fixtures/connection/ends.mjs', import.meta.url);
const WAIT_MS = 60_000;
const patient = { timeout: WAIT_MS };

async function start(method: string, name: string, ...args: unknown[]): Promise<Process> {
  return await new Process({ target: { module, name }, args, method: method as 'spawn' }).start();
}

/** The flags of a queue's event count: 0, nobody is registered. */
function registered(queue: Queue): number {
  const events = payloadWord((queue as Passable)[handleOf]().offset) + RING_ITEMS;
  return ((currentAgent().region.words[events] as number) & 0x1ffff) + (currentWaiting().hasAsyncWaiters(events) ? 1 << 20 : 0);
}

describe('both forms', () => {
  it.each([
    ['wait', wait],
    ['waitSync', waitSync],
  ] as const)('%s: the ready ones in the order given, duplicates too; nothing is taken', async (_, call) => {
    const [[a, b], [c, d], queue, closed] = [Pipe(), Pipe(), new Queue(), new Queue()];
    b.sendSync(1);
    c.sendSync(2);
    await queue.put(3);
    closed.close();
    for (let i = 0; i < 2; i++) expect(await call([queue, b, d, a, a, closed, c])).toEqual([queue, d, a, a, closed]);
    expect([a.recvSync(), d.recvSync(), queue.getNowait()]).toEqual([1, 2, 3]);
    expect(await call(new Set([a, b, c, d, queue]), { timeout: 0 })).toEqual([]);
  });

  it.each([
    ['wait', wait],
    ['waitSync', waitSync],
  ] as const)('%s: of nothing there is nothing to wait for', async (_, call) => {
    expect(await call([])).toEqual([]);
    expect(await call([], { timeout: 60_000 })).toEqual([]);
  });

  it.each([
    ['wait', wait],
    ['waitSync', waitSync],
  ] as const)('%s: bad arguments, closed objects, aborted signals', async (_, call) => {
    const [a, b] = Pipe();
    const [reader, writer] = Pipe(false);
    const failure = async (...args: unknown[]): Promise<unknown> => {
      try {
        return await (call as (...all: unknown[]) => unknown)(...args);
      } catch (error) {
        return error;
      }
    };
    expect(await failure(1)).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE', message: expect.stringMatching(/^objects must be/) });
    expect(await failure([a, {}])).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE', message: expect.stringMatching(/^objects\[1\] must be/) });
    expect(await failure([a, 7])).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE', message: expect.stringMatching(/^objects\[1\] must be/) });
    expect(await failure([a], { timeout: 'x' })).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    expect(await failure([reader, writer])).toMatchObject({ code: 'ERR_FORKFUL_DIRECTION' });
    expect(await failure([new Process()])).toMatchObject({ code: 'ERR_FORKFUL_NOT_STARTED' });
    const reason = new Error('enough');
    expect(await failure([a], { signal: AbortSignal.abort(reason) })).toBe(reason);
    b.close();
    expect(await failure([b])).toMatchObject({ code: 'ERR_FORKFUL_CLOSED' });
    expect(await failure([a])).toEqual([a]);
  });
});

describe('the promise form', () => {
  it('is told by any of many, and leaves nothing registered', async () => {
    const pipes = Array.from({ length: 50 }, () => Pipe());
    const queues = Array.from({ length: 50 }, () => new Queue());
    const objects = [...pipes.map(([end]) => end), ...queues];
    for (const index of [0, 30, 49]) {
      const waiting = wait(objects);
      setImmediate(() => (pipes[index] as [Connection, Connection])[1].sendSync(index));
      expect(await waiting).toEqual([objects[index]]);
      expect((objects[index] as Connection).recvSync()).toBe(index);
      const more = wait(objects);
      setImmediate(() => void (queues[index] as Queue).put(index));
      expect(await more).toEqual([queues[index]]);
      expect((queues[index] as Queue).getNowait()).toBe(index);
    }
    expect(queues.map(registered)).toEqual(queues.map(() => 0));
  });

  it('is over in time, or by its signal, and leaves nothing registered', async () => {
    const queue = new Queue();
    const [a] = Pipe();
    expect(await wait([queue, a], { timeout: 20 })).toEqual([]);
    const controller = new AbortController();
    const waiting = wait([queue, a], { signal: controller.signal });
    expect(registered(queue)).not.toBe(0);
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    expect(registered(queue)).toBe(0);
  });

  it('fails when an object is closed here meanwhile', async () => {
    const [a] = Pipe();
    const [c] = Pipe();
    const waiting = wait([a, c]);
    c.close();
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_FORKFUL_CLOSED' });
    const queue = new Queue();
    const more = wait([queue]);
    queue[Symbol.dispose]();
    await expect(more).rejects.toMatchObject({ code: 'ERR_FORKFUL_CLOSED' });
  });

  it('and a recv of the same end each get what they are for', async () => {
    const [a, b] = Pipe();
    const [received, ready, more] = [a.recv(), wait([a]), a.recv()];
    b.sendSync(1);
    expect(await received).toBe(1);
    b.sendSync(2);
    b.sendSync(3);
    expect(await more).toBe(2);
    expect(await ready).toEqual([a]);
    expect(a.recvSync()).toBe(3);
  });

  it('says what was ready when it was told, though a recv behind it has taken that', async () => {
    const [a, b] = Pipe();
    const [ready, received] = [wait([a, b]), a.recv()];
    b.sendSync(1);
    expect([await ready, await received]).toEqual([[a], 1]);
    expect(await wait([a], { timeout: 0 })).toEqual([]);
  });

  it('of several who wait for the same all are told', async () => {
    const queue = new Queue();
    const waits = [wait([queue]), wait([queue]), wait([queue])];
    await queue.put(1);
    expect(await Promise.all(waits)).toEqual([[queue], [queue], [queue]]);
  });
});

grid('the blocking form is woken by another process, whichever of many it sends by', {}, async (method) => {
  const pipes = [Pipe(), Pipe(), Pipe()];
  const queue = new Queue();
  const objects = [...pipes.map(([end]) => end), queue];
  for (const [index, [, theirs]] of pipes.entries()) {
    const child = await start(method, 'sendLater', theirs, 50, index);
    expect(waitSync(objects, patient)).toEqual([objects[index]]);
    expect((objects[index] as Connection).recvSync()).toBe(index);
    await withWatchdog(WAIT_MS, () => child, child.join());
  }
  expect(registered(queue)).toBe(0);
});

grid('a Process is ready when it has ended, alone or among others, in both forms', {}, async (method) => {
  const [a, b] = Pipe();
  const sleepers = await Promise.all([0, 1, 2, 3].map(() => start(method, 'sendLater', b, 100, 1)));
  const [first, second, third, fourth] = sleepers as [Process, Process, Process, Process];
  expect(waitSync([first], patient)).toEqual([first]);
  expect(await wait([second], patient)).toEqual([second]);
  await wait([third, new Queue()], patient);
  expect(waitSync([new Queue(), third, fourth.sentinel], patient).length).toBeGreaterThan(0);
  for (const each of sleepers) await withWatchdog(WAIT_MS, () => each, each.join());
  for (let i = 0; i < 4; i++) expect(a.recvSync()).toBe(1);
  for (const each of sleepers) {
    const { sentinel } = each;
    expect(waitSync([a, each, sentinel])).toEqual([each, sentinel]);
    each.close();
    await expect(wait([each])).rejects.toMatchObject({ code: 'ERR_FORKFUL_CLOSED' });
    await expect(wait([sentinel])).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
  }
});

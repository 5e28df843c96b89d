import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import { ClosedError, getAllStartMethods, JoinableQueue, Lock, type LogRecord, Process, Queue, RawValue, registerClass } from 'forkful';
import { describe, expect, it } from 'vitest';
import { countBlocks, BLOCK_JOINABLE_QUEUE } from '../../src/memory/block.js';
import { withWatchdog } from '../helpers/watchdog.js';

const module = new URL('../fixtures/queue/tasks.mjs', import.meta.url).href;
const start = (method: string, name: string, args: unknown[]): Promise<Process> =>
  new Process({ target: { module, name }, args, method } as object).start();

describe('a JoinableQueue in one thread', () => {
  it('is a Queue', async () => {
    const queue = new JoinableQueue<number>({ maxsize: 2 });
    expect(queue).toBeInstanceOf(Queue);
    await queue.put(1);
    queue.putSync(2);
    expect([queue.maxsize, queue.full(), queue.qsize()]).toEqual([2, true, 2]);
    queue.close();
    const got = [];
    for await (const item of queue) got.push(item);
    expect(got).toEqual([1, 2]);
  });

  it('joins at once while nothing is unfinished', async () => {
    const queue = new JoinableQueue();
    expect([await queue.join(), queue.joinSync(), await queue.join({ timeout: 0 }), queue.joinSync({ timeout: -1 })]).toEqual([
      true,
      true,
      true,
      true,
    ]);
  });

  it('has unfinished tasks from the put to the taskDone', async () => {
    const queue = new JoinableQueue();
    await queue.put('task');
    expect([await queue.join({ timeout: 5 }), queue.joinSync({ timeout: 5 })]).toEqual([false, false]);
    await queue.get();
    expect([await queue.join({ timeout: 5 }), queue.joinSync({ timeout: 5 })]).toEqual([false, false]);
    queue.taskDone();
    expect([await queue.join(), queue.joinSync()]).toEqual([true, true]);
  });

  it('counts what is got in every form', () => {
    const queue = new JoinableQueue<number>();
    for (let i = 0; i < 4; i++) queue.putSync(i);
    queue.getSync();
    queue.getNowait();
    queue.tryGet();
    expect(inspect(queue)).toBe('<JoinableQueue 1 items, 3 in hand>');
    for (let i = 0; i < 3; i++) queue.taskDone();
    expect(inspect(queue)).toBe('<JoinableQueue 1 items, 0 in hand>');
    expect(queue.joinSync({ timeout: 0 })).toBe(false);
  });

  it('refuses a taskDone too often, and changes nothing by it', async () => {
    const queue = new JoinableQueue();
    expect(() => queue.taskDone()).toThrow(expect.objectContaining({ name: 'StateError', code: 'ERR_FORKFUL_TASK_DONE' }));
    await queue.put(1);
    expect(() => queue.taskDone()).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_TASK_DONE' })); // put, but nobody has got it
    await queue.get();
    queue.taskDone();
    expect(() => queue.taskDone()).toThrow('every task that was got from the queue is done already');
    expect(await queue.join()).toBe(true);
  });

  it('wakes all who join, and only when all is done', async () => {
    const queue = new JoinableQueue();
    for (let i = 0; i < 3; i++) queue.putSync(i);
    let joined = 0;
    const joins = [1, 2].map(() => queue.join().then(() => joined++));
    for (let i = 0; i < 3; i++) {
      await new Promise(setImmediate);
      expect(joined).toBe(0);
      await queue.get();
      queue.taskDone();
    }
    await withWatchdog(60_000, () => queue, Promise.all(joins));
  });

  it('stops joining when a signal aborts, and refuses one that has aborted', async () => {
    const queue = new JoinableQueue();
    queue.putSync(1);
    const controller = new AbortController();
    const join = queue.join({ signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(join).rejects.toThrow('enough');
    await expect(queue.join({ signal: controller.signal })).rejects.toThrow('enough');
    expect(() => queue.joinSync({ signal: controller.signal })).toThrow('enough');
  });

  it('refuses what is no timeout', async () => {
    const queue = new JoinableQueue();
    await expect(queue.join({ timeout: 'soon' as never })).rejects.toThrow(TypeError);
    expect(() => queue.joinSync({ timeout: Number.NaN })).toThrow(RangeError);
  });

  it('calls a task done that cannot be decoded: the get that took it throws', async () => {
    class Refused {}
    registerClass(Refused, {
      name: 'test/Refused',
      serialize: () => null,
      deserialize() {
        throw new Error('refused');
      },
    } as never);
    const queue = new JoinableQueue<unknown>();
    queue.putSync(new Refused());
    queue.putSync('fine');
    expect(() => queue.getSync()).toThrow();
    expect(queue.getSync()).toBe('fine');
    queue.taskDone();
    expect(await queue.join()).toBe(true);
    expect(queue.lostTasks).toBe(0);
  });

  it('rejects those who join when it is disposed of, and is freed', async () => {
    const before = countBlocks(BLOCK_JOINABLE_QUEUE);
    const queue = new JoinableQueue<unknown>();
    queue.putSync(new Lock());
    const join = queue.join();
    queue[Symbol.dispose]();
    await expect(join).rejects.toThrow(ClosedError);
    await expect(queue.join()).rejects.toThrow(ClosedError);
    expect(() => queue.taskDone()).toThrow(ClosedError);
    expect(inspect(queue)).toBe('<JoinableQueue disposed>');
    expect(countBlocks(BLOCK_JOINABLE_QUEUE)).toBe(before);
  });
});

describe.each(getAllStartMethods())('a JoinableQueue between agents started by %s', (method) => {
  it('arrives as the same queue, also nested', async () => {
    const [queue, replies] = [new JoinableQueue(), new Queue<{ queue: JoinableQueue }>()];
    const child = await start(method, 'sendBack', [{ queue }, replies]);
    expect((await replies.get()).queue).toBe(queue);
    await child.join();
  });

  it.each(['sync', 'async'])('is never all done while a task makes further ones, %s', async (form) => {
    const [depth, rounds] = [6, 5];
    const [queue, visited] = [new JoinableQueue<number>(), new RawValue('i')];
    const workers = await Promise.all([1, 2, 3].map(() => start(method, 'branch', [queue, visited, form])));
    for (let round = 1; round <= rounds; round++) {
      await queue.put(depth);
      expect(form === 'sync' ? queue.joinSync({ timeout: 60_000 }) : await queue.join({ timeout: 60_000 })).toBe(true);
      expect(visited.value).toBe(round * (2 ** (depth + 1) - 1));
    }
    queue.close();
    await Promise.all(workers.map((worker) => worker.join()));
    expect([queue.lostTasks, ...workers.map((worker) => worker.exitCode)]).toEqual([0, 0, 0, 0]);
  });

  it('lets another one call a task done, which is not lost when its holder ends', async () => {
    const [queue, results, go] = [new JoinableQueue<number>(), new Queue<number>(), new Queue()];
    for (let i = 0; i < 3; i++) queue.putSync(i);
    const holder = await start(method, 'passOn', [queue, results, go, 3]);
    for (let i = 0; i < 3; i++) await results.get();
    queue.taskDone();
    expect(await queue.join({ timeout: 0 })).toBe(false);
    go.putSync(0);
    await holder.join();
    expect([await queue.join({ timeout: 60_000 }), queue.lostTasks]).toEqual([true, 2]);
    queue.taskDone(); // the results are here: these two were done as well
    queue.taskDone();
    expect(queue.lostTasks).toBe(0);
    expect(() => queue.taskDone()).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_TASK_DONE' }));
  });

  it('knows the tasks of a parent from those of its child, a copy of it or not', async () => {
    const [queue, results, go] = [new JoinableQueue<number>(), new Queue<number>(), new Queue()];
    queue.putSync(1);
    queue.putSync(2);
    queue.getSync();
    const child = await start(method, 'passOn', [queue, results, go, 1]);
    await results.get();
    expect(inspect(queue)).toBe('<JoinableQueue 0 items, 2 in hand>');
    go.putSync(0);
    await child.join();
    expect([await queue.join({ timeout: 300 }), queue.lostTasks]).toEqual([false, 1]);
    queue.taskDone();
    expect([await queue.join({ timeout: 60_000 }), queue.lostTasks]).toEqual([true, 1]);
  });

  it('counts the tasks of agents that have ended as done, and tells how many', async () => {
    const [queue, results, go] = [new JoinableQueue<number>(), new Queue<number>(), new Queue()];
    const told: string[] = [];
    const listen = (record: unknown): unknown => told.push((record as LogRecord).message);
    subscribe('forkful:log', listen);
    for (let round = 1; round <= 20; round++) {
      queue.putSync(round);
      queue.putSync(round);
      const holder = await start(method, 'passOn', [queue, results, go, 2]);
      await results.get();
      await results.get();
      go.putSync(0);
      await holder.join();
      expect(await queue.join({ timeout: 60_000 })).toBe(true);
      expect(queue.lostTasks).toBe(2 * round);
    }
    unsubscribe('forkful:log', listen);
    expect(told.filter((text) => text === '2 tasks of a JoinableQueue are lost: whoever had got them has ended')).toHaveLength(20);
  });
});

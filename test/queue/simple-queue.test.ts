import { inspect } from 'node:util';
import { ClosedError, Empty, getAllStartMethods, Lock, Process, SerializationError, SimpleQueue } from 'forkful';
import { describe, expect, it } from 'vitest';
import { BLOCK_SIMPLE_QUEUE, countBlocks } from '../../src/memory/block.js';

const module = new URL('../fixtures/queue/tasks.mjs', import.meta.url).href;

describe('a SimpleQueue in one thread', () => {
  it('gives out what was put, in order, in both forms', async () => {
    const queue = new SimpleQueue();
    expect(queue.empty()).toBe(true);
    await queue.put(1);
    queue.putSync({ two: [2] });
    expect([queue.empty(), inspect(queue)]).toEqual([false, '<SimpleQueue 2 items>']);
    expect([queue.getSync(), await queue.get()]).toEqual([1, { two: [2] }]);
    expect(queue.empty()).toBe(true);
  });

  it('waits for an item as long as it may', async () => {
    const queue = new SimpleQueue();
    expect(() => queue.getSync({ timeout: 5 })).toThrow(Empty);
    await expect(queue.get({ timeout: 5 })).rejects.toThrow(Empty);
    await expect(queue.get({ timeout: 0 })).rejects.toThrow(Empty);
    await expect(queue.get({ signal: AbortSignal.timeout(5) })).rejects.toMatchObject({ name: 'TimeoutError' });
    const waiting = queue.get();
    queue.putSync('late');
    expect(await waiting).toBe('late');
  });

  it('throws ClosedError from everything when it is closed, rejects those who wait, and may be closed twice', async () => {
    const queue = new SimpleQueue();
    const waiting = queue.get();
    queue.close();
    queue.close();
    await expect(waiting).rejects.toThrow(ClosedError);
    await expect(queue.put(1)).rejects.toThrow(ClosedError);
    await expect(queue.get()).rejects.toThrow(ClosedError);
    for (const use of [() => queue.putSync(1), () => queue.getSync(), () => queue.empty()]) expect(use).toThrow(ClosedError);
    expect(inspect(queue)).toBe('<SimpleQueue disposed>');
  });

  it('has no options', () => {
    expect(() => new SimpleQueue(5 as never)).toThrow(TypeError);
    expect(() => new SimpleQueue({ maxsize: 5 } as never)).toThrow('a SimpleQueue has no options');
  });

  it('refuses what cannot be sent, and stays usable', async () => {
    const queue = new SimpleQueue<unknown>();
    await expect(queue.put(() => {})).rejects.toThrow(SerializationError);
    expect(queue.empty()).toBe(true);
    queue.putSync('fine');
    expect(queue.getSync()).toBe('fine');
  });

  it('is freed when it is closed, with what it contains', () => {
    const before = countBlocks();
    const queues = countBlocks(BLOCK_SIMPLE_QUEUE);
    const [queue, lock] = [new SimpleQueue<unknown>(), new Lock()];
    queue.putSync([lock]);
    lock[Symbol.dispose]();
    expect(countBlocks(BLOCK_SIMPLE_QUEUE)).toBe(queues + 1);
    queue.close();
    expect(countBlocks()).toBe(before);
  });
});

describe.each(getAllStartMethods())('a SimpleQueue between agents started by %s', (method) => {
  it.each(['sync', 'async'])('carries values there and back, %s, and goes on when one side has closed it', async (form) => {
    const [there, back] = [new SimpleQueue<number>(), new SimpleQueue<number>()];
    const child = await new Process({ target: { module, name: 'double' }, args: [there, back, 500, form], method } as object).start();
    for (let i = 0; i < 500; i++) await there.put(i);
    there.close();
    for (let i = 0; i < 500; i++) expect(await back.get()).toBe(2 * i);
    await child.join();
    expect(child.exitCode).toBe(0);
  });
});

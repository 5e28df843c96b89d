import { inspect } from 'node:util';
import { Array as SharedArray, ClosedError, Empty, Full, Lock, Queue, SerializationError, Value } from 'forkful';
import { describe, expect, it } from 'vitest';

describe('a Queue in one thread', () => {
  it('gives out what was put, in order, in every form', async () => {
    const queue = new Queue();
    queue.putSync(1);
    await queue.put('two');
    queue.putNowait({ three: 3 });
    expect(queue.tryPut([4])).toBe(true);
    expect(queue.qsize()).toBe(4);
    expect([queue.getSync(), await queue.get(), queue.getNowait(), queue.tryGet()]).toEqual([1, 'two', { three: 3 }, [4]]);
    expect(queue.empty()).toBe(true);
  });

  it.each([
    0,
    -0,
    1,
    -1,
    2 ** 31 - 1,
    -(2 ** 31),
    2 ** 31,
    0.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    undefined,
    null,
    true,
    false,
    '',
    'text',
    '日本',
    'x'.repeat(100_000),
    10n ** 40n,
    [1, [2, [3]]],
    { a: { b: [null, undefined] } },
    new Map([[1, new Set(['x'])]]),
    new Date(0),
    /x/g,
    new Uint8Array([1, 2, 3]),
    new Float64Array(10_000).fill(0.1),
    Buffer.alloc(70_000, 5),
    new Array(3),
  ])('carries %s unchanged', (value) => {
    const queue = new Queue();
    queue.putSync(value);
    const got = queue.getSync();
    expect(got).toStrictEqual(value);
    expect(Object.is(got, value) || typeof value === 'object').toBe(true);
  });

  it('carries shared objects, which arrive as the same objects, also nested', () => {
    const queue = new Queue<unknown>();
    const [lock, value, array] = [new Lock(), new Value('i', 3), new SharedArray('d', 3)];
    queue.putSync({ lock, list: [value, new Map([['array', array]])], queue });
    const got = queue.getSync() as { lock: Lock; list: [Value<'i'>, Map<string, unknown>]; queue: Queue };
    expect(got.lock).toBe(lock);
    expect(got.list[0]).toBe(value);
    expect(got.list[1].get('array')).toBe(array);
    expect(got.queue).toBe(queue);
  });

  it('has a limit of items: full, Full, and room again', async () => {
    const queue = new Queue(2);
    expect(queue.maxsize).toBe(2);
    queue.putSync(1);
    queue.putSync(2);
    expect(queue.full()).toBe(true);
    expect(queue.tryPut(3)).toBe(false);
    expect(() => queue.putNowait(3)).toThrow(Full);
    expect(() => queue.putSync(3, { timeout: 5 })).toThrow('The queue had no room within 5 ms');
    await expect(queue.put(3, { timeout: 5 })).rejects.toThrow(Full);
    expect(queue.getSync()).toBe(1);
    expect(queue.full()).toBe(false);
    queue.putSync(3, { timeout: -1 });
    expect([queue.getSync(), queue.getSync()]).toEqual([2, 3]);
  });

  it('says Empty at once, or after the timeout', async () => {
    const queue = new Queue();
    expect(() => queue.getNowait()).toThrow(Empty);
    expect(queue.tryGet()).toBeUndefined();
    expect(() => queue.getSync({ timeout: 0 })).toThrow(Empty);
    expect(() => queue.getSync({ timeout: 5 })).toThrow('The queue had no item within 5 ms');
    await expect(queue.get({ timeout: 5 })).rejects.toThrow(Empty);
  });

  it('wakes promises first in, first out, on both sides', async () => {
    const queue = new Queue<number>(1);
    const gets = Promise.all([queue.get(), queue.get(), queue.get()]);
    for (const item of [1, 2, 3]) await queue.put(item);
    expect(await gets).toEqual([1, 2, 3]);
    const puts = Promise.all([queue.put(4), queue.put(5), queue.put(6)]);
    expect([await queue.get(), await queue.get(), await queue.get()]).toEqual([4, 5, 6]);
    await puts;
  });

  it('encodes inside put: later changes do not matter, while waiting for room neither', async () => {
    const queue = new Queue<{ n: number; bytes: Buffer }>(1);
    const value = { n: 1, bytes: Buffer.alloc(10, 1) };
    queue.putSync(value);
    const body = Buffer.alloc(100_000, 1);
    const waiting = (queue as Queue<unknown>).put(body);
    value.n = 2;
    body.fill(2);
    expect(queue.getSync().n).toBe(1);
    await waiting;
    expect((queue.getSync() as unknown as Buffer).every((byte) => byte === 1)).toBe(true);
  });

  it('carries values of every kind that had to wait for room', async () => {
    const values = [0.5, -1e300, 7, null, 'text', { a: [1] }, Buffer.alloc(9000, 3), new Lock()];
    const queue = new Queue<unknown>(1);
    queue.putSync('first');
    const puts = values.map((value) => queue.put(value));
    expect(await queue.get()).toBe('first');
    for (const value of values) expect(await queue.get()).toStrictEqual(value);
    await Promise.all(puts);
  });

  it('refuses a disposed shared object and does not keep the others alive', () => {
    const [alive, disposed] = [new Lock(), new Lock()];
    disposed[Symbol.dispose]();
    expect(() => new Queue<unknown>().putSync([alive, disposed])).toThrow(ClosedError);
  });

  it('refuses what cannot be sent, naming where it is, and stays usable', async () => {
    const queue = new Queue<unknown>();
    expect(() => queue.putSync({ jobs: [1, { callback() {} }] })).toThrow(SerializationError);
    expect(() => queue.putSync({ jobs: [1, { callback() {} }] })).toThrow(/value\.jobs\[1\]\.callback/);
    await expect(queue.put(Symbol('x'))).rejects.toThrow(SerializationError);
    expect(queue.qsize()).toBe(0);
    queue.putSync('fine');
    expect(queue.getSync()).toBe('fine');
  });

  it('lets user code inside put and get use queues', () => {
    const [outer, inner] = [new Queue<unknown>(), new Queue<unknown>()];
    const value = {
      first: 'x'.repeat(50),
      get nested() {
        inner.putSync({ deep: 'y'.repeat(70) });
        return inner.getSync();
      },
      last: 1,
    };
    outer.putSync(value);
    expect(outer.getSync()).toEqual({ first: 'x'.repeat(50), nested: { deep: 'y'.repeat(70) }, last: 1 });
  });

  it('grows without limit for a getter that is not there, and keeps order', () => {
    const queue = new Queue<number>();
    for (let i = 0; i < 300_000; i++) queue.putSync(i);
    expect(queue.qsize()).toBe(300_000);
    for (let i = 0; i < 300_000; i++) if (queue.getSync() !== i) throw new Error(`not ${i}`);
    expect(queue.empty()).toBe(true);
  });

  it('carries messages of every size across segments', () => {
    const queue = new Queue<Buffer>();
    const sizes = [0, 1, 7, 8, 9, 100, 4095, 4096, 16_000, 16_384, 65_536, 1 << 20, 9 << 20, 3, 20 << 20, 5];
    for (const size of sizes) queue.putSync(Buffer.alloc(size, size & 255));
    for (const size of sizes) {
      const got = queue.getSync();
      expect(got.length).toBe(size);
      expect(got.every((byte) => byte === (size & 255))).toBe(true);
    }
  });

  it('waits for room when maxBytes is reached, and refuses a single message above it', async () => {
    const queue = new Queue<unknown>({ maxBytes: 1 << 16 });
    expect(() => queue.putSync(Buffer.alloc(1 << 17))).toThrow('message must be at most 65536 bytes when encoded');
    let put = 0;
    while (queue.tryPut(Buffer.alloc(5000))) put++;
    expect(put).toBeGreaterThan(5);
    expect(put).toBeLessThan(14);
    const waiting = queue.put('last');
    for (let i = 0; i < put; i++) queue.getSync();
    await waiting;
    expect(queue.getSync()).toBe('last');
  });

  it('ends iterations when closed and drained, and refuses puts', async () => {
    const queue = new Queue<number>();
    for (const item of [1, 2, 3]) queue.putSync(item);
    const seen: number[] = [];
    const iteration = (async () => {
      for await (const item of queue) seen.push(item);
    })();
    queue.close();
    queue.close();
    await iteration;
    expect(seen).toEqual([1, 2, 3]);
    await expect(queue.get()).rejects.toThrow(ClosedError);
    expect(() => queue.getSync()).toThrow(ClosedError);
    expect(() => queue.getNowait()).toThrow(ClosedError);
    await expect(queue.put(1)).rejects.toThrow(ClosedError);
    expect(() => queue.putSync(1)).toThrow(ClosedError);
    queue.joinThread();
    queue.cancelJoinThread();
  });

  it('wakes those who wait when it is closed', async () => {
    const empty = new Queue();
    const gets = [empty.get(), empty.get()];
    empty.close();
    for (const get of gets) await expect(get).rejects.toThrow(ClosedError);
    const full = new Queue(1);
    full.putSync(1);
    const put = full.put(2);
    full.close();
    await expect(put).rejects.toThrow(ClosedError);
  });

  it('lets an aborted get go and keeps the item for the next', async () => {
    const queue = new Queue();
    const controller = new AbortController();
    const aborted = queue.get({ signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    const next = queue.get();
    queue.putSync(1);
    expect(await next).toBe(1);
  });

  it.each([
    [() => new Queue('3' as unknown as number), 'options must be an object'],
    [() => new Queue({ maxsize: 1.5 }), 'maxsize must be an integer between'],
    [() => new Queue({ maxBytes: 10 }), 'maxBytes must be an integer between 65536 and'],
    [() => new Queue({ size: 3 } as object), 'options must be an object with no keys but maxsize, maxBytes'],
  ])('names a bad argument and its value: %s', (call, message) => {
    expect(call).toThrow(message);
  });

  it('shows its size, and is unusable after disposal', () => {
    const queue = new Queue(5);
    queue.putSync(1);
    expect(inspect(queue)).toBe('<Queue 1 items of 5>');
    queue[Symbol.dispose]();
    expect(() => queue.qsize()).toThrow(ClosedError);
    expect(() => queue.putSync(1)).toThrow(ClosedError);
    expect(inspect(queue)).toBe('<Queue disposed>');
  });
});

import { Array as SharedArray, getAllStartMethods, Lock, Process, Queue, Value } from 'forkful';
import { describe, expect, it } from 'vitest';

const module = new URL('../fixtures/shared/agents.mjs', import.meta.url).href;
const start = (method: string, name: string, args: unknown[]): Promise<Process> =>
  new Process({ target: { module, name }, args, method } as object).start();

describe.each(getAllStartMethods())('a Queue between agents started by %s', (method) => {
  it.each([
    ['sync', 0],
    ['async', 0],
    ['sync', 3],
    ['async', 3],
  ] as const)('gives each item to one of several getters, %s, maxsize %s', async (form, maxsize) => {
    const [queue, results, each] = [new Queue<number>(maxsize), new Queue<number[]>(), 2000];
    const getters = await Promise.all([1, 2].map(() => start(method, 'sumUp', [queue, results, form])));
    const putters = await Promise.all([0, 1].map((index) => start(method, 'putRange', [queue, index * each, (index + 1) * each, form])));
    await Promise.all(putters.map((putter) => putter.join()));
    queue.close();
    const got = [await results.get(), await results.get()];
    await Promise.all(getters.map((getter) => getter.join()));
    for (const list of got) {
      for (const index of [0, 1]) {
        const ofOne = list.filter((item) => Math.floor(item / each) === index);
        expect(ofOne).toEqual([...ofOne].sort((a, b) => a - b));
      }
    }
    expect(got.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 2 * each }, (_, index) => index));
  });

  it.each(['sync', 'async'])('does not give an item back to its putter while another waits in get, %s', async (form) => {
    const [queue, go, rounds] = [new Queue<{ from: string }>(), { request: new Queue(), reply: new Queue() }, 30];
    const child = await start(method, 'putThenGet', [queue, go, rounds, form]);
    for (let i = 0; i < rounds; i++) {
      const waiting = queue.get();
      await go.request.put(i);
      expect((await waiting).from).toBe('child');
      await queue.put({ from: 'parent' });
      expect(await go.reply.get()).toBe('parent');
    }
    await child.join();
    expect(child.exitCode).toBe(0);
  });

  it('carries shared objects to another agent and back, as the same objects', async () => {
    const [requests, replies] = [new Queue<unknown>(), new Queue<{ lock: Lock; value: Value<'i'>; array: SharedArray }>()];
    const child = await start(method, 'useShared', [requests, replies]);
    const shared = { lock: new Lock(), value: new Value('i', 41), array: new SharedArray('d', [1]) };
    await requests.put(shared);
    const reply = await replies.get();
    expect(reply.lock).toBe(shared.lock);
    expect(reply.value).toBe(shared.value);
    expect(reply.array).toBe(shared.array);
    expect([shared.value.value, shared.array[0]]).toEqual([42, 1.5]);
    await child.join();
  });
});

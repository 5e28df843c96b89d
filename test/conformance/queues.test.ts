/**
 * Queues as CPython's tests have them: `_TestQueue`, `TestSimpleQueue`, and what `TestSyncManagerTypes` does with them, without a manager. See
 * docs/conformance.md.
 */
import { Empty, Full, getContext, Process, type Queue, type StartMethod } from 'forkful';
import { expect } from 'vitest';
import { grid } from '../helpers/grid.js';
import { withWatchdog } from '../helpers/watchdog.js';

const fixture = (name: string): URL => new URL(`../fixtures/conformance/${name}.mjs`, import.meta.url);
const WAIT_MS = 60_000;
/** As CPython's TIMEOUT1 and TIMEOUT3. */
const [SHORT_MS, LONG_MS] = [820, 1400].map((ms) => ms / 4) as [number, number];
/** What "at once" is at most: less than a call takes that waits its time. */
const AT_ONCE_MS = SHORT_MS;

async function start(method: StartMethod, name: string, ...args: unknown[]): Promise<Process> {
  return await new Process({ target: { module: fixture('queues'), name }, args, method }).start();
}

async function end(p: Process): Promise<void> {
  await withWatchdog(WAIT_MS, () => p, p.join());
  expect(p.exitCode).toBe(0);
}

/** Whether the call fails so, and not before its time; or at once if it has none. */
async function expectAfter(ms: number, error: new (...args: never[]) => Error, call: () => unknown): Promise<void> {
  const failed = async (): Promise<number> => {
    const began = performance.now();
    await expect((async () => await call())()).rejects.toThrow(error);
    return performance.now() - began;
  };
  let elapsed = await failed();
  expect(elapsed).toBeGreaterThanOrEqual(ms);
  if (ms > 0) return;
  // the machine may hold it up once or twice, but not each time
  for (let tries = 1; tries < 20 && elapsed >= AT_ONCE_MS; tries++) elapsed = await failed();
  expect(elapsed).toBeLessThan(AT_ONCE_MS);
}

grid('six ways to put fill a queue of six; three that do not wait fail at once, three that do after their time', {}, async (method) => {
  const { Event, Queue } = getContext(method);
  const [queue, childCanStart, parentCanContinue] = [new Queue<number>(6), new Event(), new Event()];
  const child = await start(method, 'drain', queue, childCanStart, parentCanContinue, 6);
  expect([queue.empty(), queue.full()]).toEqual([true, false]);
  await queue.put(1);
  await queue.put(2, { timeout: WAIT_MS });
  queue.putSync(3);
  queue.putSync(4, { timeout: 0 });
  expect(queue.tryPut(5)).toBe(true);
  queue.putNowait(6);
  expect([queue.empty(), queue.full()]).toEqual([false, true]);
  await expectAfter(0, Full, () => queue.putNowait(7));
  await expectAfter(0, Full, () => queue.putSync(7, { timeout: 0 }));
  await expectAfter(0, Full, () => queue.put(7, { timeout: -1 }));
  expect(queue.tryPut(7)).toBe(false);
  await expectAfter(SHORT_MS, Full, () => queue.put(7, { timeout: SHORT_MS }));
  await expectAfter(SHORT_MS, Full, () => queue.putSync(7, { timeout: SHORT_MS }));
  await expectAfter(LONG_MS, Full, () => queue.put(7, { timeout: LONG_MS }));
  childCanStart.set();
  expect(await parentCanContinue.wait({ timeout: WAIT_MS })).toBe(true);
  expect([queue.empty(), queue.full()]).toEqual([true, false]);
  await end(child);
});

grid('every way to get gives the items in order; on an empty queue it fails at once, or after its time', {}, async (method) => {
  const { Event, Queue } = getContext(method);
  const [queue, childCanStart, parentCanContinue] = [new Queue<number>(), new Event(), new Event()];
  const child = await start(method, 'fill', queue, childCanStart, parentCanContinue, 1, 5);
  expect(queue.empty()).toBe(true);
  childCanStart.set();
  expect(await parentCanContinue.wait({ timeout: WAIT_MS })).toBe(true);
  expect(queue.empty()).toBe(false);
  const got = [await queue.get(), queue.getSync(), await queue.get({ timeout: 1000 }), queue.getSync({ timeout: 0 }), queue.getNowait()];
  expect([got, queue.empty()]).toEqual([[1, 2, 3, 4, 5], true]);
  await expectAfter(0, Empty, () => queue.getNowait());
  await expectAfter(0, Empty, () => queue.getSync({ timeout: 0 }));
  await expectAfter(0, Empty, () => queue.get({ timeout: -1 }));
  expect(queue.tryGet()).toBeUndefined();
  await expectAfter(SHORT_MS, Empty, () => queue.get({ timeout: SHORT_MS }));
  await expectAfter(SHORT_MS, Empty, () => queue.getSync({ timeout: SHORT_MS }));
  await expectAfter(LONG_MS, Empty, () => queue.get({ timeout: LONG_MS }));
  await end(child);
});

grid('items put before a child starts, and those that it puts, are got in order', {}, async (method) => {
  const queue = new (getContext(method).Queue)<number>();
  for (let i = 0; i < 10; i++) await queue.put(i);
  const child = await start(method, 'putRange', queue, 10, 20);
  for (let i = 0; i < 20; i++) expect(await queue.get({ timeout: WAIT_MS })).toBe(i);
  expect(() => queue.getNowait()).toThrow(Empty);
  await end(child);
});

grid('the size of a queue as items come and go', {}, async (method) => {
  const queue = new (getContext(method).Queue)<number>();
  const sizes = [queue.qsize()];
  for (const step of [() => queue.putSync(1), () => queue.putSync(5), () => queue.getSync(), () => queue.getSync()]) {
    step();
    sizes.push(queue.qsize());
  }
  expect(sizes).toEqual([0, 1, 2, 1, 0]);
});

grid('four workers call ten tasks done, and only then all is joined', {}, async (method) => {
  const { JoinableQueue, RawValue } = getContext(method);
  const [queue, done] = [new JoinableQueue<number | null>(), new RawValue('i')];
  const workers = await Promise.all(Array.from({ length: 4 }, () => start(method, 'work', queue, done, 20)));
  for (let i = 0; i < 10; i++) await queue.put(i);
  expect([await queue.join({ timeout: WAIT_MS }), done.value]).toEqual([true, 10]);
  for (const _ of workers) await queue.put(null);
  for (const worker of workers) await end(worker);
});

grid('a module that uses a queue while it is imported by another one that is', {}, async (method) => {
  const answers = new (getContext(method).Queue)<string[]>();
  const child = await new Process({ target: { module: fixture('importing'), name: 'tell' }, args: [answers], method }).start();
  expect(await answers.get({ timeout: WAIT_MS })).toEqual(['knock', 'knock', 'who is there?']);
  await end(child);
});

grid('a get that has 200 ms takes 100 ms at least', {}, async (method) => {
  const queue = new (getContext(method).Queue)();
  await expectAfter(100, Empty, () => queue.get({ timeout: 200 }));
  await expectAfter(100, Empty, () => queue.getSync({ timeout: 200 }));
});

grid('what cannot be sent throws in put, takes no room, and does not stop the queue', {}, async (method) => {
  const queue = new (getContext(method).Queue)<unknown>(1);
  await expect(queue.put(() => {})).rejects.toMatchObject({ code: 'ERR_FORKFUL_SERIALIZATION' });
  expect(() => queue.putSync({ on() {} })).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_SERIALIZATION' }));
  expect(queue.qsize()).toBe(0);
  await queue.put(true, { timeout: 0 });
  expect([queue.full(), await queue.get(), queue.empty()]).toEqual([true, true, true]);
});

grid('a closed queue tells whether it is empty, used or not; one that was disposed of throws', {}, async (method) => {
  const { JoinableQueue, Queue } = getContext(method);
  for (const queue of [new Queue(), new JoinableQueue()]) {
    queue.close();
    queue.joinThread();
    expect([queue.empty(), queue.qsize(), queue.full()]).toEqual([true, 0, false]);
  }
  const used = new Queue(1);
  await used.put('foo');
  used.close();
  used.joinThread();
  expect([used.empty(), used.qsize(), used.full()]).toEqual([false, 1, true]);
  expect([await used.get(), used.empty()]).toEqual(['foo', true]);
  used[Symbol.dispose]();
  for (const ask of [() => used.empty(), () => used.qsize(), () => used.full()])
    expect(ask).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_CLOSED' }));
});

grid('put and get on a closed queue say that it is closed', {}, async (method) => {
  const { JoinableQueue, Queue } = getContext(method);
  for (const queue of [new Queue(), new JoinableQueue()]) {
    queue.close();
    await expect(queue.put('foo')).rejects.toThrow('the queue is closed');
    await expect(queue.get()).rejects.toThrow('the queue is closed and drained');
    expect(() => queue.putSync('foo')).toThrow('the queue is closed');
    expect(() => queue.getSync()).toThrow('the queue is closed and drained');
  }
});

grid('a closed SimpleQueue does not say whether it is empty', {}, (method) => {
  const queue = new (getContext(method).SimpleQueue)();
  queue.close();
  expect(() => queue.empty()).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_CLOSED' }));
});

grid('whether a SimpleQueue is empty, as a child and its parent see it', {}, async (method) => {
  const { Event, SimpleQueue } = getContext(method);
  const [queue, childCanStart, parentCanContinue] = [new SimpleQueue<boolean>(), new Event(), new Event()];
  const child = await start(method, 'putEmptiness', queue, childCanStart, parentCanContinue);
  expect(queue.empty()).toBe(true);
  childCanStart.set();
  expect(await parentCanContinue.wait({ timeout: WAIT_MS })).toBe(true);
  expect([queue.empty(), await queue.get(), await queue.get(), queue.empty()]).toEqual([false, true, false, true]);
  await end(child);
});

grid('a SimpleQueue is closed twice', {}, (method) => {
  const queue = new (getContext(method).SimpleQueue)();
  queue.close();
  queue.close();
});

async function takenByChild(method: StartMethod, queue: Queue<number>): Promise<void> {
  await queue.put(5);
  await queue.put(6);
  await end(await start(method, 'takeTwo', queue));
  expect([queue.empty(), queue.full()]).toEqual([true, false]);
}

grid('size, room and order of a queue, as a child finds them', {}, async (method) => {
  await takenByChild(method, new (getContext(method).Queue)(2));
});

grid('size, room and order of a joinable queue, as a child finds them', {}, async (method) => {
  await takenByChild(method, new (getContext(method).JoinableQueue)(2));
});

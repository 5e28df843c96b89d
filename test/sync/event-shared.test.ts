import { Event, getAllStartMethods, Process, Queue, RawValue, type StartMethod } from 'forkful';
import { describe, expect, it } from 'vitest';
import { untilWaitedFor } from '../helpers/waiters.js';
import { withWatchdog } from '../helpers/watchdog.js';

const module = new URL('../fixtures/sync/events.mjs', import.meta.url).href;
const WAIT_MS = 60_000;
const start = (method: StartMethod, name: string, args: unknown[]): Promise<Process> =>
  new Process({ target: { module, name }, args, method }).start();
const next = <T>(queue: Queue<T>): Promise<T> => queue.get({ timeout: WAIT_MS });

async function end(processes: readonly Process[]): Promise<void> {
  await withWatchdog(WAIT_MS, () => processes, Promise.all(processes.map((each) => each.join())));
  expect(processes.map((each) => each.exitCode)).toEqual(processes.map(() => 0));
}

describe.each(getAllStartMethods())('an Event between agents started by %s', (method) => {
  it('arrives nested in an object as the same event, and comes back as the same object', async () => {
    const [event, replies] = [new Event(), new Queue<{ event: Event; isOne: boolean }>()];
    const p = await start(method, 'useShared', [{ event, again: event }, replies]);
    expect(event.waitSync({ timeout: WAIT_MS })).toBe(true);
    const { event: back, isOne } = await next(replies);
    expect([back === event, isOne]).toEqual([true, true]);
    await end([p]);
  });

  it('wakes all who wait in other agents, in all forms, though it is cleared at once', async () => {
    const [event, reports] = [new Event(), new Queue<unknown>()];
    const waiters = await Promise.all(['sync', 'async', 'async'].map((form) => start(method, 'waitFor', [event, form, reports])));
    for (const _ of waiters) expect(await next(reports)).toBe('waits');
    await untilWaitedFor(event, 2);
    event.set();
    event.clear();
    for (const _ of waiters) expect(await next(reports)).toBe(true);
    await end(waiters);
    expect(event.isSet()).toBe(false);
  });

  it('is set and cleared by any of them', async () => {
    const event = new Event();
    const waiting = event.wait({ timeout: WAIT_MS });
    await end([await start(method, 'set', [event])]);
    expect([await waiting, event.isSet()]).toEqual([true, true]);
    await end([await start(method, 'clear', [event])]);
    expect([event.isSet(), await event.wait({ timeout: 0 })]).toEqual([false, false]);
  });

  it.each(['sync', 'async'])('goes to and fro between two, none lost: %s', async (form) => {
    const [request, reply] = [new Event(), new Event()];
    const other = await start(method, 'answer', [request, reply, 200, form]);
    for (let i = 0; i < 200; i++) {
      request.set();
      expect(form === 'sync' ? reply.waitSync({ timeout: WAIT_MS }) : await reply.wait({ timeout: WAIT_MS })).toBe(true);
      reply.clear();
    }
    await end([other]);
  });
});

describe('an Event that another one sets and clears all the time', () => {
  it('is seen by each who waits, in both forms', async () => {
    const [event, stop, started] = [new Event(), new RawValue('i'), new Queue()];
    const other = await start(getAllStartMethods()[0] as StartMethod, 'toggle', [event, stop, started]);
    await next(started);
    for (let i = 0; i < 200; i++) {
      expect(event.waitSync({ timeout: WAIT_MS })).toBe(true);
      expect(await event.wait({ timeout: WAIT_MS })).toBe(true);
    }
    stop.value = 1;
    await end([other]);
  });

  it('is left alone by one that disposes of it while others wait', async () => {
    const [event, reports, copies] = [new Event(), new Queue<unknown>(), new Queue<Event>()];
    const waiter = await start(getAllStartMethods()[0] as StartMethod, 'waitFor', [event, 'async', reports]);
    expect(await next(reports)).toBe('waits');
    copies.putSync(event);
    event[Symbol.dispose]();
    using again = copies.getSync();
    again.set();
    expect(await next(reports)).toBe(true);
    await end([waiter]);
  });
});

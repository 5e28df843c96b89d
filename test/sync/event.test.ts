import { inspect } from 'node:util';
import { ClosedError, Event, getAllStartMethods, getContext } from 'forkful';
import { describe, expect, it } from 'vitest';
import { countBlocks } from '../../src/memory/block.js';

describe('an Event in one thread', () => {
  it('is unset at first, set as often as one likes, and cleared', () => {
    const event = new Event();
    expect(event.isSet()).toBe(false);
    event.clear();
    event.set();
    event.set();
    expect(event.isSet()).toBe(true);
    event.clear();
    event.clear();
    expect(event.isSet()).toBe(false);
  });

  it.each([0, -1, Number.NEGATIVE_INFINITY, 15, 1e6, Number.POSITIVE_INFINITY])(
    'is waited for at once when it is set, timeout %s',
    async (timeout) => {
      const event = new Event();
      event.set();
      expect(event.waitSync({ timeout })).toBe(true);
      expect(await event.wait({ timeout })).toBe(true);
      expect([event.waitSync(), await event.wait()]).toEqual([true, true]);
    },
  );

  it.each([0, -1, Number.NEGATIVE_INFINITY, 15])('is given up after a timeout of %s ms when it is not set', async (timeout) => {
    const event = new Event();
    expect(event.waitSync({ timeout })).toBe(false);
    expect(await event.wait({ timeout })).toBe(false);
  });

  it('wakes all promises that wait, in the order in which they came', async () => {
    const event = new Event();
    const order: number[] = [];
    const waiting = [0, 1, 2, 3, 4].map(async (index) => {
      const was = await event.wait({ timeout: index % 2 ? Number.POSITIVE_INFINITY : 60_000 });
      order.push(index);
      return was;
    });
    event.set();
    expect(await Promise.all(waiting)).toEqual([true, true, true, true, true]);
    expect(order).toEqual([0, 1, 2, 3, 4]);
  });

  it('wakes all who waited when it is set, though it is cleared at once; not those who come later', async () => {
    const event = new Event();
    const waiting = [event.wait(), event.wait({ timeout: 60_000 })];
    event.set();
    event.clear();
    const late = event.wait({ timeout: 0 });
    expect([await Promise.all(waiting), await late, event.isSet()]).toEqual([[true, true], false, false]);
    expect(event.waitSync({ timeout: 0 })).toBe(false);
  });

  it('counts as set for one who waited though it was cleared and set again any number of times', async () => {
    const event = new Event();
    for (let round = 0; round < 100; round++) {
      const waiting = event.wait();
      for (let i = 0; i <= round % 5; i++) {
        event.set();
        event.clear();
      }
      expect(await waiting).toBe(true);
    }
  });

  it('lets an aborted promise go and keeps the others; refuses an aborted signal at once', async () => {
    const event = new Event();
    const controller = new AbortController();
    const [aborted, other] = [event.wait({ signal: controller.signal }), event.wait()];
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    event.set();
    expect(await other).toBe(true);
    await expect(event.wait({ signal: controller.signal })).rejects.toBe(reason);
    expect(() => event.waitSync({ signal: controller.signal })).toThrow(reason);
  });

  it.each([
    [{ timeout: '5s' }, "timeout must be a number of milliseconds, got '5s' (string)"],
    [{ timeout: Number.NaN }, 'timeout must be a number of milliseconds, got NaN (number)'],
    [{ signal: {} }, 'signal must be an AbortSignal, got {} (object)'],
    [5, 'options must be an object like { timeout: 100 }, got 5 (number)'],
    [null, 'options must be an object like { timeout: 100 }, got null'],
  ])('names a bad option and its value: %o', async (bad, message) => {
    const event = new Event();
    event.set();
    expect(() => event.waitSync(bad as object)).toThrow(message);
    await expect(event.wait(bad as object)).rejects.toThrow(message);
  });

  it('shows whether it is set, and is unusable after disposal, which rejects what waits; twice is once', async () => {
    const event = new Event();
    expect(inspect(event)).toBe('<Event unset>');
    event.set();
    expect(inspect(event)).toBe('<Event set>');
    event.clear();
    const waiting = [event.wait(), event.wait({ timeout: 60_000 })];
    event[Symbol.dispose]();
    event[Symbol.dispose]();
    for (const one of waiting) await expect(one).rejects.toThrow(ClosedError);
    await expect(event.wait()).rejects.toThrow('This event was disposed of');
    for (const name of ['isSet', 'set', 'clear', 'waitSync'] as const) expect(() => event[name](), name).toThrow(ClosedError);
    expect(inspect(event)).toBe('<Event disposed>');
  });

  it('is disposed of at the end of a scope', () => {
    let event: Event;
    {
      using scoped = new Event();
      event = scoped;
    }
    expect(() => event.isSet()).toThrow(ClosedError);
  });

  it('leaves no memory behind', () => {
    new Event()[Symbol.dispose]();
    const before = countBlocks();
    for (let i = 0; i < 1000; i++) new Event()[Symbol.dispose]();
    expect(countBlocks()).toBe(before);
  });

  it('is part of every context', () => {
    for (const method of getAllStartMethods()) expect(getContext(method).Event).toBe(Event);
  });
});

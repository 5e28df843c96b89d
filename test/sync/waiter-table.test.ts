/** The table of waiters of a Condition, with agents that end in the middle of it. */
import { Condition, Process, Queue } from 'forkful';
import { describe, expect, it } from 'vitest';
import { tableOf } from '../fixtures/sync/open-tables.mjs';

const module = new URL('../fixtures/sync/tables.mjs', import.meta.url).href;
const NOW = Number.NEGATIVE_INFINITY;

/** A thread whose waits are begun, and which ends when `end` is called. */
async function enterElsewhere(condition: Condition, times = 1): Promise<() => Promise<void>> {
  const [told, go] = [new Queue<number>(), new Queue<number>()];
  const thread = await new Process({
    target: { module, name: 'enterAndEnd' },
    args: [condition, told, go, times],
    method: 'thread',
  }).start();
  await told.get();
  return async () => {
    go.putSync(0);
    await thread.join();
  };
}

describe('a table of waiters', () => {
  it('gives a record to each, and takes it back', () => {
    const table = tableOf(new Condition());
    const records = Array.from({ length: 40 }, () => table.enter());
    expect(new Set(records).size).toBe(40);
    expect(table.count()).toBe(40);
    for (const record of records) expect(table.leave(record)).toBe(false);
    expect(table.count()).toBe(0);
    expect(records).toContain(table.enter());
  });

  it('notifies in the order of entry, whatever the order of the records', () => {
    const table = tableOf(new Condition());
    const records = Array.from({ length: 4 }, () => table.enter());
    table.leave(records[0] as number);
    const again = table.enter();
    expect(again).toBe(records[0]);
    table.notify(2);
    expect([1, 2, 3].map((index) => table.isNotified(records[index] as number))).toEqual([true, true, false]);
    expect(table.isNotified(again)).toBe(false);
    table.notify(1);
    expect([table.isNotified(records[3] as number), table.isNotified(again)]).toEqual([true, false]);
    table.notify(5);
    expect(table.leave(again)).toBe(true);
    expect(table.count()).toBe(0);
  });

  it('tells a waiter once it is notified, before and after its time is over', async () => {
    const table = tableOf(new Condition());
    const record = table.enter();
    expect(table.waitSync(record, NOW)).toBe(false);
    expect(await table.wait(record, { deadline: NOW })).toBe(false);
    table.notifyAll();
    expect(table.waitSync(record, NOW)).toBe(true);
    expect(await table.wait(record, {})).toBe(true);
  });

  it('passes over a waiter that has ended, and has its record for another', async () => {
    const condition = new Condition();
    const table = tableOf(condition);
    const end = await enterElsewhere(condition, 16);
    expect(table.count()).toBe(16);
    const mine = table.enter();
    await end();
    expect(table.count()).toBe(1);
    table.notify(1);
    expect(table.leave(mine)).toBe(true);
    const records = Array.from({ length: 16 }, () => table.enter());
    expect(records).not.toContain(mine);
  });

  it('gives the notification of one that has ended to the next, once', async () => {
    const condition = new Condition();
    const table = tableOf(condition);
    const end = await enterElsewhere(condition);
    const [second, third] = [table.enter(), table.enter()];
    table.notify(1);
    expect([second, third].map((record) => table.isNotified(record))).toEqual([false, false]);
    await end();
    expect(await table.wait(second, {})).toBe(true);
    expect(table.isNotified(third)).toBe(false);
    expect(table.leave(second)).toBe(true);
    expect(table.leave(third)).toBe(false);
  });

  it('gives the notification of one that has ended to nobody who came later', async () => {
    const condition = new Condition();
    const table = tableOf(condition);
    const end = await enterElsewhere(condition, 2);
    table.notify(1);
    await end();
    const mine = table.enter();
    expect(table.waitSync(mine, performance.now() + 600)).toBe(false);
    expect(table.leave(mine)).toBe(false);
  });
});

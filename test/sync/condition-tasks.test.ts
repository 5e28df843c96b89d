/** A Condition over an RLock, among the async tasks of one thread. */
import { inspect } from 'node:util';
import { Condition, RLock } from 'forkful';
import { describe, expect, it } from 'vitest';
import { untilWaiting } from '../helpers/waiters.js';
import { withWatchdog } from '../helpers/watchdog.js';

describe('a wait over an RLock', () => {
  it('releases all levels, and has them again afterwards', async () => {
    const condition = new Condition();
    for (let i = 0; i < 3; i++) condition.acquireSync();
    expect(condition.waitSync({ timeout: 0 })).toBe(false);
    expect(inspect(condition.getLock())).toContain('depth=3');
    const waiting = condition.wait();
    expect(condition.getLock().locked()).toBe(false);
    condition.withLockSync(() => condition.notify());
    expect(await waiting).toBe(true);
    expect(inspect(condition.getLock())).toContain('depth=3');
    for (let i = 0; i < 3; i++) condition.release();
    expect(condition.getLock().locked()).toBe(false);
  });

  it('releases what withLock and hold acquired around each other, and lets other tasks in meanwhile', async () => {
    const condition = new Condition();
    const steps: string[] = [];
    const outer = condition.withLock(async () => {
      await condition.withLock(async () => {
        condition.acquireSync();
        steps.push('waits');
        expect(await condition.wait()).toBe(true);
        steps.push('goes on');
        expect(inspect(condition.getLock())).toContain('depth=3');
        condition.release();
        await new Promise(setImmediate);
      });
      expect(inspect(condition.getLock())).not.toContain('depth');
      await new Promise(setImmediate);
      steps.push('leaves');
    });
    await untilWaiting(condition, 1);
    await condition.withLock(async () => {
      steps.push('another is in');
      condition.notify();
      await new Promise(setImmediate);
      steps.push('another leaves');
    });
    await condition.withLock(() => void steps.push('a third'));
    await outer;
    // the third may come before the notified one, which learns of it through its event loop, but not between its two steps
    expect(steps.filter((step) => step !== 'a third')).toEqual(['waits', 'another is in', 'another leaves', 'goes on', 'leaves']);
    expect(['another leaves', 'leaves']).toContain(steps[steps.indexOf('a third') - 1]);
    expect(condition.getLock().locked()).toBe(false);
  });

  it('is refused to a task that has no part in the withLock of another', async () => {
    const condition = new Condition();
    let goOn: () => void = () => {};
    const holder = condition.withLock(() => new Promise<void>((resolve) => (goOn = resolve)));
    await new Promise(setImmediate);
    expect(condition.getLock().locked()).toBe(true);
    expect(() => condition.notify()).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_NOT_OWNER' }));
    expect(() => condition.notifyAll()).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_NOT_OWNER' }));
    await expect(condition.wait()).rejects.toMatchObject({ code: 'ERR_FORKFUL_NOT_OWNER' });
    goOn();
    await holder;
  });

  it('is refused to the task that waits itself, while another one is in', async () => {
    const condition = new Condition();
    let tryIt: () => void = () => {};
    const waiting = condition.withLock(async () => {
      const asked = new Promise<void>((resolve) => (tryIt = resolve)).then(() => condition.notify());
      const outcome = expect(asked).rejects.toMatchObject({ code: 'ERR_FORKFUL_NOT_OWNER' });
      await condition.wait();
      await outcome;
    });
    await untilWaiting(condition, 1);
    await condition.withLock(async () => {
      tryIt();
      await new Promise(setImmediate);
      condition.notify();
    });
    await waiting;
  });

  it('by waitSync lets no other task of its thread in, neither meanwhile nor afterwards', async () => {
    const condition = new Condition();
    const steps: string[] = [];
    let goOn: () => void = () => {};
    const first = condition.withLock(async () => {
      await new Promise<void>((resolve) => (goOn = resolve));
      expect(condition.waitSync({ timeout: 5 })).toBe(false);
      expect(inspect(condition.getLock())).not.toContain('depth');
      await new Promise(setImmediate);
      await new Promise(setImmediate);
      steps.push('first');
      condition.notify();
    });
    const other = condition.withLock(() => void steps.push('other'));
    await new Promise(setImmediate); // it waits for the lock now
    goOn();
    await withWatchdog(60_000, () => condition, Promise.all([first, other]));
    expect(steps).toEqual(['first', 'other']);
    expect(condition.getLock().locked()).toBe(false);
  });

  it('that ends by an abort has the turn again, and keeps other tasks out', async () => {
    const lock = new RLock();
    const condition = new Condition(lock);
    const steps: string[] = [];
    const controller = new AbortController();
    const waiting = lock.withLock(async () => {
      await expect(condition.wait({ signal: controller.signal })).rejects.toThrow('enough');
      expect(() => condition.notify()).not.toThrow();
      await new Promise(setImmediate);
      steps.push('aborted');
    });
    await untilWaiting(condition, 1);
    const other = lock.withLock(() => {
      controller.abort(new Error('enough'));
      steps.push('other');
    });
    const third = other.then(() => lock.withLock(() => void steps.push('third')));
    await Promise.all([waiting, other, third]);
    expect(steps).toEqual(['other', 'aborted', 'third']);
  });
});

import { getAllStartMethods, Lock, Process, Queue, RawValue } from 'forkful';
import { describe, expect, it } from 'vitest';
import { withWatchdog } from '../helpers/watchdog.js';

const module = new URL('../fixtures/shared/agents.mjs', import.meta.url).href;
const start = (method: string, name: string, args: unknown[]): Promise<Process> =>
  new Process({ target: { module, name }, args, method } as object).start();

describe.each(getAllStartMethods())('a Lock between agents started by %s', (method) => {
  it('admits one at a time, in all forms', async () => {
    const [lock, value, each] = [new Lock(), new RawValue('i'), 3000];
    const agents = await Promise.all([1, 2, 3].map(() => start(method, 'increment', [lock, value, each])));
    for (let i = 0; i < each; i++) await lock.withLock(() => void (value.value += 1));
    await Promise.all(agents.map((agent) => agent.join()));
    expect(agents.map((agent) => agent.exitCode)).toEqual([0, 0, 0]);
    expect(value.value).toBe(4 * each);
    expect(lock.locked()).toBe(false);
  });

  it('may be released by one that did not acquire it', async () => {
    const lock = new Lock();
    lock.acquireSync();
    await (await start(method, 'releaseIt', [lock])).join();
    expect(lock.tryAcquire()).toBe(true);
    lock.release();
  });

  it.each(['acquireSync', 'acquire'] as const)('is not kept from one that waits by %s by others that never stop', async (form) => {
    const [lock, stop, started] = [new Lock(), new RawValue('i'), new Queue()];
    const hogs = await Promise.all([1, 2].map(() => start(method, 'hog', [lock, stop, started])));
    for (const _ of hogs) await started.get();
    const acquireOften = async (): Promise<void> => {
      for (let i = 0; i < 100; i++) {
        expect(await lock[form]({ timeout: 60_000 })).toBe(true);
        lock.release();
      }
    };
    await withWatchdog(60_000, () => lock, acquireOften());
    stop.value = 1;
    await Promise.all(hogs.map((each) => each.join()));
  });
});

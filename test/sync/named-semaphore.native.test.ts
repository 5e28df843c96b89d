/** The permits of a semaphore that has a name, among programs of this package. With other programs: test/interop. */
import { readdirSync, readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { ClosedError, getAllStartMethods, NamedSemaphore, Process, Queue } from 'forkful';
import { describe, expect, it } from 'vitest';
import { describeForks, resultOf } from '../helpers/fork-cases.js';
import { bareName, make } from '../helpers/semaphores.js';
import { until } from '../helpers/victims.js';
import { runChild, startChild, withWatchdog } from '../helpers/watchdog.js';

const FIXTURE = 'sync/named-semaphore.mjs';
const module = new URL(`../fixtures/${FIXTURE}`, import.meta.url).href;
const MOST = 2 ** 31 - 1;
const LIMIT_MS = 60_000;

const threads = (): number => readdirSync('/proc/self/task').length;
const within = <T>(promise: Promise<T>, semaphore?: NamedSemaphore): Promise<T> => withWatchdog(LIMIT_MS, () => semaphore, promise);

describe('the permits of a NamedSemaphore', () => {
  it('are taken one by one, and given back', async () => {
    const semaphore = make(3);
    expect([semaphore.tryAcquire(), semaphore.acquireSync(), await semaphore.acquire(), semaphore.tryAcquire()]).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(semaphore.value).toBe(0);
    semaphore.release();
    semaphore.release(2);
    expect(semaphore.value).toBe(3);
  });

  it.each([0, -1, 15])('are waited for at most %s ms', async (timeout) => {
    const semaphore = make(0);
    const start = performance.now();
    expect(semaphore.acquireSync({ timeout })).toBe(false);
    expect(performance.now() - start).toBeGreaterThanOrEqual(timeout);
    const middle = performance.now();
    expect(await semaphore.acquire({ timeout })).toBe(false);
    expect(performance.now() - middle).toBeGreaterThanOrEqual(timeout);
    // the thread that waited for the promise may have the permit for a moment
    const patient = timeout > 0 ? 60_000 : timeout;
    semaphore.release();
    expect(semaphore.acquireSync({ timeout: patient })).toBe(true);
    semaphore.release();
    expect(await semaphore.acquire({ timeout: patient })).toBe(true);
  });

  it('may be waited for for ever', async () => {
    const semaphore = make(0);
    const waiting = semaphore.acquire({ timeout: Number.POSITIVE_INFINITY });
    semaphore.release(2);
    expect(await within(waiting, semaphore)).toBe(true);
    expect(semaphore.acquireSync({ timeout: Number.POSITIVE_INFINITY })).toBe(true);
  });

  it('are added all or none', () => {
    const semaphore = make(MOST - 2);
    const overflow = { name: 'StateError', code: 'ERR_FORKFUL_OVERFLOW', message: expect.stringContaining(semaphore.name) };
    expect(() => semaphore.release(3)).toThrow(expect.objectContaining(overflow));
    expect(semaphore.value).toBe(MOST - 2);
    semaphore.release(2);
    expect(() => semaphore.release()).toThrow(expect.objectContaining(overflow));
    expect(semaphore.value).toBe(MOST);
  });

  it.each([0, -1, 1.5, MOST + 1, '1', null])('are released by a number, not by %j', (n) => {
    const semaphore = make(0);
    expect(() => semaphore.release(n as number)).toThrow(`n must be an integer between 1 and ${MOST}`);
    expect(semaphore.value).toBe(0);
  });

  it('are those of every object of that name', async () => {
    const semaphore = make(0);
    const [one, other] = [new NamedSemaphore(semaphore.name), new NamedSemaphore(semaphore.name)];
    const waiting = [one.acquire(), other.acquire()];
    semaphore.release(2);
    expect(await within(Promise.all(waiting))).toEqual([true, true]);
    one.close();
    other.release();
    expect(semaphore.tryAcquire()).toBe(true);
    other.close();
  });
});

describe('promises that wait for a NamedSemaphore', () => {
  it('are served in the order in which they asked', async () => {
    const semaphore = make(0);
    const order: number[] = [];
    const waiting = Array.from({ length: 50 }, (_, index) =>
      semaphore.acquire().then(() => {
        order.push(index);
        semaphore.release();
      }),
    );
    semaphore.release();
    await within(Promise.all(waiting), semaphore);
    expect(order).toEqual(Array.from({ length: 50 }, (_, index) => index));
    expect(semaphore.value).toBe(1);
  });

  it('share one thread, which is gone when nobody waits', async () => {
    const semaphore = make(0);
    const before = threads();
    const waiting = Array.from({ length: 50 }, () => semaphore.acquire());
    expect(threads() - before).toBeLessThanOrEqual(1);
    semaphore.release(50);
    await within(Promise.all(waiting), semaphore);
    await until(
      () => threads() <= before,
      () => `${threads()} threads, ${before} before`,
    );
  });

  it('leave the event loop, and the thread pool, to others', async () => {
    const semaphores = Array.from({ length: 8 }, () => make(0));
    const waiting = semaphores.map((semaphore) => semaphore.acquire());
    const { readFile } = await import('node:fs/promises');
    await within(Promise.all(Array.from({ length: 8 }, () => readFile(new URL(import.meta.url)))));
    for (const semaphore of semaphores) semaphore.release();
    expect(await within(Promise.all(waiting))).toEqual(semaphores.map(() => true));
  });

  it('reject with the reason of their signal, and the others wait on', async () => {
    const semaphore = make(0);
    const controller = new AbortController();
    const [aborted, other] = [semaphore.acquire({ signal: controller.signal }), semaphore.acquire()];
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    semaphore.release();
    expect(await within(other, semaphore)).toBe(true);
    await expect(semaphore.acquire({ signal: controller.signal })).rejects.toBe(reason);
    expect(() => semaphore.acquireSync({ signal: controller.signal })).toThrow(reason);
  });

  it('give a permit back that came for one that was aborted', async () => {
    const semaphore = make(0);
    for (let round = 0; round < 20; round++) {
      const controller = new AbortController();
      const aborted = semaphore.acquire({ signal: controller.signal });
      semaphore.release();
      controller.abort();
      await expect(aborted).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
      await until(
        () => semaphore.value === 1,
        () => inspect(semaphore),
      );
      expect(await within(semaphore.acquire(), semaphore)).toBe(true);
    }
  });

  it('give it back, too, when it comes after all have given up', async () => {
    const semaphore = make(0);
    expect(await Promise.all([semaphore.acquire({ timeout: 5 }), semaphore.acquire({ timeout: 5 })])).toEqual([false, false]);
    semaphore.release();
    await until(
      () => semaphore.value === 1,
      () => inspect(semaphore),
    );
  });

  it('hand it to the next when the first gives up', async () => {
    const semaphore = make(0);
    const controller = new AbortController();
    const first = semaphore.acquire({ signal: controller.signal });
    const second = semaphore.acquire();
    semaphore.release();
    controller.abort();
    await expect(first).rejects.toThrow();
    expect(await within(second, semaphore)).toBe(true);
    expect(semaphore.value).toBe(0);
  });

  it('refuse bad options', async () => {
    const semaphore = make(0);
    await expect(semaphore.acquire({ timeout: Number.NaN })).rejects.toThrow(RangeError);
    expect(() => semaphore.acquireSync({ timeout: '5' as unknown as number })).toThrow(TypeError);
  });

  it('keep the process alive, and nothing does afterwards', async () => {
    const semaphore = make(0);
    const child = startChild(FIXTURE, { args: ['stays', semaphore.name] });
    await until(
      () => child.stderr.includes('waiting'),
      () => child.stderr,
    );
    semaphore.release();
    expect(await child.ended).toMatchObject({ exitCode: 0, stdout: '{"isTaken":true}\n' });
  });

  it('do not keep a process from exiting, and take nothing with them', async () => {
    const semaphore = make(0);
    expect(await runChild(FIXTURE, { args: ['exits', semaphore.name] })).toMatchObject({ exitCode: 7, stdout: '"exiting"\n', stderr: '' });
    semaphore.release();
    expect(semaphore.value).toBe(1);
  });
});

describe('a closed NamedSemaphore', () => {
  it('rejects the promises that wait, and is of no use any more', async () => {
    const semaphore = make(0);
    const waiting = [semaphore.acquire(), semaphore.acquire({ timeout: 100_000 })];
    semaphore.close();
    for (const each of waiting) await expect(each).rejects.toThrow(ClosedError);
    await expect(semaphore.acquire()).rejects.toThrow(ClosedError);
    expect(() => semaphore.acquireSync()).toThrow(ClosedError);
    expect(() => semaphore.tryAcquire()).toThrow(ClosedError);
    expect(() => semaphore.release()).toThrow(
      expect.objectContaining({ code: 'ERR_FORKFUL_CLOSED', message: expect.stringContaining(semaphore.name) }),
    );
    expect(() => semaphore.value).toThrow(ClosedError);
    semaphore.close();
    semaphore[Symbol.dispose]();
  });

  it('stays for the others of that name, with a permit that comes late', async () => {
    const semaphore = make(0);
    const second = new NamedSemaphore(semaphore.name);
    const waiting = semaphore.acquire();
    semaphore.close();
    await expect(waiting).rejects.toThrow(ClosedError);
    second.release();
    await until(
      () => second.value === 1,
      () => inspect(second),
    );
    second.close();
  });

  it('is disposed of by using', () => {
    const semaphore = make(0);
    const kept = new NamedSemaphore(semaphore.name);
    {
      using scoped = kept;
      expect(scoped.value).toBe(0);
    }
    expect(() => kept.value).toThrow(ClosedError);
  });

  it('is what the garbage collector makes of one that nobody has', async () => {
    const semaphore = make(0);
    const execArgv = ['--expose-gc'];
    expect(await resultOf(FIXTURE, ['collected', bareName(semaphore)], { execArgv })).toEqual({ before: true, after: false });
  });
});

describe.each(getAllStartMethods())('a NamedSemaphore and a process started by %s', (method) => {
  it('wait for each other, by promises and blocking', async () => {
    const [to, from] = [make(0), make(0)];
    const child = await new Process({ target: { module, name: 'answerTwice' }, args: [to, from], method } as object).start();
    to.release();
    expect(await within(from.acquire(), from)).toBe(true);
    to.release();
    expect(from.acquireSync({ timeout: LIMIT_MS })).toBe(true);
    expect(await child.join({ timeout: LIMIT_MS })).toBe(true);
    expect(child.exitCode).toBe(0);
    expect([to.value, from.value]).toEqual([0, 0]);
  });
});

describe('a NamedSemaphore in a message', () => {
  it('arrives as one of the same name, at any depth', () => {
    const semaphore = make(0);
    const queue = new Queue<{ list: NamedSemaphore[] }>();
    queue.putSync({ list: [semaphore] });
    const arrived = queue.getSync().list[0] as NamedSemaphore;
    arrived.release();
    expect(semaphore.tryAcquire()).toBe(true);
    arrived.close();
  });

  it('whose name is gone by then is an error on receipt, and the queue goes on', () => {
    const semaphore = make(0);
    const queue = new Queue();
    queue.putSync(semaphore);
    queue.putSync('next');
    semaphore.unlink();
    expect(() => queue.getSync()).toThrow(expect.objectContaining({ code: 'ENOENT', message: expect.stringContaining(semaphore.name) }));
    expect(queue.getSync()).toBe('next');
  });

  it('is refused when it is closed', () => {
    const semaphore = make(0);
    semaphore.close();
    expect(() => new Queue().putSync([semaphore])).toThrow(expect.objectContaining({ message: expect.stringContaining('was closed') }));
  });
});

describe('the end of one that uses a NamedSemaphore', () => {
  it('leaves the permits taken that a killed process held', async () => {
    const [semaphore, taken] = [make(1), make(0)];
    const child = await new Process({
      target: { module, name: 'takeAndStay' },
      args: [semaphore, taken],
      method: 'spawn',
    } as object).start();
    expect(await within(taken.acquire(), taken)).toBe(true);
    child.kill();
    await child.join();
    expect(semaphore.value).toBe(0);
    expect(readFileSync(`/dev/shm/sem.${bareName(semaphore)}`).byteLength).toBeGreaterThan(0);
  });

  it('loses no permit to promises of a Worker that was terminated', async () => {
    const semaphore = make(0);
    expect(await resultOf(FIXTURE, ['terminated', semaphore.name])).toEqual({ left: 2, isTaken: true });
  });
});

describeForks('a copy of a process whose promises wait for a NamedSemaphore', () => {
  it('settles none of them, and waits for itself', async () => {
    const [semaphore, answers] = [make(0), make(0)];
    expect(await resultOf(FIXTURE, ['forked', semaphore.name, answers.name])).toEqual({ taken: [true, true], exitCode: 0, left: 0 });
  });
});

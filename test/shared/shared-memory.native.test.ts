/** Memory that has a name, among programs of this package. With Python: test/interop; when processes are killed: test/crash. */
import { readdirSync, readFileSync, writeFileSync, unlinkSync } from 'node:fs';
import { inspect } from 'node:util';
import { getContext, Process, Queue, SharedMemory } from 'forkful';
import { describe, expect, it } from 'vitest';
import { countPages } from '../../src/memory/pages.js';
import { countListed } from '../../src/shared/segment-names.js';
import { makeSegment } from '../../src/shared/shared-memory.js';
import { platform } from '../../src/platform/select.js';
import { freshName, isThere } from '../helpers/segments.js';

const module = new URL('../fixtures/shared/segments.mjs', import.meta.url).href;
const mappings = (name: string): number => readFileSync('/proc/self/maps', 'utf8').split(name).length - 1;

describe('a SharedMemory', () => {
  it('has the size it was asked for, is zero, and is the same memory for all who attach', () => {
    const name = freshName();
    using made = new SharedMemory({ name, create: true, size: 5000 });
    expect([made.name, made.size, made.buf?.length, made.buf?.every((byte) => byte === 0)]).toEqual([name, 5000, 5000, true]);
    using attached = new SharedMemory({ name: `/${name}` });
    expect([attached.name, attached.size]).toEqual([name, 5000]);
    (made.buf as Buffer).set([1, 2, 3], 4997);
    expect([...(attached.buf as Buffer).subarray(4996)]).toEqual([0, 1, 2, 3]);
    expect(inspect(made)).toBe(`<SharedMemory ${name} size=5000>`);
    made.unlink();
    expect(isThere(name)).toBe(false);
    expect(attached.buf?.[4999]).toBe(3);
  });

  it('without a name gets one that is free, for this user only', () => {
    using memory = new SharedMemory({ create: true, size: 1 });
    expect(memory.name).toMatch(/^psm_[0-9a-f]{8}$/);
    expect(readdirSync('/dev/shm')).toContain(memory.name);
    memory.unlink();
    expect(() => memory.unlink()).toThrow(
      expect.objectContaining({ name: 'SystemError', code: 'ENOENT', message: expect.stringContaining(memory.name) }),
    );
  });

  it('tries names until one is free', () => {
    const [taken, free] = [freshName(), freshName()];
    using first = new SharedMemory({ name: taken, create: true, size: 1 });
    const candidates = [taken, taken, free];
    const { namedSegments } = platform;
    const made = makeSegment(namedSegments as NonNullable<typeof namedSegments>, 10, true, () => candidates.shift() as string);
    expect([made.name, made.buffer.byteLength, first.size]).toEqual([free, 10, 1]);
  });

  it('is refused where the name is taken, and attached to nothing where it is not', () => {
    const name = freshName();
    expect(() => new SharedMemory({ name })).toThrow(
      expect.objectContaining({
        code: 'ENOENT',
        message: `Cannot open the shared memory ${name}: there is none of that name, or no longer. Create it first: { create: true, size }`,
      }),
    );
    using memory = new SharedMemory({ name, create: true, size: 10 });
    expect(() => new SharedMemory({ name, create: true, size: 20 })).toThrow(
      expect.objectContaining({ code: 'EEXIST', message: expect.stringContaining('there is one of that name already') }),
    );
    expect(memory.size).toBe(10);
    const before = countListed();
    expect(() => new SharedMemory({ name, create: true, size: 20, track: false })).toThrow(expect.objectContaining({ code: 'EEXIST' }));
    expect(countListed()).toBe(before);
  });

  it('that cannot be backed with memory is an error, and leaves neither name nor record', () => {
    const [name, before] = [freshName(), countListed()];
    expect(() => new SharedMemory({ name, create: true, size: 2 ** 44 })).toThrow(
      expect.objectContaining({ name: 'SystemError', message: expect.stringContaining(name) }),
    );
    expect([isThere(name), countListed()]).toEqual([false, before]);
  });

  it('which somebody else is still making is refused', () => {
    const name = freshName();
    writeFileSync(`/dev/shm/${name}`, '');
    expect(() => new SharedMemory({ name })).toThrow(
      expect.objectContaining({ code: 'EINVAL', message: expect.stringContaining('it is empty') }),
    );
    unlinkSync(`/dev/shm/${name}`);
  });

  it.each([
    [{}, 'name must be given, but with create: true, got undefined'],
    [{ create: true }, 'size must be an integer between 1 and'],
    [{ create: true, size: 0 }, 'size must be an integer between 1 and'],
    [{ create: true, size: -1 }, 'size must be an integer between 1 and'],
    [{ create: true, size: 1.5 }, 'size must be an integer between 1 and'],
    [{ name: 'x', size: -1 }, 'size must be an integer between 0 and'],
    [{ create: 'yes', size: 1 }, 'create must be a boolean'],
    [{ create: true, size: 1, track: 1 }, 'track must be a boolean'],
    [{ name: 5 }, 'name must be a string, got 5 (number)'],
    [{ name: '' }, "name must be one path component like 'my-memory'"],
    [{ name: '/' }, "name must be one path component like 'my-memory'"],
    [{ name: '..' }, "name must be one path component like 'my-memory'"],
    [{ name: 'a/b' }, "name must be one path component like 'my-memory'"],
    [{ name: 'a\0b' }, "name must be one path component like 'my-memory', without zeros"],
    [{ name: 'x'.repeat(256) }, 'name must be at most 255 bytes long without its slash'],
    [{ name: 'é'.repeat(128), create: true, size: 1 }, 'name must be at most 255 bytes long without its slash'],
    [{ name: 'x', exclusive: true }, 'options must be an object with no keys but name, create, size, track'],
  ])('names a bad argument and its value: %j', (options, message) => {
    expect(() => new SharedMemory(options as object)).toThrow(message);
  });

  it('may have the longest name that a file can have', () => {
    const name = `${freshName()}-`.padEnd(255, 'x');
    using memory = new SharedMemory({ name, create: true, size: 1 });
    expect(isThere(name)).toBe(true);
    memory.unlink();
  });

  it('closed has no bytes, keeps its name and size, and can be unlinked still', () => {
    const name = freshName();
    const memory = new SharedMemory({ name, create: true, size: 100_000 });
    const view = new Uint8Array((memory.buf as Buffer).buffer);
    view[99_999] = 7;
    memory.close();
    memory.close();
    expect([memory.buf, memory.name, memory.size]).toEqual([null, name, 100_000]);
    expect(inspect(memory)).toBe(`<SharedMemory ${name} size=100000 closed>`);
    // a view that is left is empty, or shows zeros of its own: never a crash
    expect(view[99_999]).toBe(view.length === 0 ? undefined : 0);
    view[99_999] = 8;
    using again = new SharedMemory({ name });
    expect(again.buf?.[99_999]).toBe(7);
    memory.unlink();
    expect(isThere(name)).toBe(false);
  });

  it('is let go of when it is closed, at once', async () => {
    const name = freshName();
    using memory = new SharedMemory({ name, create: true, size: 4096 });
    const second = new SharedMemory({ name });
    using third = new SharedMemory({ name });
    // what was made here had no name yet when it was mapped
    expect(mappings(name)).toBe(2);
    second.close();
    await new Promise((resolve) => setImmediate(resolve));
    expect(mappings(name)).toBe(1);
    expect([memory.size, third.size]).toEqual([4096, 4096]);
  });

  it('made, closed and unlinked a thousand times leaves no record, page, descriptor or mapping', async () => {
    using first = new SharedMemory({ name: freshName(), create: true, size: 1 });
    first.unlink();
    const state = () => [countListed(), countPages(), readdirSync('/proc/self/fd').length];
    const before = state();
    const mapped = mappings('/dev/shm/');
    for (let round = 0; round < 1000; round++) {
      using memory = new SharedMemory({ create: true, size: 10_000 });
      memory.unlink();
      if (round % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(state()).toEqual(before);
    await new Promise((resolve) => setImmediate(resolve));
    // fewer, if what other tests have left was collected meanwhile
    expect(mappings('/dev/shm/')).toBeLessThanOrEqual(mapped);
  });

  it('may be one of more than fit in a page of the list; records of names that others removed are used again', () => {
    const before = countListed();
    const all = globalThis.Array.from({ length: 500 }, () => new SharedMemory({ name: freshName(), create: true, size: 1 }));
    expect(countListed()).toBe(before + 500);
    for (const memory of all) unlinkSync(`/dev/shm/${memory.name}`);
    const pages = countPages();
    const others = globalThis.Array.from({ length: 500 }, () => new SharedMemory({ name: freshName(), create: true, size: 1 }));
    expect(countPages()).toBe(pages);
    for (const memory of [...all, ...others]) memory.close();
    for (const memory of others) memory.unlink();
  });
});

describe('a SharedMemory that is sent', () => {
  it.each(['forkserver', 'spawn', 'fork', 'thread'] as const)('arrives attached to the same memory [%s]', async (method) => {
    const [queue, name] = [new Queue(), freshName()];
    using memory = new SharedMemory({ name, create: true, size: 100 });
    for (const [index, target] of [memory, name].entries()) {
      const p = await new (getContext(method).Process)({
        target: { module, name: 'write' },
        args: [target, index, 40 + index, queue],
      }).start();
      expect(await queue.get({ timeout: 60_000 })).toEqual([name, 100, 40]);
      await p.join();
    }
    expect([...(memory.buf as Buffer).subarray(0, 3)]).toEqual([40, 41, 0]);
    expect(isThere(name)).toBe(true);
  });

  it('comes back attached as well', async () => {
    const [there, back] = [new Queue<SharedMemory>(), new Queue<SharedMemory>()];
    using memory = new SharedMemory({ name: freshName(), create: true, size: 10 });
    const p = await new Process({ target: { module, name: 'echo' }, args: [there, back] }).start();
    await there.put(memory);
    using again = await back.get({ timeout: 60_000 });
    await p.join();
    (again.buf as Buffer)[0] = 1;
    expect([...(memory.buf as Buffer).subarray(0, 3)]).toEqual([1, 2, 0]);
  });

  it('whose name is gone by then is an error that says so, and the queue goes on', async () => {
    const queue = new Queue<unknown>();
    using memory = new SharedMemory({ name: freshName(), create: true, size: 10 });
    await queue.put(memory);
    await queue.put('next');
    memory.unlink();
    await expect(queue.get()).rejects.toThrow(memory.name);
    expect(await queue.get()).toBe('next');
  });
});

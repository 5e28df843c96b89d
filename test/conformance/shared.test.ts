/**
 * Values, arrays, structures, segments and lists as CPython's tests have them: `_TestValue`, `_TestArray`, `_TestSharedCTypes`, `_TestSharedMemory` and a part of
 * `TestResourceTracker` of test/_test_multiprocessing.py, under every start method where there is a child. What is compared, and what is not, is listed in
 * docs/conformance.md.
 */
import {
  Array as SharedArray,
  Lock,
  NamedSemaphore,
  Process,
  Queue,
  RawArray,
  RawValue,
  RLock,
  ShareableList,
  SharedMemory,
  sharedctypes,
  type StartMethod,
  struct,
  Value,
} from 'forkful';
import { describe, expect, test } from 'vitest';
import { makeSegment } from '../../src/shared/shared-memory.js';
import { platform } from '../../src/platform/select.js';
import { backend, describeNative } from '../helpers/backends.js';
import { grid } from '../helpers/grid.js';
import { freshName, isThere } from '../helpers/segments.js';
import { until } from '../helpers/victims.js';
import { startChild, waitForLine } from '../helpers/watchdog.js';

const module = new URL('../fixtures/shared/segments.mjs', import.meta.url);

async function run(method: StartMethod, name: string, args: unknown[]): Promise<void> {
  const child = await new Process({ target: { module, name }, args, method }).start();
  await child.join();
  expect(child.exitCode).toBe(0);
}

const VALUES = [
  ['i', 4343, 24234],
  ['d', 3.625, -4.25],
  ['h', -232, 234],
  ['q', 2n ** 33n, 2n ** 34n],
  ['c', 'x', 'y'],
] as const;
const NUMBERS = [680, 626, 934, 821, 150, 233, 548, 982, 714, 831];
const Foo = struct({ x: 'i', y: 'd' });

for (const [name, Kind] of [
  ['Values', Value],
  ['RawValues', RawValue],
] as const) {
  grid(`${name} set by the parent, changed by a child, seen by the parent`, {}, async (method) => {
    const values = VALUES.map(([type, initial]) => new Kind(type as 'i', initial as number));
    expect(values.map(({ value }) => value)).toEqual(VALUES.map(([, initial]) => initial));
    await run(method, 'setValues', [values, VALUES.map(([, , wanted]) => wanted)]);
    expect(values.map(({ value }) => value)).toEqual(VALUES.map(([, , wanted]) => wanted));
  });
}

describe.each([
  ['Value', (lock?: unknown) => new Value('i', 5, lock === undefined ? undefined : { lock: lock as Lock })],
  ['Array', (lock?: unknown) => new SharedArray('i', 5, lock === undefined ? undefined : { lock: lock as Lock })],
] as const)('getLock() and getObj() of a %s', (_name, make) => {
  test('by default there is a lock; a given one is the one returned; false gives none; what is no lock is refused', () => {
    expect(make().getLock()).toBeInstanceOf(Lock);
    expect(make().getObj()).toBeDefined();
    for (const lock of [new Lock(), new RLock()]) expect(make(lock).getLock()).toBe(lock);
    expect(() => make(false).getLock()).toThrow(TypeError);
    expect(() => make('navalue')).toThrow("lock must be a Lock, an RLock, true or false, got 'navalue' (string)");
    for (const raw of [new RawValue('i'), new RawArray('i', 5)]) expect(['getLock' in raw, 'getObj' in raw]).toEqual([false, false]);
  });
});

for (const [name, Kind] of [
  ['an Array', SharedArray],
  ['a RawArray', RawArray],
] as const) {
  grid(`${name}: length, elements, slices, assignment, and a running sum that a child makes in place`, {}, async (method) => {
    const sequence = new (Kind as typeof SharedArray)('i', NUMBERS);
    expect([sequence.length, sequence[3], sequence.at(-1), [...sequence.slice(2, 7)]]).toEqual([10, 821, 831, NUMBERS.slice(2, 7)]);
    const expected = [...NUMBERS];
    sequence.set([1, 2, 3, 4], 4);
    expected.splice(4, 4, 1, 2, 3, 4);
    expect([...sequence]).toEqual(expected);
    let total = 0;
    await run(method, 'sum', [sequence]);
    expect([...sequence]).toEqual(
      expected.map((element) => {
        total += element;
        return total;
      }),
    );
  });
}

test('an Array made from a size is zero, also where another one was before', () => {
  for (let round = 0; round < 3; round++) {
    const array = new SharedArray('i', 10);
    expect([array.length, [...array]]).toEqual([10, NUMBERS.map(() => 0)]);
    array.set([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect([...array]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    array[Symbol.dispose]();
  }
});

for (const hasLock of [false, true]) {
  grid(`numbers, a structure, an array and a text ${hasLock ? 'with locks ' : ''}are doubled by a child`, {}, async (method) => {
    const options = hasLock ? [{ lock: true }] : [];
    const [V, A] = hasLock ? [Value, SharedArray] : [RawValue, RawArray];
    const args = [
      new (V as typeof Value)('i', 7, ...options),
      new (V as typeof Value)('d', 1 / 3, ...options),
      new (V as typeof Value)('q', 2n ** 33n, ...options),
      new (V as typeof Value)(Foo, { x: 3, y: 2 }, ...options),
      new (A as typeof SharedArray)('d', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], ...options),
      new (A as typeof SharedArray)('c', 'hello'.padEnd(20, '\0'), ...options),
    ] as const;
    await run(method, 'double', [...args]);
    const [x, y, big, foo, array, text] = args;
    expect([x.value, y.value, big.value, foo.value.x, foo.value.y, [...array]]).toEqual([
      14,
      2 / 3,
      2n ** 34n,
      6,
      4,
      [0, 2, 4, 6, 8, 10, 12, 14, 16, 18],
    ]);
    expect(Buffer.from(text).toString('latin1').replaceAll('\0', '')).toBe('ifmmp');
  });
}

test('a copy of a structure is independent of it', () => {
  const foo = new RawValue(Foo, { x: 2, y: 5 });
  const bar = sharedctypes.copy(foo);
  foo.value = { x: 0, y: 0 };
  expect([bar.value.x, bar.value.y]).toEqual([2, 5]);
});

describeNative('shared memory', () => {
  test('a name with a zero in it is refused, on attaching and on unlinking', () => {
    expect(() => new SharedMemory({ name: 'fork\0ful' })).toThrow(RangeError);
    expect(() => SharedMemory.unlink('fork\0ful')).toThrow(RangeError);
  });

  test('basics: attributes, text, writing, attaching again, unlinking', () => {
    const name = freshName();
    const sms = new SharedMemory({ name, create: true, size: 512 });
    const buf = sms.buf as Buffer;
    expect([sms.name, sms.size, buf.length, String(sms.constructor.name)]).toEqual([name, 512, 512, 'SharedMemory']);
    buf[0] = 42;
    expect(buf[0]).toBe(42);
    const also = new SharedMemory({ name });
    expect([also.name, also.buf?.[0]]).toEqual([name, 42]);
    // the size is that of the segment, whatever is asked for
    const same = new SharedMemory({ name, size: 20 * 512 });
    expect(same.size).toBe(512);
    same.close();
    also.close();
    expect(() => new SharedMemory({ name, size: -2 })).toThrow(RangeError);
    expect(() => new SharedMemory({ create: false })).toThrow(TypeError);
    expect(() => new SharedMemory({ name, create: true, size: 512 })).toThrow(expect.objectContaining({ code: 'EEXIST' }));
    sms.unlink();
    expect(() => sms.unlink()).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    expect(() => new SharedMemory({ name })).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    sms.close();
    expect(sms.buf).toBe(null);
  });

  test('a random name that is taken is not used: the next one is tried', () => {
    const names = [freshName(), freshName()] as const;
    using first = new SharedMemory({ name: names[0], create: true, size: 1 });
    const candidates = [...names];
    const made = makeSegment(
      platform.namedSegments as NonNullable<typeof platform.namedSegments>,
      1,
      true,
      () => candidates.shift() as string,
    );
    expect([made.name, first.name]).toEqual([names[1], names[0]]);
  });

  test.each([{ size: -1 }, { size: 0 }, {}])('%j is no size', (options) => {
    expect(() => new SharedMemory({ ...options, create: true })).toThrow(RangeError);
  });

  test('one that was sent is attached to the same memory, both ways', () => {
    const queue = new Queue<SharedMemory>();
    using sms = new SharedMemory({ name: freshName(), create: true, size: 512 });
    sms.buf?.set([1, 2, 3]);
    queue.putSync(sms);
    using received = queue.getSync();
    expect([received.name, [...(received.buf as Buffer).subarray(0, 3)]]).toEqual([sms.name, [1, 2, 3]]);
    received.buf?.set([9], 1);
    expect(sms.buf?.[1]).toBe(9);
  });

  test('receiving one that has been unlinked fails', () => {
    const queue = new Queue<SharedMemory>();
    using sms = new SharedMemory({ name: freshName(), create: true, size: 512 });
    queue.putSync(sms);
    sms.unlink();
    expect(() => queue.getSync()).toThrow('there is none of that name');
  });

  test('a maker that is told to end: its segment disappears soon', async () => {
    const child = startChild('crash/segment-user.mjs', { args: ['make', ''] });
    const [, name] = await waitForLine(child, /^made (\S+) /);
    expect(isThere(name as string)).toBe(true);
    child.kill('SIGTERM');
    await child.ended;
    await until(
      () => !isThere(name as string),
      () => String(name),
    );
  });

  test('a program that attaches and ends leaves the segment, tracked or not', async () => {
    const name = freshName();
    using sms = new SharedMemory({ name, create: true, size: 10 });
    sms.buf?.set([7]);
    const child = startChild('crash/segment-user.mjs', { args: ['attach', name] });
    expect(await child.ended).toMatchObject({ stdout: 'read 7\n', stderr: '', exitCode: 0 });
    expect(isThere(name)).toBe(true);
  });

  test('a name that is too long is refused', () => {
    expect(() => new SharedMemory({ name: 'a'.repeat(512), create: true, size: 1 })).toThrow(RangeError);
    expect(() => new NamedSemaphore(`/${'a'.repeat(512)}`, { create: true })).toThrow(RangeError);
  });
});

if (backend === 'native') {
  grid('a child writes to shared memory, by its name and to the object it was given', {}, async (method) => {
    using sms = new SharedMemory({ name: freshName(), create: true, size: 512 });
    await run(method, 'write', [sms.name, 0, 11]);
    await run(method, 'write', [sms, 1, 12]);
    expect([...(sms.buf as Buffer).subarray(0, 3)]).toEqual([11, 12, 0]);
  });
}

describeNative('a ShareableList', () => {
  test('basics: items, formats, indices, changes of type, what fits and what does not, count, index', () => {
    const sl = new ShareableList(['howdy', Buffer.from('HoWdY'), -273.154, 100, null, true, 42]);
    expect(sl.format).toBe('8s8sdqxxxxxx?xxxxxxxx?q');
    expect([sl.get(0), sl.get(1), sl.get(-2), sl.get(-7)]).toEqual(['howdy', Uint8Array.from(Buffer.from('HoWdY')), true, 'howdy']);
    for (const index of [7, -8]) {
      expect(() => sl.get(index)).toThrow(RangeError);
      expect(() => sl.set(index, 2)).toThrow(RangeError);
    }
    const before = [...sl];
    sl.set(-1, 41);
    sl.set(-1, 42);
    // from a number to a text and back
    sl.set(4, 'some');
    expect([sl.get(4), sl.format]).toEqual(['some', '8s8sdq8sxxxxxxx?q']);
    sl.set(4, null);
    // all the bytes that are there, characters of several bytes too
    sl.set(0, '12345678');
    sl.set(0, 'ωωωω');
    expect(sl.get(0)).toBe('ωωωω');
    for (const tooLong of ['123456789', 'ωωωωω', new Uint8Array(9).fill(1)]) expect(() => sl.set(0, tooLong)).toThrow(RangeError);
    expect([sl.get(0), ...[...sl].slice(1)]).toEqual(['ωωωω', ...before.slice(1)]);
    expect([sl.count(42), sl.count('ωωωω'), sl.count('adios')]).toEqual([1, 1, 0]);
    expect([sl.index(42), sl.index(100)]).toEqual([6, 3]);
    expect(() => sl.index('100')).toThrow(RangeError);

    const name = freshName();
    const copy = new ShareableList(sl, { name });
    expect([copy.shm.name, [...copy]]).toEqual([name, [...sl]]);
    copy.set(-1, 13);
    expect([sl.get(-1), new ShareableList({ name }).get(-1)]).toEqual([42, 13]);

    const empty = new ShareableList();
    expect([empty.length, empty.format, [...empty]]).toEqual([0, '', []]);
    expect(() => empty.index('')).toThrow(RangeError);
    for (const list of [sl, copy, empty]) {
      list.shm.unlink();
      list.shm.close();
    }
  });

  test('that was sent shares the memory, and what is sent does not grow with it', () => {
    const queue = new Queue<ShareableList>({ maxBytes: 2 ** 16 });
    const long = new ShareableList(globalThis.Array.from({ length: 100_000 }, (_, index) => index));
    queue.putSync(long);
    const received = queue.getSync();
    expect([received.length, received.get(-1)]).toEqual([100_000, 99_999]);
    received.set(0, -1);
    expect(long.get(0)).toBe(-1);
    received.shm.close();
    queue.putSync(long);
    long.shm.unlink();
    expect(() => queue.getSync()).toThrow('there is none of that name');
  });
});

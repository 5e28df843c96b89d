/** Lists in memory that has a name. Read and written by Python as well: test/interop. */
import { inspect } from 'node:util';
import { ClosedError, type ListItem, Process, Queue, ShareableList, SharedMemory } from 'forkful';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { freshName, isThere } from '../helpers/segments.js';

const module = new URL('../fixtures/shared/segments.mjs', import.meta.url).href;
const made: ShareableList[] = [];

afterEach(() => {
  for (const list of made.splice(0)) {
    list.shm.close();
    if (isThere(list.shm.name)) list.shm.unlink();
  }
});

function make(...args: ConstructorParameters<typeof ShareableList>): ShareableList {
  const list = new ShareableList(...args);
  made.push(list);
  return list;
}

const ITEMS: ListItem[] = [
  0,
  -1,
  2 ** 53 - 1,
  2n ** 63n - 1n,
  -(2n ** 63n),
  0.5,
  -0,
  1e300,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  true,
  false,
  null,
  '',
  'hello',
  'exactly8',
  '你好吗',
  'é'.repeat(8),
  '😀',
  'ends\0\0',
  '\0',
  new Uint8Array(),
  Uint8Array.of(1, 2, 3),
  Uint8Array.of(1, 0, 0),
  Uint8Array.of(0),
  new Uint8Array(1000).fill(255),
];

describe('a ShareableList', () => {
  it('holds every type of item, read back by whoever attaches', () => {
    const list = make(ITEMS);
    const attached = make({ name: list.shm.name });
    for (const each of [list, attached]) {
      expect([...each]).toEqual(ITEMS);
      expect(Object.is(each.get(6), -0)).toBe(true);
      expect([each.length, each.get(-1), each.at(0), each.at(-ITEMS.length), each.at(ITEMS.length)]).toEqual([
        ITEMS.length,
        ITEMS.at(-1),
        0,
        0,
        undefined,
      ]);
    }
    attached.set(0, 5);
    expect(list.get(0)).toBe(5);
  });

  it('has the formats that Python gives such items', () => {
    const list = make(['howdy', Buffer.from('HoWdY'), -273.154, 100, null, true, 42]);
    expect(list.format).toBe('8s8sdqxxxxxx?xxxxxxxx?q');
    expect(make(['12345678', 'é'.repeat(4), 'é'.repeat(3)]).format).toBe('16s16s8s');
    expect(make([1, 1.5, 2n], { floats: true }).format).toBe('ddq');
  });

  it('keeps what any sequence of items is, and what it is changed to', () => {
    const item = fc.oneof(
      fc.integer(),
      fc.double({ noNaN: true }),
      fc.boolean(),
      fc.constant(null),
      fc.string({ unit: 'grapheme', maxLength: 30 }),
      fc.uint8Array({ maxLength: 30 }),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    );
    const normal = (each: ListItem): ListItem => (typeof each === 'bigint' && Number.isSafeInteger(Number(each)) ? Number(each) : each);
    fc.assert(
      fc.property(fc.array(item, { maxLength: 10 }), fc.array(fc.tuple(fc.nat(9), item), { maxLength: 10 }), (items, changes) => {
        const list = new ShareableList(items as ListItem[]);
        try {
          const wanted = items.map((each) => normal(each as ListItem));
          for (const [index, value] of changes) {
            if (index >= wanted.length) continue;
            try {
              list.set(index, value as ListItem);
              wanted[index] = normal(value as ListItem);
            } catch (error) {
              expect((error as Error).message).toMatch(/value must be at most \d+ bytes long, as its place in the list is/);
            }
          }
          expect([...list]).toEqual(wanted);
        } finally {
          list.shm.close();
          list.shm.unlink();
        }
      }),
      { numRuns: 200 },
    );
  });

  it('lets an item become anything that fits, and keeps the old one and its neighbours when it does not', () => {
    const list = make(['a', 'exactly8', 3, null]);
    list.set(0, 5);
    list.set(0, '12345678');
    list.set(1, '0123456789abcdef');
    expect([...list]).toEqual(['12345678', '0123456789abcdef', 3, null]);
    expect(() => list.set(0, '123456789')).toThrow(
      expect.objectContaining({ name: 'RangeError', message: expect.stringContaining('at most 8 bytes long') }),
    );
    expect(() => list.set(0, 'éééé!')).toThrow('value must be at most 8 bytes long');
    expect(() => list.set(2, {} as never)).toThrow('value must be a number, a bigint, a boolean, a string, a Uint8Array or null');
    expect(() => list.set(2, 2n ** 63n)).toThrow('value must be an integer of 64 bits');
    expect(() => list.set(2, 'a\ud800')).toThrow('value must be text without half surrogate pairs');
    expect([...list]).toEqual(['12345678', '0123456789abcdef', 3, null]);
    list.set(-1, true);
    list.set(0, new Uint8Array(8));
    expect([...list]).toEqual([new Uint8Array(8), '0123456789abcdef', 3, true]);
  });

  it('keeps a float a float whatever number it is set to, and a bigint makes it an int', () => {
    const list = make([1.5, 1]);
    list.set(0, 2);
    list.set(1, 2.5);
    expect([list.format, ...list]).toEqual(['dd', 2, 2.5]);
    list.set(0, 2n);
    expect([list.format, ...list]).toEqual(['qd', 2, 2.5]);
  });

  it('counts and finds items by their value', () => {
    const list = make([1, 'a', 1, Uint8Array.of(1), null, 2n ** 60n, Number.NaN]);
    expect([list.count(1), list.count(1n), list.count('b'), list.count(Buffer.of(1)), list.count(null), list.count(true)]).toEqual([
      2, 2, 0, 1, 1, 0,
    ]);
    expect([list.index(1), list.index('a'), list.index(null), list.index(2n ** 60n)]).toEqual([0, 1, 4, 5]);
    expect(() => list.index('b')).toThrow(
      expect.objectContaining({ name: 'RangeError', message: "value must be an item of the list, got 'b' (string)" }),
    );
    expect(() => list.index(Number.NaN)).toThrow(RangeError);
  });

  it.each([3, -4, 0.5, Number.NaN])('refuses index %s', (index) => {
    const list = make([1, 2, 3]);
    expect(() => list.get(index)).toThrow(`index must be an integer of at least -3 and less than 3, got ${index}`);
    expect(() => list.set(index, 0)).toThrow(RangeError);
  });

  it('may be empty', () => {
    const list = make();
    expect([list.length, [...list], list.format, list.count(1)]).toEqual([0, [], '', 0]);
    expect([...make({ name: list.shm.name })]).toEqual([]);
    expect(() => list.get(0)).toThrow(RangeError);
  });

  it('may have a name of its own, and be a copy of another list', () => {
    const [list, name] = [make([1, 'b']), freshName()];
    const copy = make(list, { name });
    expect([copy.shm.name, [...copy]]).toEqual([name, [1, 'b']]);
    copy.set(0, 2);
    expect([...list]).toEqual([1, 'b']);
    expect(() => make([1], { name })).toThrow(expect.objectContaining({ code: 'EEXIST' }));
    expect(inspect(copy)).toBe(`<ShareableList ${name} [ 2, 'b' ]>`);
  });

  it('of CPython 3.8 has sizes in place of offsets, and is known by them', () => {
    const list = make(['a', 5, 'exactly8'], { python38: true });
    const attached = make({ name: list.shm.name });
    expect([list.shm.buf?.readBigInt64LE(8), list.shm.buf?.readBigInt64LE(24), list.shm.size]).toEqual([8n, 16n, 8 * 4 + 32 + 3 * 9]);
    attached.set(2, 'changed');
    expect([...list]).toEqual(['a', 5, 'changed']);
    expect([...make({ name: make([], { python38: true }).shm.name })]).toEqual([]);
  });

  it.each([
    ['too small', Buffer.alloc(4)],
    ['of a count that does not fit', Buffer.from(BigInt64Array.of(1000n, 0n).buffer)],
    ['of a negative count', Buffer.from(BigInt64Array.of(-1n, 0n, 0n, 0n, 0n).buffer)],
    ['of offsets that go down', Buffer.from(BigInt64Array.of(2n, 0n, 16n, 8n, 0n, 0n, 0n, 0n, 0n, 0n).buffer)],
    ['of offsets beyond the end', Buffer.from(BigInt64Array.of(1n, 0n, 1n << 40n, 0n, 0n, 0n).buffer)],
  ])('is refused where the memory is no list: %s', (_what, bytes) => {
    using memory = new SharedMemory({ name: freshName(), create: true, size: bytes.length });
    memory.buf?.set(bytes);
    expect(() => new ShareableList({ name: memory.name })).toThrow(
      expect.objectContaining({
        name: 'StateError',
        code: 'ERR_FORKFUL_LIST',
        message: `The shared memory ${memory.name} holds no ShareableList`,
      }),
    );
  });

  it('says which item cannot be read', () => {
    const list = make(['abc', 1]);
    const { buf } = list.shm;
    buf?.set([0xff], 32);
    expect(() => list.get(0)).toThrow(
      expect.objectContaining({ code: 'ERR_FORKFUL_LIST', message: expect.stringMatching(/^Item 0 .* is not UTF-8/) }),
    );
    buf?.write('99s', 48);
    expect(() => list.get(0)).toThrow("Item 0 of the list cannot be read: it has the format '99s' and the code 1");
    expect(list.get(1)).toBe(1);
  });

  it.each([
    [['x'], 'items must be an iterable, or { name }'],
    [[5], 'items must be an iterable, or { name }'],
    [[[1, undefined]], 'items[1] must be a number, a bigint'],
    [[[[1]]], 'items[0] must be a number, a bigint'],
    [[[2n ** 64n]], 'items[0] must be an integer of 64 bits'],
    [[['x'.repeat(10_000_000)]], 'items[0] must be at most 9999991 bytes long'],
    [[[new Uint8Array(1_000_000)]], 'items[0] must be at most 999999 bytes long if it ends in zeros'],
    [[{ nam: 'x' }], 'items must be an object with no keys but name'],
    [[{ name: 'x' }, { floats: true }], 'options must be an object without keys'],
    [[[], { size: 5 }], 'options must be an object with no keys but name, track, floats, python38'],
    [[[], { floats: 1 }], 'floats must be a boolean'],
  ])('names a bad argument: %#', (args, message) => {
    expect(() => new ShareableList(...(args as []))).toThrow(message as string);
  });

  it('that was closed cannot be used, and what is sent of it is its name', async () => {
    const [list, queue] = [make([1, 2]), new Queue<ShareableList>()];
    await queue.put(list);
    list[Symbol.dispose]();
    expect(() => list.get(0)).toThrow(ClosedError);
    expect(() => list.set(0, 1)).toThrow(ClosedError);
    expect(inspect(list)).toBe(`<ShareableList ${list.shm.name} closed>`);
    const received = await queue.get();
    expect([...received]).toEqual([1, 2]);
    received.shm.close();
    list.shm.unlink();
    await queue.put(list);
    await expect(queue.get()).rejects.toThrow('there is none of that name');
  });

  it('is the same list for a child', async () => {
    const list = make([1, 'two', 3]);
    const p = await new Process({ target: { module, name: 'setItem' }, args: [list, 1, '2'] }).start();
    await p.join();
    expect([...list]).toEqual([1, '2', 3]);
  });
});

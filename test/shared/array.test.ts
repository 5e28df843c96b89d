import { Array as SharedArray, Lock, RawArray } from 'forkful';
import { describe, expect, it } from 'vitest';

describe('a shared Array', () => {
  it('is a TypedArray with a lock', () => {
    const array = new SharedArray('d', [1, 2, 3]);
    expect(array).toBeInstanceOf(Float64Array);
    expect(array).toBeInstanceOf(SharedArray);
    expect(array).not.toBeInstanceOf(RawArray);
    expect(globalThis.Array.from(array)).toEqual([1, 2, 3]);
    expect(array.length).toBe(3);
    expect(Object.keys(array)).toEqual(['0', '1', '2']);
    expect(array.getLock()).toBeInstanceOf(Lock);
    array.withLockSync(() => {
      array[0] = 9;
    });
    expect(array[0]).toBe(9);
  });

  it('starts at zero, also where a former array was', () => {
    for (let round = 0; round < 3; round++) {
      for (const size of [10, 5000, 100_000]) {
        const array = new RawArray('i', size);
        expect(array.every((element) => element === 0)).toBe(true);
        array.fill(-1);
        array[Symbol.dispose]();
      }
    }
  });

  it('makes plain arrays by map, slice and filter, and shared views by subarray', () => {
    const array = new SharedArray('i', [1, 2, 3, 4]);
    const mapped = array.map((each) => each * 2);
    expect(mapped.constructor).toBe(Int32Array);
    expect(globalThis.Array.from(mapped)).toEqual([2, 4, 6, 8]);
    expect(array.slice(1).buffer).not.toBe(array.buffer);
    const part = array.subarray(1, 3);
    part[0] = 20;
    expect(array[1]).toBe(20);
  });

  it('takes codes, names, constructors, iterables and strings of characters', () => {
    expect(new SharedArray('int16', new Set([1, 2]))).toBeInstanceOf(Int16Array);
    expect(globalThis.Array.from(new SharedArray(BigInt64Array, [1n, 2]))).toEqual([1n, 2n]);
    expect(Buffer.from(new SharedArray('c', 'hello')).toString()).toBe('hello');
    expect(new SharedArray('d', 0).length).toBe(0);
  });

  it.each([
    [() => new SharedArray('i', -1), 'size must be an integer between 0 and'],
    [() => new SharedArray('i', 1.5), 'size must be an integer between 0 and'],
    [
      () => new SharedArray('i', 'abc' as unknown as number[]),
      "sizeOrElements must be a number of elements, or an iterable of them, got 'abc' (string)",
    ],
    [() => new SharedArray('B', [1, 300]), 'elements[1] must be between 0 and 255 (uint8), got 300 (number)'],
    [() => new SharedArray('zz' as 'd', 1), "type must be one of Python's codes"],
    [() => new SharedArray('d', 1, { lokc: false } as object), 'options must be an object with no keys but lock'],
    [() => new SharedArray('d', 2 ** 50), 'Cannot allocate 9007199254740992 bytes'],
  ])('names a bad argument and its value: %s', (call, message) => {
    expect(call).toThrow(message);
  });

  it('stays readable through a part after the whole was dropped', () => {
    const part = new RawArray('i', 100_000).fill(7).subarray(10, 20);
    for (let round = 0; round < 50; round++) new RawArray('i', 100_000).fill(1)[Symbol.dispose]();
    expect(globalThis.Array.from(part)).toEqual(globalThis.Array(10).fill(7));
  });
});

import { inspect } from 'node:util';
import { ClosedError, Lock, RawValue, Value } from 'forkful';
import { describe, expect, it } from 'vitest';

describe('a Value', () => {
  it.each([
    ['b', -128, 127],
    ['B', 0, 255],
    ['h', -32768, 32767],
    ['H', 0, 65535],
    ['i', -(2 ** 31), 2 ** 31 - 1],
    ['I', 0, 2 ** 32 - 1],
    ['l', -(2n ** 63n), 2n ** 63n - 1n],
    ['L', 0n, 2n ** 64n - 1n],
    ['q', -1n, 1n],
    ['Q', 0n, 1n],
    ['f', 0.5, -0.25],
    ['d', 1e300, -1e-300],
    ['c', 'a', '\xff'],
    ['u', 'é', '😀'],
    ['int8', -1, 1],
    ['float64', 0.1, -0],
    [Float32Array, 1.5, 2.5],
    [BigInt64Array, -5n, 5n],
  ] as const)('of type %s starts at zero and holds both %s and %s', (type, low, high) => {
    const value = new Value(type as 'd');
    expect(value.value).toBe(type === 'c' || type === 'u' ? '\0' : typeof low === 'bigint' ? 0n : 0);
    for (const each of [low, high]) {
      value.value = each as number;
      expect(value.value).toBe(each);
      expect(new RawValue(type as 'd', each as number).value).toBe(each);
    }
  });

  it.each([
    [() => new Value('x' as 'd'), "type must be one of Python's codes"],
    [() => new Value('i', 2 ** 31), 'initial must be between -2147483648 and 2147483647 (int32), got 2147483648 (number)'],
    [() => new Value('i', 1.5), 'initial must be an integer (int32), got 1.5 (number)'],
    [() => new Value('i', '1' as unknown as number), "initial must be a number (int32), got '1' (string)"],
    [() => new Value('q', 'x' as unknown as bigint), "initial must be a bigint or an integer (bigint64), got 'x' (string)"],
    [() => new Value('c', 'ab'), "initial must be a string of one character, got 'ab' (string)"],
    [() => new Value('i', 0, { lock: 5 as unknown as boolean }), 'lock must be a Lock, an RLock, true or false, got 5 (number)'],
    [() => new Value('d').add(1), 'type must be an integer type for atomic operations'],
    [() => new Value('i').add(1.5), 'operand must be an integer, got 1.5 (number)'],
  ])('names a bad argument and its value: %s', (call, message) => {
    expect(call).toThrow(message);
  });

  it('refuses what its type cannot hold and keeps what it held', () => {
    const value = new Value('B', 200);
    expect(() => {
      value.value = 256;
    }).toThrow(RangeError);
    expect(value.value).toBe(200);
  });

  it('has atomic operations that return the former value', () => {
    const value = new Value('i', 6);
    expect([
      value.add(2),
      value.sub(1),
      value.and(5),
      value.or(8),
      value.xor(1),
      value.exchange(3),
      value.compareExchange(3, 4),
      value.compareExchange(9, 1),
    ]).toEqual([6, 8, 7, 5, 13, 12, 3, 4]);
    expect(value.value).toBe(4);
    expect(new Value('q', 1n).add(2n)).toBe(1n);
  });

  it('has a lock of its own, a given one, or none', async () => {
    const value = new Value('i', 0);
    expect(value.getLock()).toBeInstanceOf(Lock);
    expect(value.getLock()).toBe(value.getLock());
    value.withLockSync(() => {
      expect(value.tryAcquire()).toBe(false);
      value.value += 1;
    });
    await value.withLock(async () => {
      value.value += 1;
    });
    expect(value.value).toBe(2);
    const lock = new Lock();
    expect(new Value('i', 0, { lock }).getLock()).toBe(lock);
    expect(() => new Value('i', 0, { lock: false }).getLock()).toThrow('it has no lock');
    expect('getLock' in new RawValue('i')).toBe(false);
  });

  it('shows itself, and is unusable after disposal', () => {
    const value = new Value('i', 7);
    expect(inspect(value)).toBe('<Value int32 7>');
    value[Symbol.dispose]();
    expect(() => value.value).toThrow(ClosedError);
    expect(inspect(value)).toBe('<Value int32 disposed>');
  });
});

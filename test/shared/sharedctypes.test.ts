import { Array as SharedArray, ClosedError, type Lock, Queue, RawArray, RawValue, RLock, sharedctypes, struct, Value } from 'forkful';
import { describe, expect, it } from 'vitest';

const { copy, synchronized } = sharedctypes;
const Point = struct({ x: 'd', y: 'i' });

describe('copy', () => {
  it.each([
    ['i', 7],
    ['q', 7n],
    ['d', 0.5],
    ['c', 'a'],
    ['u', '😀'],
    ['float32', 0.5],
  ] as const)('makes another Value of type %s', (type, content) => {
    for (const Kind of [Value, RawValue]) {
      const value = new Kind(type as 'd', content as number);
      const other = copy(value);
      expect([other.value, other.constructor, other]).toEqual([content, Kind, expect.any(Kind)]);
      value.value = (typeof content === 'bigint' ? 8n : typeof content === 'string' ? 'b' : 8) as number;
      expect(other.value).toBe(content);
    }
  });

  it('makes another structure, another Array, and another lock', () => {
    const value = new Value(Point, { x: 1, y: 2 });
    const other = copy(value);
    value.value.x = 5;
    expect([other.value.x, other.value.y, other.getLock() === value.getLock()]).toEqual([1, 2, false]);
    const array = new SharedArray('i', [1, 2]);
    const second = copy(array);
    array[0] = 9;
    expect([[...second], second instanceof SharedArray, second instanceof Int32Array, second.getLock() === array.getLock()]).toEqual([
      [1, 2],
      true,
      true,
      false,
    ]);
    expect([copy(new RawArray('c', 'abc')) instanceof RawArray, [...copy(new RawArray('c', 'abc'))]]).toEqual([true, [97, 98, 99]]);
    const points = copy(new RawArray(Point, [{ x: 1 }, { y: 2 }]));
    expect([points instanceof RawArray, [...points].map(({ x, y }) => [x, y])]).toEqual([
      true,
      [
        [1, 0],
        [0, 2],
      ],
    ]);
  });

  it.each([5, null, [], new Uint8Array(1)])('refuses %j', (obj) => {
    expect(() => copy(obj as object)).toThrow('obj must be a Value, a RawValue, an Array or a RawArray');
  });
});

describe('synchronized', () => {
  it('gives a raw object a lock, over the same memory', () => {
    const raw = new RawValue('i', 4);
    const value = synchronized(raw);
    value.withLockSync(() => {
      value.value += 1;
    });
    raw.value += 1;
    expect([value.value, raw.value, value instanceof Value]).toEqual([6, 6, true]);
    raw[Symbol.dispose]();
    expect(() => raw.value).toThrow(ClosedError);
    expect(value.value).toBe(6);
  });

  it('works for arrays and structures, and takes a given lock', () => {
    const lock = new RLock();
    const array = new RawArray('d', [1, 2]);
    const locked = synchronized(array, lock);
    locked[0] = 5;
    expect([array[0], locked.getLock() === lock, locked instanceof SharedArray, locked instanceof Float64Array]).toEqual([
      5,
      true,
      true,
      true,
    ]);
    const [point, points] = [new RawValue(Point, { x: 1 }), new RawArray(Point, 2)];
    const both = [synchronized(point, lock), synchronized(points, lock)] as const;
    both[0].value.x = 3;
    (both[1][1] as { x: number }).x = 4;
    expect([point.value.x, points[1]?.x, ...both.map((each) => each.getLock() === lock)]).toEqual([3, 4, true, true]);
  });

  it('counts for all who have the object: what is sent from then on has the lock', () => {
    const [raw, queue] = [new RawValue('i', 1), new Queue<unknown>()];
    queue.putSync(raw);
    expect(queue.getSync()).toBe(raw);
    const value = synchronized(raw);
    queue.putSync(raw);
    expect(queue.getSync()).toBe(value);
  });

  it.each([
    [
      'what was synchronized',
      () => {
        const raw = new RawArray('i', 1);
        synchronized(raw);
        return raw;
      },
    ],
    ['a Value', () => new Value('i')],
    ['an Array without a lock', () => new SharedArray('i', 1, { lock: false })],
    ['an Array of structures', () => new SharedArray(Point, 1)],
  ])('refuses %s', (_what, make) => {
    expect(() => synchronized(make() as RawValue)).toThrow(
      expect.objectContaining({ name: 'StateError', code: 'ERR_FORKFUL_SYNCHRONIZED' }),
    );
  });

  it('names a bad argument', () => {
    expect(() => synchronized({} as RawValue)).toThrow('obj must be a RawValue or a RawArray');
    expect(() => synchronized(new RawValue('i'), true as unknown as Lock)).toThrow('lock must be a Lock or an RLock, got true (boolean)');
  });
});

describe('getObj', () => {
  it('shows the memory without the lock', () => {
    const [value, array, point] = [new Value('i', 3), new SharedArray('i', [1, 2]), new Value(Point, { x: 1 })];
    const obj = value.getObj();
    obj.value = 4;
    array.getObj()[1] = 5;
    point.getObj().value.x = 6;
    expect([value.value, array[1], point.value.x]).toEqual([4, 5, 6]);
    expect([value.getObj() === obj, obj instanceof Value, array.getObj() instanceof SharedArray]).toEqual([true, false, false]);
    expect(array.getObj().constructor).toBe(Int32Array);
    const queue = new Queue();
    queue.putSync(value.getObj());
    expect(queue.getSync()).toBe(value);
    value[Symbol.dispose]();
    expect(() => obj.value).toThrow(ClosedError);
    expect('getObj' in new RawValue('i')).toBe(false);
    expect('getObj' in new RawArray('i', 1)).toBe(false);
  });
});

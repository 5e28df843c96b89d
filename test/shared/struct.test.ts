import { inspect } from 'node:util';
import { Array as SharedArray, ClosedError, Lock, Process, Queue, RawArray, RawValue, sharedctypes, struct, Value } from 'forkful';
import { describe, expect, it } from 'vitest';
import { BLOCK_STRUCT, BLOCK_STRUCTS, countBlocks } from '../../src/memory/block.js';
import { countPages } from '../../src/memory/pages.js';

const module = new URL('../fixtures/shared/segments.mjs', import.meta.url).href;
const Point = struct({ x: 'd', y: 'i', tag: 'c[8]' });
const All = struct({ a: 'b', p: Point, ps: [Point, 2], v: 'h[3]', big: 'q', c: 'c', w: 'u[2]', f: 'f', u: Uint32Array });

describe('the type of a structure', () => {
  it('is laid out as C does it', () => {
    expect([Point.size, Point.alignment, Point.offsets]).toEqual([24, 8, { x: 0, y: 8, tag: 12 }]);
    expect([All.size, All.offsets]).toEqual([120, { a: 0, p: 8, ps: 32, v: 80, big: 88, c: 96, w: 100, f: 108, u: 112 }]);
    expect(struct({ a: 'b', b: 'h', c: 'b' }).size).toBe(6);
    expect(struct({ a: 'c[3]' })).toMatchObject({ size: 3, alignment: 1 });
  });

  it('is one object for all equal definitions', () => {
    expect(struct({ x: 'd', y: 'int32', tag: 'c[8]' })).toBe(Point);
    expect(struct({ y: 'i', x: 'd', tag: 'c[8]' })).not.toBe(Point);
    expect(inspect(Point)).toBe('<struct of 24 bytes: x, y, tag>');
  });

  it.each([
    [null, "fields must be an object like { x: 'd', y: 'i' }, got null"],
    [[], 'fields must be an object like'],
    [{}, 'fields must be at least one field'],
    [{ x: 'z' }, "fields.x must be an element type, a struct, or a number of either like 'd[3]' or [Point, 4], got 'z' (string)"],
    [{ x: 'd[0]' }, 'fields.x must be a number from 1 to'],
    [{ x: 'd[-1]' }, 'fields.x must be an element type'],
    [{ x: ['d', 1.5] }, 'fields.x must be a number from 1 to'],
    [{ x: 'd[2000000000]' }, 'fields must be at most 2147483648 bytes in all'],
    [{ constructor: 'd' }, 'fields must be named otherwise'],
  ])('names a bad field: %j', (fields, message) => {
    expect(() => struct(fields as never)).toThrow(message);
  });
});

describe.each([
  ['Value', Value],
  ['RawValue', RawValue],
] as const)('a %s of a structure', (_name, Kind) => {
  it('starts at zero, and has a property for each field', () => {
    const value = new Kind(All).value;
    expect(inspect(value)).toContain("p: { x: 0, y: 0, tag: '' }");
    expect([value.a, value.p.x, value.ps[1]?.tag, [...(value.v as Int16Array)], value.big, value.c, value.w, value.f, value.u]).toEqual([
      0,
      0,
      '',
      [0, 0, 0],
      0n,
      '\0',
      '',
      0,
      0,
    ]);
    value.a = -128;
    value.p.x = 1.5;
    (value.ps[1] as { tag: string }).tag = 'exactly8';
    value.v = [1, -2, 3];
    value.big = -(2n ** 63n);
    value.c = 'ÿ';
    value.w = '你😀';
    value.f = 0.25;
    value.u = 2 ** 32 - 1;
    expect([value.a, value.p.x, value.ps[1]?.tag, [...(value.v as Int16Array)], value.big, value.c, value.w, value.f, value.u]).toEqual([
      -128,
      1.5,
      'exactly8',
      [1, -2, 3],
      -(2n ** 63n),
      'ÿ',
      '你😀',
      0.25,
      2 ** 32 - 1,
    ]);
    (value.v as Int16Array)[1] = 7;
    expect((value.v as Int16Array)[1]).toBe(7);
  });

  it('is set from objects, field by field', () => {
    const value = new Kind(All, { p: { x: 1 }, ps: [{ x: 2 }, { y: 3 }], v: new Set([1, 2, 3]), big: 5 });
    expect([value.value.p.x, value.value.ps.map(({ x, y }) => [x, y]), value.value.big]).toEqual([
      1,
      [
        [2, 0],
        [0, 3],
      ],
      5n,
    ]);
    value.value = { a: 1 } as never;
    value.value.p = { ...value.value.p, y: 9 } as never;
    expect([value.value.a, value.value.p.x, value.value.p.y]).toEqual([1, 1, 9]);
    value.value.p = new Kind(Point, { x: 8, tag: 'other' }).value;
    expect([value.value.p.x, value.value.p.y, value.value.p.tag]).toEqual([8, 0, 'other']);
  });

  it.each([
    ['an unknown field', { z: 1 }, 'value must be an object with no fields but x, y, tag'],
    ['no object', 5, 'value must be an object with fields of the struct, got 5 (number)'],
    ['what a field cannot hold', { y: 2 ** 31 }, 'y must be between -2147483648 and 2147483647 (int32), got 2147483648 (number)'],
    ['a fraction', { y: 0.5 }, 'y must be an integer (int32), got 0.5 (number)'],
    ['text as number', { x: '1' }, "x must be a number, got '1' (string)"],
    ['a text that is too long', { tag: 'much too long' }, 'tag must be at most 8 characters long'],
    ['characters that are too wide', { tag: '你' }, 'tag must be between 0 and 255'],
  ])('refuses %s, and keeps what it was', (_what, init, message) => {
    const value = new Kind(Point, { x: 1, y: 2, tag: 'a' });
    expect(() => {
      value.value = init as never;
    }).toThrow(message);
    expect(inspect(value.value)).toBe("struct { x: 1, y: 2, tag: 'a' }");
    expect(() => new Kind(Point, init as never)).toThrow(message.replace('value must', 'initial must'));
  });

  it('is itself in JSON', () => {
    const value = new Kind(Point, { x: 1, tag: 'a' });
    expect(JSON.stringify(value.value)).toBe('{"x":1,"y":0,"tag":"a"}');
  });

  it('has no atomic operations, shows itself, and is unusable after disposal', () => {
    const value = new Kind(Point, { x: 1 });
    expect(() => value.add(1 as never)).toThrow('type must be an integer type for atomic operations');
    expect(inspect(value)).toBe(`<${_name} <struct of 24 bytes: x, y, tag> struct { x: 1, y: 0, tag: '' }>`);
    const record = value.value;
    value[Symbol.dispose]();
    expect(() => value.value).toThrow(ClosedError);
    expect(() => record.x).toThrow(ClosedError);
    expect(() => {
      record.x = 1;
    }).toThrow(ClosedError);
    expect(() => record.tag).toThrow(ClosedError);
  });
});

describe('an Array of structures', () => {
  it('is indexed, iterated, and set by element', () => {
    const points = new SharedArray(Point, [{ x: 1 }, { x: 2, tag: 'b' }, {}]);
    expect([points.length, points.type, points[1]?.tag, points.at(-1)?.x, points.at(3)]).toEqual([3, Point, 'b', 0, undefined]);
    points.set(-1, { x: 3, y: 4 });
    (points[0] as { y: number }).y = 7;
    expect([...points].map(({ x, y }) => [x, y])).toEqual([
      [1, 7],
      [2, 0],
      [3, 4],
    ]);
    expect(() => points.set(3, {})).toThrow('index must be an integer of at least -3 and less than 3, got 3 (number)');
    expect([points instanceof SharedArray, points instanceof RawArray, new RawArray(Point, 1) instanceof RawArray]).toEqual([
      true,
      false,
      true,
    ]);
    expect(inspect(points)).toBe('<StructArray of 3 <struct of 24 bytes: x, y, tag>>');
    expect(points.getLock()).toBeInstanceOf(Lock);
    expect(() => new SharedArray(Point, 1, { lock: false }).getLock()).toThrow('it has no lock');
  });

  it.each([0, 1, 170, 171, 100_000])('of %s starts at zero, also where a former one was', (length) => {
    for (let round = 0; round < 2; round++) {
      const points = new RawArray(Point, length);
      expect(points.length).toBe(length);
      for (const point of points) if (point.x !== 0 || point.y !== 0) throw new Error('not zero');
      for (const point of points) point.x = -1;
      const last = points.at(-1);
      points[Symbol.dispose]();
      if (last !== undefined) expect(() => last.x).toThrow(ClosedError);
    }
  });

  it('and Values, made and disposed of again and again, leave neither blocks nor pages', () => {
    const make = () => {
      const raw = new RawValue(Point);
      return [new SharedArray(Point, 10), new RawArray(Point, 10_000), new Value(All), raw, sharedctypes.synchronized(raw)];
    };
    const state = () => [countPages(), countBlocks(BLOCK_STRUCT), countBlocks(BLOCK_STRUCTS)];
    for (const each of make()) each[Symbol.dispose]();
    const before = state();
    for (let round = 0; round < 50; round++) for (const each of make()) each[Symbol.dispose]();
    expect(state()).toEqual(before);
  });

  it('names a bad argument', () => {
    expect(() => new SharedArray(Point, -1)).toThrow('size must be an integer between 0');
    expect(() => new SharedArray(Point, [{ z: 1 }] as never)).toThrow('elements[0] must be an object with no fields but x, y, tag');
    expect(() => new SharedArray(Point, null as never)).toThrow('sizeOrElements must be a number of elements, or an iterable of them');
    expect(() => new RawArray(Point, 2 ** 30)).toThrow(/size must be at most \d+ structs of 24 bytes/);
  });
});

describe('structures that are sent', () => {
  it('are the same memory in a child, and their type is known there', async () => {
    const points = new SharedArray(Point, [{ x: 1 }, { x: 2 }]);
    const p = await new Process({ target: { module, name: 'moveAll' }, args: [points, 10] }).start();
    await p.join();
    expect([p.exitCode, ...[...points].map(({ x }) => x)]).toEqual([0, 11, 12]);
  });

  it('come back as the same objects; a structure by itself arrives as a copy', () => {
    const queue = new Queue<unknown[]>();
    const [value, points] = [new Value(Point, { x: 1, tag: 'a' }), new RawArray(Point, 2)];
    queue.putSync([value, points, value.value, Point, value.getLock()]);
    const received = queue.getSync();
    expect([received[0] === value, received[1] === points, received[3] === Point, received[4] === value.getLock()]).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect(received[2]).toEqual({ x: 1, y: 0, tag: 'a' });
  });
});

// biome-ignore-all lint/suspicious/noSparseArray: holes are among what is tested
/** The codec against `structuredClone`: what that preserves is preserved, what it changes is changed in the same way. */
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { difference, roundTrip } from './helpers.js';

class Point {
  x = 1;
  y = 2;
  static origin = 0;
  get sum() {
    return this.x + this.y;
  }
}
class List extends Array {}
class Table extends Map<unknown, unknown> {}
class Day extends Date {}

function build<T>(make: (value: T) => void, value: T): T {
  make(value);
  return value;
}
const same = { shared: true };
const memory = new ArrayBuffer(32);
new Uint8Array(memory).forEach((_, i, bytes) => {
  bytes[i] = i;
});
const Float16 = (globalThis as { Float16Array?: typeof Float32Array }).Float16Array;

const values: [name: string, value: unknown][] = [
  ['undefined', undefined],
  ['null', null],
  ['true', true],
  ['false', false],
  ...[0, 1, 127, 128, -1, -128, -129, 255, 256, 32767, 32768, -32768, -32769, 65536, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), -(2 ** 31) - 1].map(
    (n): [string, unknown] => [`the integer ${n}`, n],
  ),
  ['-0', -0],
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
  ['a fraction', 0.1],
  ['the largest integer', Number.MAX_SAFE_INTEGER],
  ['the smallest number', Number.MIN_VALUE],
  ['0n', 0n],
  ['-1n', -1n],
  ['the largest 64-bit bigint', 2n ** 63n - 1n],
  ['the smallest 64-bit bigint', -(2n ** 63n)],
  ['a bigint of 65 bits', 2n ** 64n],
  ['a negative bigint of 5000 bits', -(3n ** 3000n)],
  ...[0, 1, 15, 16, 17, 31, 32, 251, 252, 65535, 65536, 100_000].map((n): [string, unknown] => [`a string of ${n} chars`, 'é'.repeat(n)]),
  ['every one-byte char', String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i))],
  ['a two-byte string', 'Ł€漢'],
  ['a long two-byte string', '漢字'.repeat(50_000)],
  ['a string with emoji', '👩‍👩‍👧 ok'],
  ['a lone high surrogate', '\ud800'],
  ['a lone low surrogate in a long string', `${'a'.repeat(40)}\udfff`],
  ['a one-byte slice of a two-byte string', '漢abcdefghijklmnopqrstuvw'.slice(1)],
  ['a rope', ['abc', 'def'].join('').concat('x'.repeat(50))],
  ['an empty object', {}],
  ['a record', { id: 123, name: 'task-123', ok: true }],
  ['records of one shape', [{ a: 1, b: 2 }, { a: 3, b: 4 }, { b: 4, a: 3 }, { a: 1 }, { a: 1, b: 2, c: 3 }, { a: 5, b: 6 }]],
  ['nested records', { a: { b: { c: { d: [1, { e: 2 }] } } }, z: {} }],
  ['integer-like keys', { b: 1, 2: 'two', a: 2, 1: 'one', '01': 'no index', '-1': 0, '4294967295': 1 }],
  ['keys that are not latin1', { ключ: 1, 漢: 2, '\ud800': 3 }],
  ['a key of 1000 chars', { ['k'.repeat(1000)]: 1, ['k'.repeat(3000)]: 2 }],
  ['the empty key', { '': 1 }],
  ['an own __proto__', JSON.parse('{"__proto__":{"x":1},"a":2}')],
  ['keys named as inherited ones', { constructor: 1, toString: 2, hasOwnProperty: 3 }],
  ['an object of 1000 keys', Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`key${i}`, i]))],
  ['an own __proto__ among 100 keys', JSON.parse(`{"__proto__":1,${Array.from({ length: 100 }, (_, i) => `"k${i}":${i}`)}}`)],
  ['an object without prototype', Object.assign(Object.create(null), { a: 1 })],
  ['inherited keys', Object.assign(Object.create({ inherited: 1 }), { own: 2 })],
  ['a class instance', new Point()],
  ['symbol keys', { [Symbol('s')]: 1, [Symbol.iterator]: 2, a: 3 }],
  ['keys that are not enumerable', Object.defineProperty({ a: 1 }, 'hidden', { value: 2, enumerable: false })],
  [
    'a getter',
    {
      get a() {
        return { n: 1 };
      },
      b: 2,
    },
  ],
  ['a frozen object', Object.freeze({ a: Object.freeze([1]) })],
  ['an object after delete', build((o: Record<string, unknown>) => delete o['b'], { a: 1, b: 2, c: 3 })],
  ['undefined as a value', { a: undefined, b: null }],
  ['an empty array', []],
  ['arrays of every small length', Array.from({ length: 20 }, (_, n) => Array.from({ length: n }, (_, i) => i))],
  ['integers', Array.from({ length: 100 }, (_, i) => i * 12345 - 5000)],
  ['integers, -0 among them', [1, 2, 3, 4, 5, -0, 7, 8]],
  ['doubles', Array.from({ length: 100 }, (_, i) => i / 3)],
  ['integers and doubles', [1, 2, 3, 4, 5, 6, 7, 8.5, Number.NaN]],
  ['numbers and then something else', [1, 2, 3, 4, 5, 6, 7.5, 'x', null]],
  ['mixed elements', [1, 'a', null, undefined, true, [], {}]],
  ['holes', [1, , 3, , undefined, ,]],
  ['holes only', new Array(5)],
  ['numbers and a hole', [1, 2, 3, 4, 5, 6, , 8, 9]],
  ['an array with other keys', Object.assign([1, 2, 3], { name: 'x', '-1': 2, '1.5': 3 })],
  ['an array with holes and other keys', Object.assign([1, , 3], { name: 'x' })],
  [
    'an array of 200 with other keys',
    Object.assign(
      Array.from({ length: 200 }, (_, i) => i),
      { name: 'x' },
    ),
  ],
  [
    'an array of 3000 with holes',
    build(
      (a: number[]) => delete a[1500],
      Array.from({ length: 3000 }, (_, i) => i),
    ),
  ],
  ['what a regular expression matched', /(?<y>\d+)-(\d+)/.exec('on 2024-05')],
  [
    'a sparse array',
    build((a: unknown[]) => {
      a[5000] = { far: 1 };
      a[3] = 'near';
    }, [] as unknown[]),
  ],
  ['a sparse array with other keys', build((a: unknown[]) => Object.assign(a, { 100000: 1, x: 2, 7: 3 }), [] as unknown[])],
  [
    'a sparse array of 1e9',
    build((a: unknown[]) => {
      a[999_999_999] = 'end';
    }, [] as unknown[]),
  ],
  ['a subclass of Array', List.from([1, 2, 3])],
  ['100,000 elements', Array.from({ length: 100_000 }, (_, i) => (i % 3 === 0 ? `s${i}` : i))],
  ['a boxed number', Object(-0)],
  ['a boxed string', Object('boxed')],
  ['boxed booleans', [Object(false), Object(true)]],
  ['a boxed bigint', Object(7n)],
  ['a date', new Date(1.7e12)],
  ['an invalid date', new Date(Number.NaN)],
  ['a regular expression', /a[/]\n+(?<x>y)/giu],
  [
    'a regular expression in use',
    build((r: RegExp) => {
      r.lastIndex = 3;
    }, /x/g),
  ],
  ['an empty regular expression', /(?:)/],
  [
    'a map',
    new Map<unknown, unknown>([
      ['a', 1],
      [{ k: 1 }, { v: 2 }],
      [Number.NaN, -0],
      [undefined, null],
    ]),
  ],
  ['a map in a map', new Map([[new Map([[1, 2]]), new Map()]])],
  ['a set', new Set<unknown>([1, 'a', { x: 1 }, Number.NaN])],
  ['a subclass of Map', new Table([[1, 2]])],
  ['a subclass of Date', Reflect.construct(Day, [5])],
  ['an ArrayBuffer', memory],
  ['an empty ArrayBuffer', new ArrayBuffer(0)],
  ['an ArrayBuffer of 1 MiB', new Uint8Array(1 << 20).fill(7).buffer],
  ['a DataView', new DataView(memory, 3, 7)],
  ...[
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
    ...(Float16 ? [Float16] : []),
  ].flatMap((TypedArray): [string, unknown][] => [
    [`a ${TypedArray.name}`, new TypedArray([1, 2, 3])],
    [`a large ${TypedArray.name}`, new TypedArray(10_000).fill(3)],
    [`a nested ${TypedArray.name}`, { before: 1, array: new TypedArray([4, 5]), after: 2 }],
  ]),
  ['a BigInt64Array', new BigInt64Array([1n, -1n])],
  ['a BigUint64Array', new BigUint64Array([1n, 2n ** 64n - 1n])],
  ['an empty Float64Array', new Float64Array(0)],
  ['a subclass of Uint8Array', new (class Bytes extends Uint8Array {})([1, 2])],
  ['typed arrays with other keys', Object.assign(new Uint8Array(2), { x: 1 })],
  ['two views on one ArrayBuffer', [new Uint8Array(memory), new Float64Array(memory)]],
  ['two parts of one ArrayBuffer', { a: new Uint8Array(memory, 0, 4), b: new Uint16Array(memory, 4, 4) }],
  ['a part and its ArrayBuffer', [new Uint8Array(memory, 1, 4), memory, { again: memory }]],
  ['an ArrayBuffer and a part of it', [memory, new DataView(memory, 8), new Int32Array(memory, 8, 2)]],
  ['one object twice', [same, same]],
  ['one object at three depths', { a: same, b: { c: same, d: [same, [same]] } }],
  ['one string object, date, map and array twice', ((parts) => [...parts, ...parts, parts])([Object('s'), new Date(0), new Map(), [1]])],
  ['200 objects, each twice', ((objects) => [...objects, ...objects])(Array.from({ length: 200 }, (_, i) => ({ i })))],
  [
    'an object that contains itself',
    build(
      (o: Record<string, unknown>) => {
        o['self'] = o;
      },
      { a: 1 } as Record<string, unknown>,
    ),
  ],
  ['an array that contains itself', build((a: unknown[]) => a.push(a), [1] as unknown[])],
  ['a map that is its own key and value', build((m: Map<unknown, unknown>) => m.set(m, m), new Map())],
  ['a set that contains itself', build((s: Set<unknown>) => s.add(s), new Set())],
  [
    'a long circle',
    build(
      (ring: { next?: unknown }[]) =>
        ring.forEach((o, i) => {
          o.next = ring[(i + 1) % ring.length];
        }),
      Array.from({ length: 50 }, () => ({})),
    ),
  ],
  ['an object 1000 deep', Array.from({ length: 1000 }).reduce((inner) => ({ inner }), 'core')],
  ['the same keys with other values', Array.from({ length: 300 }, (_, i) => ({ [`k${i % 7}`]: i, z: 'x' }))],
  ['500 shapes', Array.from({ length: 500 }, (_, i) => ({ [`k${i}`]: i, common: true }))],
  ['JSON, an object of the engine that V8 takes for a plain one', JSON],
];

describe('the codec does what structuredClone does with', () => {
  it.each(values)('%s', (_name, value) => {
    expect(difference(roundTrip(value), structuredClone(value))).toBeUndefined();
  });

  it('itself again, with caches warm', () => {
    for (const [name, value] of values) expect(difference(roundTrip(value), structuredClone(value)), name).toBeUndefined();
  });

  it('all values in one message', () => {
    const all = values.map(([, value]) => value);
    expect(difference(roundTrip(all), structuredClone(all))).toBeUndefined();
  });
});

describe('values nested 100,000 deep', () => {
  const DEPTH = 100_000;
  function nest<T>(wrap: (inner: T | undefined, level: number) => T): T {
    let value = wrap(undefined, 0);
    for (let level = 1; level < DEPTH; level++) value = wrap(value, level);
    return value;
  }
  test('a linked list', () => {
    type Link = { level: number; next: Link | undefined };
    const links = Array.from(
      (function* (from: Link) {
        for (let link: Link | undefined = from; link !== undefined; link = link.next) yield link;
      })(roundTrip(nest<Link>((next, level) => ({ level, next })))),
    );
    expect(links).toHaveLength(DEPTH);
    expect(links.every((link, i) => link.level === DEPTH - 1 - i && Object.keys(link).join() === 'level,next')).toBe(true);
  });
  test('arrays, with numbers, holes and other keys at each level', () => {
    const make = [
      (inner: unknown, n: number) => [n, inner],
      (inner: unknown) => [inner, , 2],
      (inner: unknown) => Object.assign([], { inner }),
      (inner: unknown) => Object.assign([], { 5000: inner }),
      (inner: unknown) => [
        inner,
        [1, 2, 3, 4, 5, 6, 7],
        [0.5, 2, 3, 4, 5, 6],
        Object.fromEntries(Array.from({ length: 200 }, (_, i) => [i, i])),
      ],
    ] as const;
    let value: unknown = 'core';
    for (let level = 0; level < 1500; level++) value = make[Math.floor(level / 3) % 5]!(value, level);
    const core = value;
    expect(difference(roundTrip([core, core]), structuredClone([core, core]))).toBeUndefined();
  });
  test('a tree whose leaves refer to its root', () => {
    type Tree = { root?: Tree; left?: Tree; right?: Tree };
    const root: Tree = {};
    let node = root;
    for (let level = 0; level < DEPTH; level++) {
      node.right = { root };
      node = node.left = {};
    }
    let got = roundTrip(root);
    const gotRoot = got;
    let levels = 0;
    for (; got.left; got = got.left, levels++) if (got.right?.root !== gotRoot) throw new Error(`another root at ${levels}`);
    expect(levels).toBe(DEPTH);
  });
});

test('a resizable ArrayBuffer keeps its maximum, and views that follow its length keep following', () => {
  const Resizable = ArrayBuffer as unknown as {
    new (n: number, o: object): ArrayBuffer & { resize(n: number): void; maxByteLength: number; resizable: boolean };
  };
  for (const [size, max] of [
    [8, 16],
    [16, 16],
  ] as const) {
    const resizable = new Resizable(size, { maxByteLength: max });
    const sent = {
      resizable,
      following: new Uint8Array(resizable, 4),
      fixed: new Uint8Array(resizable, 4, size - 4),
      data: new DataView(resizable, 2),
      part: new Int16Array(resizable, 2, 1),
    };
    const got = roundTrip(sent);
    expect(got.resizable).toMatchObject({ byteLength: size, maxByteLength: max, resizable: true });
    expect(got.following.buffer).toBe(got.resizable);
    got.resizable.resize(6);
    expect([got.following.length, got.fixed.length, got.data.byteLength, got.part.length]).toEqual([2, 0, 4, 1]);
  }
});

test('anything fast-check makes arrives as structuredClone would give it', () => {
  const anything = fc.anything({
    withBigInt: true,
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withNullPrototype: true,
    withObjectString: true,
    withSparseArray: true,
    withTypedArray: true,
    withUnicodeString: true,
    maxDepth: 4,
  } as fc.ObjectConstraints);
  fc.assert(
    fc.property(anything, (value) => difference(roundTrip(value), structuredClone(value)) === undefined),
    { numRuns: 3000 },
  );
});

test('objects that share parts arrive sharing them', () => {
  const graph = fc.array(fc.tuple(fc.nat(40), fc.nat(40), fc.string()), { maxLength: 60 }).map((edges) => {
    const nodes: Record<string, unknown>[] = Array.from({ length: 41 }, () => ({}));
    for (const [from, to, label] of edges) (nodes[from] as Record<string, unknown>)[label] = nodes[to];
    return nodes;
  });
  fc.assert(
    fc.property(graph, (nodes) => difference(roundTrip(nodes), structuredClone(nodes)) === undefined),
    { numRuns: 500 },
  );
});

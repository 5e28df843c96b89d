/** What cannot be sent, and what is said about it. */
import { MessageChannel } from 'node:worker_threads';
import { afterEach, describe, expect, it, test } from 'vitest';
import { SerializationError } from '../../src/errors.js';
import { Encoder } from '../../src/serialize/codec.js';
import { decode, encode, roundTrip } from './helpers.js';

function failureOf(value: unknown, rootName?: string): SerializationError {
  try {
    encode(value, rootName);
  } catch (error) {
    expect(error).toBeInstanceOf(SerializationError);
    expect((error as SerializationError).code).toBe('ERR_FORKFUL_SERIALIZATION');
    return error as SerializationError;
  }
  throw new Error('it was sent');
}

const channels: MessageChannel[] = [];
afterEach(() => {
  for (const channel of channels.splice(0)) channel.port1.close();
});
function port(): unknown {
  const channel = new MessageChannel();
  channels.push(channel);
  return channel.port1;
}

function detached(): ArrayBuffer {
  const memory = new ArrayBuffer(8);
  structuredClone(memory, { transfer: [memory] });
  return memory;
}

// The types of Node 20 leave it out.
const { WebAssembly } = globalThis as unknown as { WebAssembly: { Module: new (bytes: Uint8Array) => object } };

const refused: [name: string, make: () => unknown, says: RegExp][] = [
  ['a function', () => () => 1, /functions do not cross processes\. Export it from a module/],
  ['a class', () => class {}, /functions do not cross processes/],
  ['a proxy of a function', () => new Proxy(() => 1, {}), /functions do not cross processes/],
  ['a symbol', () => Symbol('s'), /symbols do not cross processes/],
  ['a boxed symbol', () => Object(Symbol('s')), /symbols do not cross processes/],
  ['a promise', () => Promise.resolve(1), /promises do not cross processes\. Await it first/],
  ['a WeakMap', () => new WeakMap(), /objects of class WeakMap do not cross processes/],
  ['a WeakSet', () => new WeakSet(), /class WeakSet/],
  ['a WeakRef', () => new WeakRef({}), /class WeakRef/],
  ['a FinalizationRegistry', () => new FinalizationRegistry(() => {}), /class FinalizationRegistry/],
  ['a SharedArrayBuffer', () => new SharedArrayBuffer(8), /a SharedArrayBuffer is shared by threads only/],
  ['a view on a SharedArrayBuffer', () => new Uint8Array(new SharedArrayBuffer(8)), /a SharedArrayBuffer is shared/],
  ['a large view on a SharedArrayBuffer', () => new Uint8Array(new SharedArrayBuffer(8000)), /a SharedArrayBuffer is shared/],
  ['a proxy of a Map', () => new Proxy(new Map(), {}), /proxies do not cross processes/],
  ['a generator', () => (function* () {})(), /generators do not cross processes/],
  ['an array iterator', () => [1][Symbol.iterator](), /do not cross processes/],
  ['a MessagePort', port, /class MessagePort/],
  ['a number format', () => new Intl.NumberFormat(), /class NumberFormat/],
  ['a WebAssembly module', () => new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)), /class Module/],
  ['a detached ArrayBuffer', detached, /its ArrayBuffer is detached/],
];

describe('refused, at the root and deep inside:', () => {
  it.each(refused)('%s', (_name, make, says) => {
    const atRoot = failureOf(make());
    expect(atRoot.path).toBe('');
    expect(atRoot.message).toMatch(/^Cannot send value: /);
    expect(atRoot.message).toMatch(says);
    const inside = failureOf({ jobs: [1, { callback: make() }] }, 'args[1]');
    expect(inside.path).toBe('.jobs[1].callback');
    expect(inside.message).toMatch(/^Cannot send args\[1\]\.jobs\[1\]\.callback: /);
    expect(inside.message).toMatch(says);
  });
});

test('the whole message', () => {
  expect(failureOf({ jobs: [{}, {}, {}, { callback() {} }] }).message).toBe(
    'Cannot send value.jobs[3].callback: functions do not cross processes. Export it from a module and pass the name of the module and of the function.',
  );
});

const f = () => {};
class Holder {
  held = f;
}
const paths: [path: string, value: unknown][] = [
  ['.a', { a: f }],
  ['["a b"]', { 'a b': f }],
  ['["1"].x', { 1: { x: f } }],
  ['.ключ', { ключ: f }],
  ['[0]', [f]],
  ['[7][0]', [0, 1, 2, 3, 4, 5, 6, [f]]],
  ['.get("k")', new Map([['k', f]])],
  ['.get(1)', new Map([[1, f]])],
  ['.get(1n)', new Map([[1n, f]])],
  ['.get(undefined).x', new Map([[undefined, { x: f }]])],
  [
    '.values()[1]',
    new Map<object, unknown>([
      [{}, 1],
      [{}, f],
    ]),
  ],
  ['.keys()[0]', new Map([[f, 1]])],
  ['.keys()[2].x', new Set([1, 2, { x: f }])],
  ['.held', new Holder()],
  ['.cause.code', new Error('x', { cause: Object.assign(new Error('y'), { code: f }) })],
  ['.errors[0]', new AggregateError([f])],
  ['.name', Object.assign([1, 2], { name: f })],
  ['[90000]', Object.assign([], { 90000: f })],
  ['.key70', Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`key${i}`, i === 70 ? f : i]))],
];

describe('the path of a function under', () => {
  it.each(paths)('%s', (path, value) => {
    expect(failureOf(value).path).toBe(path);
    // Once more: now the shape is known, which is another way through the encoder.
    expect(failureOf(value).path).toBe(path);
  });
});

test('a very long path shows its start and its end', () => {
  const deep = Array.from({ length: 100 }).reduce<unknown>((inner, _, i) => ({ [`k${i}`]: inner }), f);
  expect(failureOf(deep).path).toMatch(/^\.k99\.k98.*\.k84….*\.k1\.k0$/);
});

test('maps, sets, errors and instances nest to a limit, the same in every process', () => {
  const nest = (levels: number, wrap: (inner: unknown) => unknown) => Array.from({ length: levels }).reduce<unknown>(wrap, 0);
  const wraps = [
    (inner: unknown) => new Map([[1, inner]]),
    (inner: unknown) => new Set([inner]),
    (inner: unknown) => new Error('e', { cause: inner }),
  ];
  for (const wrap of wraps) {
    roundTrip(nest(500, wrap));
    expect(failureOf(nest(501, wrap)).message).toMatch(/: maps, sets, errors and registered instances nest at most 500 deep\.$/);
  }
  expect(roundTrip({ still: 'usable' })).toEqual({ still: 'usable' });
});

test('the path of something unsendable very deep inside has a gap', () => {
  const deep = Array.from({ length: 1050 }).reduce<unknown>((inner) => ({ inner }), [f]);
  expect(failureOf(deep).path).toMatch(/^…(\.inner)+…?(\.inner)+\[0\]$/);
});

test('what a getter throws comes through unchanged, RangeErrors and SerializationErrors included', () => {
  for (const thrown of [new Error('mine'), new RangeError('mine'), new SerializationError('mine', '.p'), 'a string', undefined]) {
    const value = {
      a: [
        {
          get b() {
            throw thrown;
          },
        },
      ],
    };
    let caught: unknown = 'nothing';
    try {
      encode(value);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBe(thrown);
  }
});

test('after a failure the encoder holds nothing and works', () => {
  const encoder = new Encoder();
  const shared = {};
  expect(() => encoder.encode([shared, Buffer.alloc(10_000), f])).toThrow(SerializationError);
  expect(encoder).toMatchObject({ length: 0, body: null, handles: [] });
  encoder.encode([shared, shared, { a: 1 }]);
  expect(decode(encoder.bytes.subarray(0, encoder.length))).toEqual([{}, {}, { a: 1 }]);
});

test('a getter that encodes with the same encoder is told so', () => {
  const encoder = new Encoder();
  expect(() =>
    encoder.encode({
      get a() {
        encoder.encode(1);
        return 1;
      },
    }),
  ).toThrow(/sends something while its own value is being sent/);
  encoder.encode(5);
  expect(encoder.length).toBe(2);
});

describe('values that change while they are sent arrive in some consistent state:', () => {
  test('an object that loses and gains keys', () => {
    for (let round = 0; round < 3; round++) {
      const value: Record<string, unknown> = {
        get a() {
          delete value['b'];
          value['z'] = 1;
          return 1;
        },
        b: 2,
        c: 3,
      };
      expect(roundTrip(value)).toEqual({ a: 1, b: undefined, c: 3 });
    }
  });
  test('an array that shrinks', () => {
    const value: unknown[] = [
      {
        get a() {
          value.length = 1;
          return 1;
        },
      },
      2,
      3,
    ];
    expect(roundTrip(value)).toHaveLength(3);
  });
  test('a map and a set that grow and shrink', () => {
    const map = new Map<unknown, unknown>([
      [
        1,
        {
          get a() {
            map.delete(2);
            return 1;
          },
        },
      ],
      [2, 2],
    ]);
    expect(roundTrip(map).get(1)).toEqual({ a: 1 });
    const set: Set<unknown> = new Set([
      {
        get a() {
          set.add({});
          return 1;
        },
      },
    ]);
    expect(roundTrip(set).size).toBe(1);
  });
});

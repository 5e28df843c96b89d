/** Classes that cross as instances, and shared objects that cross as themselves. */
import { describe, expect, test } from 'vitest';
import { Decoder, Encoder, registerClass } from '../../src/serialize/codec.js';
import { type Handle, handleOf, type Passable } from '../../src/serialize/passable.js';
import { decode, encode, roundTrip } from './helpers.js';

class Point {
  readonly x: number;
  readonly y: number;
  constructor(x: number, y: number) {
    this.x = x;
    this.y = y;
  }
}
registerClass(Point, { serialize: (p) => [p.x, p.y], deserialize: ([x, y]: number[]) => new Point(x!, y!) });
class Point3 extends Point {}
class Money {
  #cents: bigint;
  constructor(cents: bigint) {
    this.#cents = cents;
  }
  get cents() {
    return this.#cents;
  }
}
registerClass(Money, { name: 'shop/Money', serialize: (m) => m.cents, deserialize: (cents: bigint) => new Money(cents) });
class Node {
  links: unknown[] = [];
}
registerClass(Node, {
  serialize: (node) => ({ links: node.links }),
  deserialize: (data: { links: unknown[] }) => Object.assign(new Node(), data),
});

describe('instances of registered classes', () => {
  test('arrive as instances, nested anywhere', () => {
    const got = roundTrip({ list: [new Point(1, 2)], map: new Map([[new Money(5n), new Point(3, 4)]]) });
    expect(got.list[0]).toEqual(new Point(1, 2));
    expect(got.list[0]).toBeInstanceOf(Point);
    expect([...got.map.keys()][0]!.cents).toBe(5n);
  });
  test('one twice arrives as one, also after others', () => {
    const p = new Point(1, 2);
    const q = { q: 1 };
    const got = roundTrip([q, p, p, q]);
    expect(got[1]).toBe(got[2]);
    expect(got[0]).toBe(got[3]);
  });
  test('of a subclass that is not registered, as the registered class', () => {
    expect(Object.getPrototypeOf(roundTrip(new Point3(1, 2)))).toBe(Point.prototype);
  });
  test('in a circle are refused with the path', () => {
    const node = new Node();
    node.links.push({ back: node });
    expect(() => encode(node)).toThrow(
      /^Cannot send value\.serialize\(\)\.links\[0\]\.back: what serialize\(\) gave for an instance contains that instance/,
    );
  });
  test('with something unsendable inside are refused with the path', () => {
    const node = new Node();
    node.links.push(() => {});
    expect(() => encode({ node })).toThrow(/^Cannot send value\.node\.serialize\(\)\.links\[0\]: functions/);
  });
  test('registering a class after it was sent as a plain object takes effect', () => {
    class Late {
      a = 1;
    }
    expect(Object.getPrototypeOf(roundTrip(new Late()))).toBe(Object.prototype);
    registerClass(Late, { serialize: () => null, deserialize: () => new Late() });
    expect(roundTrip(new Late())).toBeInstanceOf(Late);
  });
  test('a class that extends a built-in one may be registered', () => {
    class Tags extends Set<string> {}
    registerClass(Tags, { serialize: (t) => [...t], deserialize: (t: string[]) => new Tags(t) });
    expect(roundTrip([new Tags(['a'])])).toEqual([new Tags(['a'])]);
  });
  test('an unregistered name is a clear error, and what deserialize throws comes through', () => {
    class Gone {}
    registerClass(Gone, {
      name: 'Old',
      serialize: () => 1,
      deserialize: () => {
        throw new RangeError('no');
      },
    });
    const message = encode([new Gone()]);
    expect(() => decode(message)).toThrow(new RangeError('no'));
    registerClass(Gone, { name: 'New', serialize: () => 1, deserialize: () => new Gone() });
    expect(() => decode(message)).toThrow(
      "Cannot receive an instance of 'Old': no class is registered here under that name. Call registerClass in this process too, before it receives.",
    );
  });
  test('bad registrations are refused', () => {
    const codec = { serialize: () => 1, deserialize: () => ({}) };
    expect(() => registerClass(5 as never, codec)).toThrow(/cls must be a class, got 5 \(number\)/);
    expect(() => registerClass(class {}, codec)).toThrow(/codec.name must be a non-empty string/);
    expect(() => registerClass(Point, { serialize: () => 1 } as never)).toThrow(/codec.deserialize must be a function/);
    expect(() => registerClass(class Point {}, codec)).toThrow(/another class has that name/);
  });
});

class FakeLock implements Passable {
  readonly handle: Handle;
  constructor(offset: number) {
    this.handle = { offset, generation: 1 };
  }
  [handleOf](): Handle {
    return this.handle;
  }
}
class SharedDoubles extends Float64Array implements Passable {
  [handleOf](): Handle {
    return { offset: 64, generation: 1 };
  }
}
class SharedList extends Array<number> implements Passable {
  [handleOf](): Handle {
    return { offset: 128, generation: 1 };
  }
}

describe('passable objects', () => {
  const encoder = new Encoder();
  const send = (value: unknown): unknown => {
    const message = encode(value, 'value', encoder);
    const { handles } = encoder;
    return new Decoder().decode(message, 0, message.length, (index) => handles[index]);
  };

  test('arrive as what rebuild makes of their index, in order', () => {
    const [a, b] = [new FakeLock(64), new FakeLock(128)];
    const got = send({ a, list: [b, new Map([[a, b]])] }) as { a: unknown; list: [unknown, Map<unknown, unknown>] };
    expect(encoder.handles).toEqual([a, b]);
    expect(got.a).toBe(a);
    expect(got.list[0]).toBe(b);
    expect(got.list[1].get(a)).toBe(b);
  });
  test('may be typed arrays, arrays and whatever extends them, of any size', () => {
    class More extends SharedDoubles {}
    for (const shared of [new SharedDoubles(3), new SharedDoubles(10_000), new More(10_000), SharedList.from([1, 2]), new FakeLock(1)]) {
      expect(send(shared)).toBe(shared);
      expect(encoder.body).toBe(null);
      expect(send([shared, [shared]])).toEqual([shared, [shared]]);
      expect(encoder.handles).toEqual([shared]);
    }
  });
  test('are let go of by the next message, and by release', () => {
    encoder.encode(new FakeLock(1));
    encoder.encode(1);
    expect(encoder.handles).toEqual([]);
    encoder.encode([new FakeLock(1)]);
    encoder.release();
    expect(encoder.handles).toEqual([]);
  });
  test('without rebuild the message is refused', () => {
    expect(() => decode(encode(new FakeLock(1)))).toThrow('corrupt message');
  });
});

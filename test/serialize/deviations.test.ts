/** Where the codec deliberately does something else than structuredClone. */
import { describe, expect, test } from 'vitest';
import * as errors from '../../src/errors.js';
import { Decoder, Encoder, encodeThrown, RemoteError } from '../../src/serialize/codec.js';
import { decode, encode, roundTrip } from './helpers.js';

describe('Buffers', () => {
  test('stay Buffers at any size, nested or not', () => {
    for (const size of [0, 1, 24, 25, 4095, 4096, 70_000]) {
      const buffer = Buffer.alloc(size, 'abc');
      for (const got of [roundTrip(buffer), roundTrip({ buffer }).buffer]) {
        expect(Buffer.isBuffer(got)).toBe(true);
        expect(got.equals(buffer)).toBe(true);
      }
    }
  });
  test('small ones from the pool travel without the pool', () => {
    const message = encode([Buffer.from('one'), Buffer.from('two')]);
    expect(message.length).toBeLessThan(20);
    expect(decode(message)).toEqual([Buffer.from('one'), Buffer.from('two')]);
  });
  test('one Buffer twice is one Buffer', () => {
    const buffer = Buffer.from('x');
    const got = roundTrip([buffer, buffer]);
    expect(got[0]).toBe(got[1]);
  });
});

test('a part of an array travels alone, without the rest of its memory', () => {
  const part = new Float64Array(100_000).fill(0.5).subarray(10, 20);
  const message = encode({ part });
  expect(message.length).toBeLessThan(120);
  const got = (decode(message) as { part: Float64Array }).part;
  expect(got).toEqual(part);
  expect(got.buffer.byteLength).toBe(80);
});

test('proxies of plain objects and arrays are read through', () => {
  expect(roundTrip(new Proxy({ a: [new Proxy([1, 2], {})] }, {}))).toEqual({ a: [[1, 2]] });
});

test('arguments are read as an object', () => {
  const value = (function (..._: number[]) {
    // biome-ignore lint/complexity/noArguments: it is what is tested
    return arguments;
  })(1, 2);
  expect(roundTrip(value)).toEqual({ 0: 1, 1: 2 });
});

describe('errors', () => {
  class ValidationError extends Error {
    field = 'age';
  }
  class NamedError extends TypeError {
    override name = 'NamedError';
  }

  test('of built-in classes keep class, message, stack, cause and own properties', () => {
    for (const ErrorClass of [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError]) {
      const error = Object.assign(new ErrorClass('went wrong', { cause: { deep: [1] } }), { code: 'E_X', detail: { n: 1 } });
      const got = roundTrip(error);
      expect(Object.getPrototypeOf(got)).toBe(ErrorClass.prototype);
      expect(Object.getOwnPropertyDescriptors(got)).toEqual(Object.getOwnPropertyDescriptors(error));
      expect(String(got)).toBe(String(error));
      expect(got.stack).toBe(error.stack);
    }
  });
  test('without message or with an odd one', () => {
    expect(Object.hasOwn(roundTrip(new Error()), 'message')).toBe(false);
    expect(roundTrip(Object.assign(new Error(), { message: 42 })).message).toBe(42);
    expect(roundTrip(Object.assign(new Error('m'), { name: 'Renamed' }))).toMatchObject({ name: 'Renamed', message: 'm' });
  });
  test('an AggregateError keeps its errors, a circle of causes stays one', () => {
    const error = new AggregateError([new TypeError('a'), 'b'], 'both');
    error.cause = error;
    const got = roundTrip(error);
    expect(got).toBeInstanceOf(AggregateError);
    expect(got.errors[0]).toBeInstanceOf(TypeError);
    expect(got.errors[1]).toBe('b');
    expect(got.cause).toBe(got);
  });
  test('of this package are instances of their classes', () => {
    const samples = [
      new errors.ProcessError('p'),
      new errors.Empty('e'),
      new errors.ClosedError('c', { cause: 1 }),
      new errors.SerializationError('s', '.a'),
      new errors.StateError('ERR_FORKFUL_X', 'state'),
      new errors.SystemError('open', 'ENOENT', -2),
      new RemoteError(new TypeError('x'), 'Process-1'),
    ];
    for (const error of samples) {
      const got = roundTrip(error);
      expect(Object.getPrototypeOf(got)).toBe(Object.getPrototypeOf(error));
      expect(Object.keys(got)).toEqual(Object.keys(error));
      expect(got).toMatchObject({ code: error.code, name: error.name, message: error.message, stack: error.stack });
    }
  });
  test('of unknown classes are the nearest known class, with the name', () => {
    const got = roundTrip(new ValidationError('bad'));
    expect(Object.getPrototypeOf(got)).toBe(Error.prototype);
    expect(got).toMatchObject({ name: 'ValidationError', message: 'bad', field: 'age' });
    expect(Object.keys(got)).toEqual(['field']);
    const named = roundTrip(new NamedError('bad'));
    expect(named).toBeInstanceOf(TypeError);
    expect(named.name).toBe('NamedError');
  });
  test('a DOMException keeps its name and code', () => {
    const got = roundTrip(new DOMException('stopped', 'AbortError'));
    expect(got).toBeInstanceOf(DOMException);
    expect(got).toMatchObject({ name: 'AbortError', message: 'stopped', code: 20 });
  });
  test('RemoteError says who threw what', () => {
    const thrown = new TypeError('x is not a function');
    const error = new RemoteError(thrown, 'Process-3 (pid 7)');
    expect(error).toMatchObject({
      name: 'RemoteError',
      code: 'ERR_FORKFUL_REMOTE',
      message: 'Process-3 (pid 7) threw TypeError: x is not a function',
      cause: thrown,
      remoteStack: thrown.stack,
    });
    expect(new RemoteError({ odd: 1 })).toMatchObject({ message: 'another process threw { odd: 1 }', remoteStack: '' });
  });
});

describe('encodeThrown', () => {
  const encoder = new Encoder();
  const send = (thrown: unknown): unknown => {
    encodeThrown(encoder, thrown);
    return new Decoder().decode(encoder.bytes, 0, encoder.length);
  };
  test('sends what can be sent as it is', () => {
    expect(send(new RangeError('r'))).toEqual(new RangeError('r'));
    expect(send({ any: 'value' })).toEqual({ any: 'value' });
  });
  test('leaves out the properties that cannot be sent, at each cause', () => {
    const inner = Object.assign(new TypeError('inner'), { request: () => {}, id: 1 });
    const got = send(Object.assign(new RangeError('outer', { cause: inner }), { socket: Promise.resolve(), code: 'E' })) as RangeError & {
      cause: Error;
    };
    expect(got).toBeInstanceOf(RangeError);
    expect(got).toMatchObject({ message: 'outer', code: 'E' });
    expect(Object.keys(got)).toEqual(['code']);
    expect(got.cause).toBeInstanceOf(TypeError);
    expect(got.cause).toMatchObject({ message: 'inner', id: 1, stack: inner.stack });
  });
  test('tells of anything else in words', () => {
    expect(send(() => 1)).toMatchObject({
      code: 'ERR_FORKFUL_SERIALIZATION',
      message: expect.stringContaining('cannot be sent: [Function'),
    });
    const circle = Object.assign(new Error('c'), { f() {} });
    circle.cause = circle;
    expect(send(circle)).toMatchObject({ message: 'c' });
  });
});

/**
 * Nanoseconds per value: this package's codec against v8.serialize/deserialize and structuredClone, in one process, one after the other.
 * The least of several rounds counts: other work on the machine can only make a round longer. `node bench/micro/codec.mjs [term...]`
 */
import { cpus } from 'node:os';
import * as v8 from 'node:v8';
import { Decoder, Encoder } from '../../dist/serialize/codec.js';

const ROUNDS = 7;
const ROUND_MS = 40;

const record = { id: 123, name: 'task-123', ok: true };
const cases = {
  'int 42': 42,
  'record {id, name, ok}': record,
  'nested record': { id: 7, user: { name: 'joe', tags: ['a', 'b'] }, position: [1, 2, 3], at: 1.5 },
  '100 records': Array.from({ length: 100 }, (_, i) => ({ id: i, name: `task-${i}`, ok: true })),
  'string of 10': 'hello worl',
  'string of 24': 'abcdefghijklmnopqrstuvwx',
  'string of 1 KiB': 'x'.repeat(1024),
  'two-byte string of 100': '漢'.repeat(100),
  '[1, 2, 3]': [1, 2, 3],
  '100 integers': Array.from({ length: 100 }, (_, i) => i * 1000),
  '100 doubles': Array.from({ length: 100 }, (_, i) => i + 0.5),
  'Buffer of 64': Buffer.alloc(64, 1),
  'Buffer of 64 in a record': { id: 1, data: Buffer.alloc(64, 1) },
  'Buffer of 64 KiB': Buffer.alloc(65_536, 1),
  'Buffer of 1 MiB': Buffer.alloc(1 << 20, 1),
  'Float64Array of 8': new Float64Array(8),
  'Map, Set, Date, bigint, array': {
    map: new Map([
      ['a', 1],
      ['b', 2],
    ]),
    set: new Set([1, 2, 3]),
    date: new Date(0),
    big: 123n,
    array: new Float64Array(8),
  },
  'circle of 3': circle(3),
  'dictionary of 100': Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`key-${i}`, i])),
  'class instance': new (class Point {
    x = 1;
    y = 2;
  })(),
  TypeError: new TypeError('x is not a function'),
};

const encoder = new Encoder();
const decoder = new Decoder();
const terms = process.argv.slice(2);
let _sink;

console.log(`${cpus()[0]?.model}, Node ${process.version}; ns, least of ${ROUNDS} rounds; messages in bytes`);
console.log(row('', 'encode', 'decode', 'both', 'v8 ser', 'v8 deser', 'both', 'clone', 'times v8', 'bytes', 'v8 bytes'));
for (const [name, value] of Object.entries(cases)) {
  if (terms.length > 0 && !terms.some((term) => name.includes(term))) continue;
  const message = messageOf(value);
  const serialized = v8.serialize(value);
  const encode = measure(() => encoder.encode(value));
  const decode = measure(() => {
    _sink = decoder.decode(message, 0, message.length);
  });
  const serialize = measure(() => {
    _sink = v8.serialize(value);
  });
  const deserialize = measure(() => {
    _sink = v8.deserialize(serialized);
  });
  const clone = measure(() => {
    _sink = structuredClone(value);
  });
  const both = encode + decode;
  const times = ((serialize + deserialize) / both).toFixed(1);
  console.log(
    row(
      name,
      ...[encode, decode, both, serialize, deserialize, serialize + deserialize, clone].map(Math.round),
      times,
      message.length,
      serialized.length,
    ),
  );
}

function messageOf(value) {
  encoder.encode(value);
  return Buffer.concat([encoder.bytes.subarray(0, encoder.length), encoder.body ?? Buffer.alloc(0)]);
}

/** Nanoseconds per call. Each round is long enough for the clock, and the first ones warm up. */
function measure(work) {
  let calls = 1;
  while (time(work, calls) < ROUND_MS / 2) calls *= 2;
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) least = Math.min(least, time(work, calls) / calls);
  return least * 1e6;
}

function time(work, calls) {
  const start = performance.now();
  for (let i = 0; i < calls; i++) work();
  return performance.now() - start;
}

function circle(size) {
  const ring = Array.from({ length: size }, (_, id) => ({ id }));
  ring.forEach((node, i) => {
    node.next = ring[(i + 1) % size];
  });
  return ring[0];
}

function row(name, ...columns) {
  return name.padEnd(30) + columns.map((column) => String(column).padStart(9)).join('');
}

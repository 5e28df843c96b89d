/** Segments, lists and structures between this package and CPython, with all interpreters since 3.8 that are on this machine. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ListItem, ShareableList, SharedMemory, struct, Value } from 'forkful';
import { describe, expect, test } from 'vitest';
import { skipIf } from '../helpers/examples.js';
import { freshName, isThere } from '../helpers/segments.js';

const FIXTURE = fileURLToPath(new URL('../fixtures/interop/shared_memory.py', import.meta.url));
const LIMIT_MS = 60_000;

interface Interpreter {
  readonly version: string;
  readonly python: string;
  readonly whyNot?: string;
}

/** What Python's items are in ours, and the other way round. */
const ITEMS: ListItem[] = [
  0,
  42,
  -(2n ** 63n),
  2n ** 63n - 1n,
  0.5,
  -273.154,
  1e300,
  true,
  false,
  null,
  '',
  'howdy',
  'exactly8',
  'x'.repeat(100),
  Uint8Array.of(1, 2, 3),
  new Uint8Array(16).fill(200),
];
/** Python cannot read a list of its own with these (8 of more than 8 bytes), and cuts the zeros off. */
const OURS_ONLY: ListItem[] = ['你好吗', 'é'.repeat(8), '😀', Uint8Array.of(1, 0), Uint8Array.of(0, 0, 0), new Uint8Array(8)];

describe.each(interpreters())('Python $version', ({ version, python, whyNot }) => {
  const isOld = version.startsWith('3.8.');
  const run = (program: string): unknown[] => {
    const result = spawnSync(python, [FIXTURE], { input: program, encoding: 'utf8', timeout: LIMIT_MS });
    expect(result).toMatchObject({ stderr: '', status: 0 });
    return result.stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as unknown);
  };
  const make = (items: ListItem[]): ShareableList => new ShareableList(items, { name: freshName(), python38: isOld });

  test('attaches to our segment, and what both write is there for both', skipIf(whyNot), () => {
    const name = freshName();
    using memory = new SharedMemory({ name, create: true, size: 5000 });
    memory.buf?.set([1, 2, 3], 4997);
    const seen = run(`
m = attach("${name}")
show([m.size, m.name, m.buf[4996:5000]])
m.buf[0] = 77
m.close()
`);
    expect(seen).toEqual([[{ int: '5000' }, name, { bytes: [0, 1, 2, 3] }]]);
    // and its end removes nothing
    expect([memory.buf?.[0], isThere(name)]).toEqual([77, true]);
  });

  test('makes a segment that we attach to, by its name or a slash before it; and removes it', skipIf(whyNot), () => {
    const name = freshName();
    run(`
m = SharedMemory(name="${name}", create=True, size=100)
m.buf[99] = 5
m.close()
resource_tracker.unregister(m._name, "shared_memory")
`);
    using memory = new SharedMemory({ name: `/${name}` });
    expect([memory.name, memory.size, memory.buf?.[99]]).toEqual([name, 100, 5]);
    run(`m = attach("${name}"); m.unlink()`);
    expect(() => memory.unlink()).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });

  test('cannot make what we have made, nor attach to what we have removed', skipIf(whyNot), () => {
    const name = freshName();
    using memory = new SharedMemory({ name, create: true, size: 1 });
    const attempt = (call: string): string => `
try:
    ${call}
except OSError as error:
    show(type(error).__name__)
`;
    expect(run(attempt(`SharedMemory(name="${name}", create=True, size=1)`))).toEqual(['FileExistsError']);
    memory.unlink();
    expect(run(attempt(`attach("${name}")`))).toEqual(['FileNotFoundError']);
  });

  test('reads our list, and the bytes are those of its own', skipIf(whyNot), () => {
    const [ours, theirs] = [make(ITEMS), freshName()];
    const [items, format, bytes] = run(`
l = attach_list("${ours.shm.name}")
show(l)
show(l.format)
own = ShareableList(list(l), name="${theirs}")
show(own.shm.buf[:own.shm.size])
own.shm.close()
own.shm.unlink()
`);
    expect(items).toEqual(ITEMS.map(toJson));
    expect(format).toBe(ours.format);
    expect(bytes).toEqual({ bytes: [...(ours.shm.buf as Buffer)] });
    ours.shm.close();
    ours.shm.unlink();
  });

  test('reads texts of ours that it cannot read of its own, and bytes that end in zeros', skipIf(whyNot), () => {
    const list = make(OURS_ONLY);
    const seen = run(`
l = attach_list("${list.shm.name}")
show(l)
l[3] = b"12345678"
l[4] = "é"
l[5] = 5
l[0] = None
`);
    expect(seen).toEqual([OURS_ONLY.map(toJson)]);
    expect([...list]).toEqual(
      [null, ...OURS_ONLY.slice(1, 3), Buffer.from('12345678'), 'é', 5].map((item) =>
        item instanceof Uint8Array ? Uint8Array.from(item) : item,
      ),
    );
    list.set(1, 'ü'.repeat(8));
    list.set(2, Uint8Array.of(9, 0));
    expect(run(`show(attach_list("${list.shm.name}"))`)).toEqual([
      [null, 'ü'.repeat(8), { bytes: [9, 0] }, { bytes: [...Buffer.from('12345678')] }, 'é', { int: '5' }],
    ]);
    list.shm.close();
    list.shm.unlink();
  });

  test('makes a list that we read and change, and it reads that', skipIf(whyNot), () => {
    const name = freshName();
    run(`
l = ShareableList([from_json(item) for item in json.loads('''${JSON.stringify(ITEMS.map(toJson))}''')], name="${name}")
l.shm.close()
resource_tracker.unregister(l.shm._name, "shared_memory")
`);
    const list = new ShareableList({ name });
    expect([...list]).toEqual(ITEMS);
    list.set(0, 1.5);
    list.set(4, 2);
    list.set(9, 'ééé');
    list.set(10, Uint8Array.of(1, 0));
    list.set(12, 2n);
    const changed = ITEMS.map(toJson);
    changed.splice(0, 1, { float: '0x1.8000000000000p+0' });
    changed.splice(4, 1, { float: '0x1.0000000000000p+1' });
    changed.splice(9, 2, 'ééé', { bytes: [1, 0] });
    changed.splice(12, 1, { int: '2' });
    expect(run(`show(attach_list("${name}"))`)).toEqual([changed]);
    list.shm.close();
    list.shm.unlink();
  });

  test('has the same sizes and offsets of structures', skipIf(whyNot), () => {
    const Inner = struct({ a: 'b', d: 'd', s: 'h[3]' });
    const types = {
      Inner,
      Outer: struct({ c: 'c[5]', i: 'i', inner: Inner, inners: [Inner, 2], l: 'l', B: 'B', u: 'u[2]', f: 'f', Q: 'Q', H: 'H' }),
      Odd: struct({ c: 'c[3]' }),
      Tail: struct({ q: 'q', b: 'b' }),
    };
    const [sizes, offsets, content] = run(`
import ctypes as c
class Inner(c.Structure): _fields_ = [("a", c.c_byte), ("d", c.c_double), ("s", c.c_short * 3)]
class Outer(c.Structure): _fields_ = [("c", c.c_char * 5), ("i", c.c_int), ("inner", Inner), ("inners", Inner * 2), ("l", c.c_long), ("B", c.c_ubyte), ("u", c.c_wchar * 2), ("f", c.c_float), ("Q", c.c_ulonglong), ("H", c.c_ushort)]
class Odd(c.Structure): _fields_ = [("c", c.c_char * 3)]
class Tail(c.Structure): _fields_ = [("q", c.c_longlong), ("b", c.c_byte)]
types = [Inner, Outer, Odd, Tail]
print(json.dumps([c.sizeof(t) for t in types]))
print(json.dumps([{name: getattr(t, name).offset for name, _ in t._fields_} for t in types]))
o = Outer(b"abc", -1, Inner(1, 0.5, (1, 2, 3)))
o.u = "é"
print(json.dumps([o.c.decode(), o.i, o.inner.d, o.u]))
`) as [unknown, unknown, unknown];
    expect(sizes).toEqual(Object.values(types).map(({ size }) => size));
    expect(offsets).toEqual(Object.values(types).map((type) => type.offsets));
    const { value } = new Value(types.Outer, { c: 'abc', i: -1, inner: { d: 0.5 }, u: 'é' });
    expect(content).toEqual([value.c, value.i, value.inner.d, value.u]);
  });
});

function toJson(item: ListItem): unknown {
  if (item instanceof Uint8Array) return { bytes: [...item] };
  if (typeof item === 'bigint') return { int: String(item) };
  if (typeof item !== 'number') return item;
  return Number.isInteger(item) && Math.abs(item) < 1e15 ? { int: String(item) } : { float: hex(item) };
}

/** As Python's `float.hex`. */
function hex(value: number): string {
  const bits = new BigUint64Array(Float64Array.of(Math.abs(value)).buffer)[0] as bigint;
  const exponent = Number(bits >> 52n) - 1023;
  return `${value < 0 ? '-' : ''}0x1.${(bits & (2n ** 52n - 1n)).toString(16).padStart(13, '0')}p${exponent < 0 ? '' : '+'}${exponent}`;
}

function interpreters(): Interpreter[] {
  const folder = join(homedir(), '.pyenv/versions');
  const found = new Map<string, string>();
  for (const python of [...list(folder).map((name) => join(folder, name, 'bin/python3')), 'python3']) {
    const { stdout } = spawnSync(python, ['-c', 'import sys, _posixshmem; print("%d.%d.%d" % sys.version_info[:3])'], { encoding: 'utf8' });
    const version = stdout?.trim();
    if (version) found.set(version, python);
  }
  if (found.size === 0) return [{ version: 'since 3.8', python: 'python3', whyNot: 'no python3 since 3.8 here' }];
  return [...found].map(([version, python]) => ({ version, python }));
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

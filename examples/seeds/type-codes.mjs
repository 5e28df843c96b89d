// The type codes of Python, and what is behind each of them here. (001-30, a table in the text)
import { Array as SharedArray, Value } from 'forkful';

const CODES = {
  c: ['char', 'x'],
  u: ['wchar', '你'],
  b: ['byte', -128],
  B: ['ubyte', 255],
  h: ['short', -(2 ** 15)],
  H: ['ushort', 2 ** 16 - 1],
  i: ['int', -(2 ** 31)],
  I: ['uint', 2 ** 32 - 1],
  l: ['long', -(2n ** 63n)],
  L: ['ulong', 2n ** 64n - 1n],
  q: ['longlong', -(2n ** 63n)],
  Q: ['ulonglong', 2n ** 64n - 1n],
  f: ['float', 0.5],
  d: ['double', 3.14],
};

for (const [code, [name, example]] of Object.entries(CODES)) {
  const value = new Value(code, example);
  const array = new SharedArray(code, 2);
  console.log(code, name, value.value, `${8 * array.BYTES_PER_ELEMENT} bits`, value.value === example);
}

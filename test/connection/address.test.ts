/** Addresses and their families. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { connection } from 'forkful';
import { expect, test } from 'vitest';

const { addressType, arbitraryAddress, defaultFamily, families } = connection;

test('the family is seen by the address', () => {
  expect([...families, defaultFamily]).toEqual(['AF_INET', 'AF_INET6', 'AF_UNIX', 'AF_UNIX']);
  expect(
    [['localhost', 1], { host: '1.2.3.4', port: 0 }, ['::1', 0], '/tmp/x', '\0x', '\\\\.\\pipe\\x'].map((one) => addressType(one as never)),
  ).toEqual(['AF_INET', 'AF_INET', 'AF_INET6', 'AF_UNIX', 'AF_UNIX', 'AF_PIPE']);
});

test.each([
  [undefined, TypeError],
  [7, TypeError],
  [[], TypeError],
  [['localhost'], TypeError],
  [['localhost', 1, 2], TypeError],
  [{ host: 'localhost' }, TypeError],
  [[1, 1], TypeError],
  [['localhost', '1'], TypeError],
  [['localhost', 65_536], RangeError],
  [['localhost', -1], RangeError],
  [['a\0b', 1], RangeError],
])('%j is no address', async (address, error) => {
  await expect(connection.Client(address as never)).rejects.toThrow(error);
});

test.each([
  ['', 'a path without zeros'],
  ['a\0b', 'a path without zeros'],
  ['x'.repeat(108), 'at most 107 bytes'],
  ['\\\\.\\pipe\\x', "AF_PIPE is Windows's"],
])('%j is no path', async (address, message) => {
  await expect(connection.Client(address)).rejects.toThrow(message);
});

test('a family that the address is not of is refused', async () => {
  await expect(connection.Client('/tmp/x', { family: 'AF_INET' })).rejects.toThrow(RangeError);
  await expect(connection.Client(['localhost', 1], 'AF_UNIX')).rejects.toThrow(RangeError);
  await expect(connection.Client(['::1', 1], 'AF_INET')).rejects.toThrow(RangeError);
  await expect(connection.Client('/tmp/x', 'AF_NONE' as never)).rejects.toThrow(RangeError);
  await expect(connection.Client('/tmp/x', { familie: 'AF_UNIX' } as never)).rejects.toThrow(TypeError);
});

test('arbitrary addresses are free, and their folder goes with the process', () => {
  expect([arbitraryAddress('AF_INET'), arbitraryAddress('AF_INET6')]).toEqual([
    ['localhost', 0],
    ['::1', 0],
  ]);
  expect(() => arbitraryAddress('AF_PIPE' as never)).toThrow(RangeError);
  const program = `import { connection } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url))};
    import { statSync } from 'node:fs'; import { dirname } from 'node:path';
    const [a, b] = [connection.arbitraryAddress(), connection.arbitraryAddress('AF_UNIX')];
    console.log(JSON.stringify([a, b, statSync(dirname(a)).mode & 0o777]));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  expect(stderr).toBe('');
  const [first, second, mode] = JSON.parse(stdout) as [string, string, number];
  expect([first !== second, dirname(first) === dirname(second), mode, existsSync(dirname(first))]).toEqual([true, true, 0o700, false]);
});

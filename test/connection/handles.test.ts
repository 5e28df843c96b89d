/** Descriptors under way: what is refused, and what is left of those that nobody receives. */
import { closeSync, fstatSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backend, type Connection, connection, Pipe } from 'forkful';
import { describe, expect, it } from 'vitest';
import { BLOCK_DESCRIPTOR, countBlocks } from '../../src/memory/block.js';
import { itNative } from '../helpers/backends.js';
import { until } from '../helpers/victims.js';

const { recvHandle, recvHandleSync, sendHandle, sendHandleSync } = connection;

/** Whether nothing is lent any more. That no descriptor is left is seen at the end of the file. */
const nothingLent = (): Promise<void> =>
  until(
    () => countBlocks(BLOCK_DESCRIPTOR) === 0,
    () => `${countBlocks(BLOCK_DESCRIPTOR)} loans`,
  );

describe('a descriptor', () => {
  itNative('that is sent within a thread arrives as another one, promised and blocking', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'handles-'));
    const [a, b] = Pipe();
    const fd = openSync(join(folder, 'file'), 'w');
    const [, first] = await Promise.all([sendHandle(a, fd), recvHandle(b)]);
    sendHandleSync(a, fd);
    const second = recvHandleSync(b);
    closeSync(fd);
    expect(new Set([fd, first, second]).size).toBe(3);
    for (const [received, text] of [[first, 'one '] as const, [second, 'two'] as const]) {
      writeSync(received, text);
      closeSync(received);
    }
    expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('one two');
    a.close();
    b.close();
    rmSync(folder, { recursive: true });
    await nothingLent();
  });

  itNative('that nobody receives is let go of with the pipe', async () => {
    const [a, b] = Pipe();
    await sendHandle(a, 1);
    await sendHandle(a, 2);
    expect(countBlocks(BLOCK_DESCRIPTOR)).toBe(2);
    b.close();
    await expect(sendHandle(a, 1)).rejects.toMatchObject({ code: 'ERR_FORKFUL_BROKEN_PIPE' });
    a.close();
    await nothingLent();
  });

  itNative('that is none is refused, and nothing is sent', async () => {
    const [a, b] = Pipe();
    const fd = openSync('/dev/null', 'r');
    closeSync(fd);
    expect(() => fstatSync(fd)).toThrow('EBADF');
    await expect(sendHandle(a, fd)).rejects.toMatchObject({ code: 'EBADF' });
    expect(() => sendHandleSync(a, -1)).toThrow(expect.objectContaining({ name: 'RangeError', message: expect.stringContaining('fd') }));
    await expect(sendHandle(a, '1' as never)).rejects.toThrow(TypeError);
    await expect(sendHandle({} as Connection, 1)).rejects.toThrow(/connection must be a Connection/);
    expect(() => recvHandleSync(undefined as never)).toThrow(/connection must be a Connection/);
    expect(b.pollSync()).toBe(false);
    expect(countBlocks(BLOCK_DESCRIPTOR)).toBe(0);
    a.close();
    b.close();
  });

  itNative('does not leave the family: a connection over a socket refuses it', async () => {
    const listener = new connection.Listener({ authkey: 'k' });
    const [a, b] = await Promise.all([listener.accept(), connection.Client(listener.address, { authkey: 'k' })]);
    await expect(sendHandle(a, 1)).rejects.toMatchObject({ code: 'ERR_FORKFUL_SERIALIZATION' });
    expect(countBlocks(BLOCK_DESCRIPTOR)).toBe(0);
    for (const each of [a, b, listener]) each.close();
  });

  it('is refused on the JS backend', async ({ skip }) => {
    if (backend === 'native') skip('of the JS backend');
    const [a, b] = Pipe();
    await expect(sendHandle(a, 1)).rejects.toMatchObject({ code: 'ERR_FORKFUL_BACKEND' });
    a.close();
    b.close();
  });
});

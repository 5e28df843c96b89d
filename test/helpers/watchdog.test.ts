import { expect, test } from 'vitest';
import { runChild, startChild, waitForLine, withWatchdog } from './watchdog.js';

test('a promise in time passes through the watchdog', async () => {
  expect(await withWatchdog(60_000, () => 'unused', Promise.resolve(4))).toBe(4);
  await expect(withWatchdog(60_000, () => 'unused', Promise.reject(new Error('its own')))).rejects.toThrow('its own');
});

test('a hang is a failure that shows the state', async () => {
  await expect(withWatchdog(20, () => ({ waiters: 1 }), new Promise(() => {}))).rejects.toThrow(
    'not finished after 20 ms; state: { waiters: 1 }',
  );
});

test('a child gets arguments and input, and gives back output and exit code', async () => {
  const result = await runChild('echo.mjs', { args: ['a', 'b'], input: 'hello' });
  expect(result).toEqual({ stdout: 'a b\nhello', stderr: '', exitCode: 3, signal: null });
});

test('a child that does not end is killed, and the failure shows what it wrote', async () => {
  // how long it needs until it has written is the machine's affair
  let shown = '';
  for (let timeoutMs = 1000; !shown.includes('\nstarted\n') && timeoutMs < 100_000; timeoutMs *= 3) {
    shown = await runChild('run-for-ever.mjs', { timeoutMs }).then(
      () => 'it ended',
      (error: Error) => error.message,
    );
    expect(shown).toContain(`has not ended after ${timeoutMs} ms`);
  }
  expect(shown).toContain('\nstarted\n');
});

test('a child that leaves processes behind is a failure', async () => {
  await expect(runChild('leave-a-child.mjs', { orphanMs: 500 })).rejects.toThrow(/left processes behind \(killed now\): \d+/);
});

test('a line of a running child can be waited for, before and after its end', async () => {
  const child = startChild('run-for-ever.mjs');
  expect((await waitForLine(child, /^sta(.*)ed$/))[1]).toBe('rt');
  child.kill();
  expect((await child.ended).signal).toBe('SIGKILL');
  expect((await waitForLine(child, /^started$/))[0]).toBe('started');
  await expect(waitForLine(child, /^never$/)).rejects.toThrow(/ended without a line that fits \/\^never\$\/.*\nstarted\n/s);
});

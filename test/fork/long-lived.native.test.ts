/** Copies that stay, while the process they were made of goes on. */
import { expect, it } from 'vitest';
import { describeNative } from '../helpers/backends.js';
import { runChild } from '../helpers/watchdog.js';

describeNative('a copy made before there was anything shared', () => {
  it('does not keep what came later', async () => {
    const { stdout, stderr } = await runChild('fork/long-lived.mjs');
    expect(stderr).toBe('');
    expect(stdout).toBe('1\n0\n');
  });
});

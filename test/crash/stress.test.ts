import { expect, it } from 'vitest';
import { runChild } from '../helpers/watchdog.js';

it('all primitives at once, by four processes that are killed in turn: every invariant holds, and nobody hangs', async () => {
  const seed = String(Math.floor(Math.random() * 2 ** 30));
  const args = ['--seconds', '5', '--kill', '--seed', seed, '--stall', '120'];
  const { stdout, stderr, exitCode } = await runChild('stress/run.mjs', { args, timeoutMs: 240_000 });
  expect(stderr).toBe(''); // violations, and the dump of its own watchdog
  const report = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
  console.log(
    `${report.operations} operations, ${report.kills} kills, ${report.recoveries} recoveries; the longest took ${report.longestMs} ms (seed ${report.seed})`,
  );
  expect(report.failures).toEqual([]);
  expect(exitCode).toBe(0);
}, 300_000);

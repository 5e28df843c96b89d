/** Users of a fork server for whom something runs out, dies or is exchanged at the wrong moment. */
import { expect, it } from 'vitest';
import { describeNative } from '../helpers/backends.js';
import { runChild } from '../helpers/watchdog.js';

async function happen(...args: string[]): Promise<{ seen: unknown[]; stderr: string }> {
  const { stdout, stderr } = await runChild('fork/adversity.mjs', { args });
  const lines = stdout.split('\n').filter((line) => line !== '');
  return { seen: lines.map((line) => JSON.parse(line) as unknown), stderr };
}

describeNative('a fork server', () => {
  it.each(['1', '4', '7'])('starts as many children as there are descriptors for: %s', async (free) => {
    const { seen, stderr } = await happen('descriptors', free);
    expect(stderr).toBe('');
    const [before, { outcomes, ran }, afterwards] = seen as [number, { outcomes: unknown[]; ran: number }, number];
    expect([before, afterwards]).toEqual([3, 4]);
    expect(new Set(outcomes)).toEqual(new Set([0, 'EMFILE']));
    expect(ran).toBe(outcomes.filter((outcome) => outcome === 0).length);
  });

  it('that cannot be started is tried again at the next start', async () => {
    const { seen, stderr } = await happen('executable');
    expect(seen).toEqual(['ENOENT', 4, 1]);
    expect(stderr).toBe('');
  });

  it('serves a program with arguments that fill more than a message', async () => {
    const { seen } = await happen('arguments', ...Array.from({ length: 40_000 }, (_, index) => `argument ${index}`));
    expect(seen).toEqual([[3, 4]]);
  });

  it("that takes a dead one's place gives children the environment of their start", async () => {
    expect((await happen('environment')).seen).toEqual(['undefined']);
  });

  it('puts children into the directory that is there now', async () => {
    expect((await happen('directory')).seen).toEqual([[0, ['file']]]);
  });

  it('goes on for children that have children when the main process is killed', async () => {
    expect((await happen('mainDies')).seen).toEqual([[7, 8], 9]);
  });

  it.each(['end', 'terminate'])('ends with the Worker that uses it: %s', async (way) => {
    const { seen, stderr } = await happen('workers', way);
    expect(seen).toEqual(way === 'terminate' ? [0] : ['reaped', 'reaped', 'reaped', 0]);
    expect(stderr).toBe('');
  });
});

import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { until } from '../helpers/victims.js';
import { startChild, waitForLine } from '../helpers/watchdog.js';

const names = (): string[] => [...readdirSync('/dev/shm'), ...readdirSync(tmpdir())].filter((name) => /forkful/.test(name)).sort();
const isGone = (pid: number): boolean => !existsSync(`/proc/${pid}`);

async function startFamily(...args: string[]): Promise<{ family: ReturnType<typeof startChild>; pids: number[] }> {
  const family = startChild('crash/family.mjs', { args });
  const [line] = await waitForLine(family, /^pids .*$/m);
  const pids = line.slice(5).split(' ').map(Number);
  expect(pids).toHaveLength(4);
  return { family, pids };
}

describe('a family of processes is killed', () => {
  it('and nothing is left of it: no process, no name in /dev/shm or the temporary folder', async () => {
    const before = names();
    const { family, pids } = await startFamily();
    expect(names()).toEqual(before);
    process.kill(-family.pid, 'SIGKILL');
    await until(
      () => pids.every(isGone),
      () => `alive: ${pids.filter((pid) => !isGone(pid))}`,
    );
    await family.ended;
    expect(names()).toEqual(before);
  });

  it('beginning with its parent: daemonic processes follow', async () => {
    const { family, pids } = await startFamily('daemons');
    process.kill(pids[0] as number, 'SIGKILL');
    await until(
      () => pids.every(isGone),
      () => `alive: ${pids.filter((pid) => !isGone(pid))}`,
    );
    await family.ended;
  });
});

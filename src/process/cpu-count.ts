/** How many CPUs this process may use: its affinity, and the quota of the control group that a container runs in. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';

/** Returns the text of a file, or undefined when there is none. */
export type ReadText = (path: string) => string | undefined;

/**
 * The number of CPUs usable at a time, at least 1: those that the affinity mask allows, or fewer where a control group has a quota (rounded up).
 * `FORKFUL_CPU_COUNT` in the environment overrides both.
 * @throws RangeError when FORKFUL_CPU_COUNT is not a positive integer
 */
export function cpuCount(): number {
  const override = process.env.FORKFUL_CPU_COUNT;
  if (override !== undefined && override !== '') {
    const count = Number(override);
    if (!Number.isSafeInteger(count) || count < 1)
      throw new RangeError(`FORKFUL_CPU_COUNT must be a positive integer, got ${JSON.stringify(override)}`);
    return count;
  }
  return Math.max(1, Math.min(availableParallelism(), Math.ceil(cpuQuota(readText))));
}

/** The smallest quota of this process's control group and those around it, in CPUs; Infinity for none. */
export function cpuQuota(read: ReadText): number {
  let quota = Number.POSITIVE_INFINITY;
  for (const line of (read('/proc/self/cgroup') ?? '').split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    if (controllers === '')
      quota = Math.min(
        quota,
        leastAbove('/sys/fs/cgroup', path, (folder) => quotaOfVersion2(read, folder)),
      );
    else if (controllers.split(',').includes('cpu')) {
      quota = Math.min(
        quota,
        leastAbove(`/sys/fs/cgroup/${controllers}`, path, (folder) => quotaOfVersion1(read, folder)),
      );
      quota = Math.min(
        quota,
        leastAbove('/sys/fs/cgroup/cpu', path, (folder) => quotaOfVersion1(read, folder)),
      );
    }
  }
  return quota;
}

/** From the group up to the mount's root. A container may see the path of its host, of which only the root exists here. */
function leastAbove(mount: string, path: string, quotaOf: (folder: string) => number): number {
  let quota = Number.POSITIVE_INFINITY;
  for (let group = path; ; group = dirname(group)) {
    quota = Math.min(quota, quotaOf(join(mount, group)));
    if (group === '/' || group === '.') return quota;
  }
}

/** `max 100000`, or `150000 100000`: so many microseconds in each so many. */
function quotaOfVersion2(read: ReadText, folder: string): number {
  const [limit, period] = (read(join(folder, 'cpu.max')) ?? '').trim().split(' ').map(Number);
  return ratio(limit, period);
}

/** Two files; a quota of -1 is none. */
function quotaOfVersion1(read: ReadText, folder: string): number {
  return ratio(Number(read(join(folder, 'cpu.cfs_quota_us'))), Number(read(join(folder, 'cpu.cfs_period_us'))));
}

function ratio(limit: number | undefined, period: number | undefined): number {
  const cpus = (limit ?? Number.NaN) / (period ?? Number.NaN);
  return cpus > 0 ? cpus : Number.POSITIVE_INFINITY;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // another system, or no such group: no quota then
  }
}

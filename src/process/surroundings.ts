/** What a process gets from its parent by the system: for children of the fork server, which would get the server's. */
import { platform } from '../platform/select.js';

export interface Surroundings {
  readonly cwd: string;
  readonly umask: number;
  /** Null: as the base. */
  readonly env: Readonly<Record<string, string | undefined>> | null;
}

/** Everything, as it is now. */
export function currentSurroundings(): Surroundings & { readonly env: object } {
  return { cwd: process.cwd(), umask: platform.processes.umask(), env: { ...process.env } };
}

/** What is now, the environment only where it differs from that of `base`. */
export function surroundingsSince(base: Surroundings): Surroundings {
  const now = currentSurroundings();
  return sameEnv(base.env ?? {}, now.env) ? { ...now, env: null } : now;
}

/** Makes them those of the calling process. */
export function takeOn({ cwd, umask, env }: Surroundings): void {
  try {
    process.chdir(cwd); // even if the names are the same: it may have been removed, and made again
  } catch (error) {
    if (process.cwd() !== cwd) throw error;
  }
  process.umask(umask);
  if (env === null) return;
  for (const name of Object.keys(process.env)) if (!Object.hasOwn(env, name)) delete process.env[name];
  for (const [name, value] of Object.entries(env)) if (process.env[name] !== value) process.env[name] = value;
}

function sameEnv(before: Readonly<Record<string, string | undefined>>, now: Readonly<Record<string, string | undefined>>): boolean {
  const names = Object.keys(now);
  return names.length === Object.keys(before).length && names.every((name) => before[name] === now[name]);
}

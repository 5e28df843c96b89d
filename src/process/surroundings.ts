/** What a process gets from its parent by the system: for children of the fork server, which would get the server's. */
import { statSync } from 'node:fs';
import { platform } from '../platform/select.js';

export interface Surroundings {
  readonly cwd: string;
  /** Which folder that is: it may have been removed, and another one made under its name. */
  readonly folder: string;
  readonly umask: number;
  /** Null: as the base. */
  readonly env: Readonly<Record<string, string | undefined>> | null;
}

/** What this process is known to have. */
let own: Surroundings | undefined;

/** Everything, as it is now. */
export function currentSurroundings(): Surroundings & { readonly env: object } {
  return { cwd: process.cwd(), folder: currentFolder(), umask: platform.processes.umask(), env: { ...process.env } };
}

/** As `currentSurroundings`; what children of this process have already, they need not take on. */
export function settleSurroundings(): Surroundings {
  own = currentSurroundings();
  return own;
}

/** What is now, the environment only where it differs from that of `base`. */
export function surroundingsSince(base: Surroundings): Surroundings {
  const now = currentSurroundings();
  return sameEnv(base.env ?? {}, now.env) ? { ...now, env: null } : now;
}

/** Makes them those of the calling process. */
export function takeOn({ cwd, folder, umask, env }: Surroundings): void {
  if (own?.folder !== folder || own.cwd !== cwd) {
    try {
      process.chdir(cwd);
    } catch (error) {
      if (process.cwd() !== cwd) throw error; // this process is in a removed folder, as its parent is
    }
  }
  if (own?.umask !== umask) process.umask(umask);
  own = undefined;
  if (env === null) return;
  for (const name of Object.keys(process.env)) if (!Object.hasOwn(env, name)) delete process.env[name];
  for (const [name, value] of Object.entries(env)) if (process.env[name] !== value) process.env[name] = value;
}

function currentFolder(): string {
  try {
    const { dev, ino } = statSync('.');
    return `${dev} ${ino}`;
  } catch {
    return ''; // of a folder that one may not look into
  }
}

function sameEnv(before: Readonly<Record<string, string | undefined>>, now: Readonly<Record<string, string | undefined>>): boolean {
  const names = Object.keys(now);
  return names.length === Object.keys(before).length && names.every((name) => before[name] === now[name]);
}

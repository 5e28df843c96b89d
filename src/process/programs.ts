/** Which program children run. */
import { fileURLToPath } from 'node:url';
import { typeError } from '../util/validate.js';
import { setSpawnExecutable } from './start/spawn.js';

/** The Node that children are started with: a path or file URL; null for the one that runs this process. @throws TypeError */
export function setExecutable(path: string | URL | null): void {
  if (path !== null && !(path instanceof URL) && (typeof path !== 'string' || path === ''))
    throw typeError('path', 'the path of an executable, or null', path);
  setSpawnExecutable(path === null ? undefined : path instanceof URL ? fileURLToPath(path) : path);
}

/** Nothing to do: Python's helper for frozen Windows programs. */
export function freezeSupport(): void {}

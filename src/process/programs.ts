/** Which program children run. */
import { fileURLToPath } from 'node:url';
import { typeError } from '../util/validate.js';
import { setChildExecutable } from './start/executable.js';

/** The Node that children are started with: a path, as string or bytes, or a file URL; null for the one that runs this process. @throws TypeError */
export function setExecutable(path: string | Uint8Array | URL | null): void {
  if (path === null) setChildExecutable(undefined);
  else if (path instanceof URL) setChildExecutable(fileURLToPath(path));
  else if (path instanceof Uint8Array && path.length > 0) setChildExecutable(Buffer.from(path).toString());
  else if (typeof path === 'string' && path !== '') setChildExecutable(path);
  else throw typeError('path', 'the path of an executable, or null', path);
}

/** Nothing to do: Python's helper for frozen Windows programs. */
export function freezeSupport(): void {}

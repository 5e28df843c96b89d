/** Where things are. Every script names them from here. */
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** Absolute path of something in the project. */
export function inProject(...parts) {
  return [root, ...parts].join('/');
}

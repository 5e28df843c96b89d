/** The start methods that there are here, and which one is used when nobody says. */
import { StateError } from '../errors.js';
import { rangeError, string } from '../util/validate.js';
import type { Launcher, StartMethod } from './start/launcher.js';
import { forkLauncher } from './start/fork.js';
import { forkserverLauncher } from './start/forkserver.js';
import { spawnLauncher } from './start/spawn.js';
import { threadLauncher } from './start/thread.js';

/** The first that is available is the default. */
const launchers: readonly Launcher[] = [forkserverLauncher, spawnLauncher, forkLauncher, threadLauncher];

let chosen: StartMethod | undefined;

/** The start methods that work on this system and backend, the default first. */
export function getAllStartMethods(): StartMethod[] {
  return launchers.filter((launcher) => launcher.isAvailable()).map(({ method }) => method);
}

/** The method in use. Asking decides it, unless `allowNone`: then null while undecided. */
export function getStartMethod(options: { allowNone: true }): StartMethod | null;
export function getStartMethod(options?: { allowNone?: boolean }): StartMethod;
export function getStartMethod(options?: { allowNone?: boolean }): StartMethod | null {
  if (chosen === undefined && options?.allowNone === true) return null;
  chosen ??= getAllStartMethods()[0] as StartMethod;
  return chosen;
}

/**
 * Decides which method processes are started with. Once per program, unless `force`; with `force`, null makes it undecided again.
 * @throws RangeError for a method that is not available here; StateError (ERR_FORKFUL_START_METHOD_SET) the second time
 */
export function setStartMethod(method: StartMethod | null, options?: { force?: boolean }): void {
  if (method === null && options?.force === true) {
    chosen = undefined;
    return;
  }
  const checked = checkMethod('method', method);
  if (chosen !== undefined && options?.force !== true) {
    throw new StateError(
      'ERR_FORKFUL_START_METHOD_SET',
      `The start method is '${chosen}' already: set it once, before the first use, or pass { force: true }`,
    );
  }
  chosen = checked;
}

/** @throws TypeError, RangeError naming the argument and the methods that there are */
export function checkMethod(argument: string, value: unknown): StartMethod {
  const methods = getAllStartMethods();
  if (!methods.includes(string(argument, value) as StartMethod))
    throw rangeError(argument, `one of the start methods that work here, ${methods.join(', ')}`, value);
  return value as StartMethod;
}

export function launcherFor(method: StartMethod): Launcher {
  return launchers.find((launcher) => launcher.method === method) as Launcher;
}

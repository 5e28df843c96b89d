/** What a process is made of: target, arguments and the like, as the user gives them. */
import { typeError } from '../util/validate.js';
import { checkFunctionRef } from './function-ref.js';
import type { StartMethod } from './start/launcher.js';

// biome-ignore lint/suspicious/noExplicitAny: a target takes what it takes
export type AnyFunction = (...args: any[]) => unknown;

/** What a process runs: a function that some module exports, or the name of one. A relative `module` is refused: relative to what? */
export type Target = AnyFunction | { readonly module: string | URL; readonly name: string };

export interface ProcessOptions {
  /** Runs in the child, may be async. Its result is dropped. Default: nothing runs, exit code 0. */
  readonly target?: Target | undefined;
  /** Any iterable but a string; taken at construction, encoded by `start()`. */
  readonly args?: Iterable<unknown> | undefined;
  /** Named arguments: passed as one object, after `args`. */
  readonly kwargs?: object | undefined;
  /** Default: the class's name and a number, `Process-1`; `Process-1:2` for the second child of that. */
  readonly name?: string | undefined;
  /** Whether the process is ended with its parent instead of being waited for. Default: as the parent, so false. */
  readonly daemon?: boolean | undefined;
  /** Default: `getStartMethod()`. */
  readonly method?: StartMethod | undefined;
}

/** What a target, or `run`, is called with. */
export function callArgs(args: readonly unknown[], kwargs: object | undefined): readonly unknown[] {
  return kwargs === undefined ? args : [...args, kwargs];
}

export function checkTarget(value: unknown): Target {
  if (typeof value === 'function') return value as AnyFunction;
  if (typeof value === 'object' && value !== null) return checkFunctionRef('target', value) as Target;
  throw typeError('target', 'a function, or { module, name }', value);
}

export function checkArgs(value: unknown): readonly unknown[] {
  if (typeof value !== 'object' || value === null || !(Symbol.iterator in value))
    throw typeError('args', 'an array or another iterable', value);
  return [...(value as Iterable<unknown>)];
}

export function checkKwargs(value: unknown): object | undefined {
  if (value === undefined || (typeof value === 'object' && value !== null)) return value;
  throw typeError('kwargs', 'an object', value);
}

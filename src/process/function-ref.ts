/** A function as it travels: the module that exports it, and under what name. */
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import { string, typeError } from '../util/validate.js';

export interface FunctionRef {
  /** URL, or the name of a package. */
  readonly module: string;
  readonly name: string;
  /** Of the function's text. Where it is given, the export's name is only likely: whoever imports the module finds out. */
  readonly fingerprint?: string;
}

/** A target that cannot be found, or is not what it should be. @see ERR_FORKFUL_TARGET */
export function targetError(message: string, options?: ErrorOptions): TypeError {
  return Object.assign(new TypeError(message, options), { code: 'ERR_FORKFUL_TARGET' });
}

/** Checks a `{ module, name }` that a user gave. @throws TypeError naming what is wrong */
export function checkFunctionRef(argument: string, value: { readonly module?: unknown; readonly name?: unknown }): FunctionRef {
  const unknownKey = Object.keys(value).find((key) => key !== 'module' && key !== 'name');
  if (unknownKey !== undefined)
    throw typeError(argument, 'an object with the keys module and name only', {
      [unknownKey]: (value as Record<string, unknown>)[unknownKey],
    });
  const name = string(`${argument}.name`, value.name);
  if (value.module instanceof URL) return { module: value.module.href, name };
  const module = string(`${argument}.module`, value.module);
  if (isAbsolute(module)) return { module: pathToFileURL(module).href, name };
  if (module === '' || /^\.{0,2}[\\/]|^\.{1,2}$/.test(module)) {
    throw typeError(
      `${argument}.module`,
      'a URL, an absolute path or a package name (for a file beside this one: new URL("./file.js", import.meta.url))',
      module,
    );
  }
  return { module, name };
}

export function fingerprintOf(fn: object): string {
  return createHash('sha1').update(String(fn)).digest('base64');
}

/** The exports of a module, those of a CommonJS module among them. */
export type Exports = Readonly<Record<string, unknown>>;

/** Imports the module and finds the function. @throws what the module throws; TypeError (ERR_FORKFUL_TARGET) when it exports no such function */
export async function importFunction(ref: FunctionRef): Promise<unknown> {
  const exports = await importModule(ref.module);
  const found = pick(exports, ref);
  if (typeof found === 'function') return found;
  const what =
    ref.name in exports ? `'${ref.name}', exported from ${ref.module}, is not a function` : `${ref.module} does not export '${ref.name}'`;
  throw targetError(`The target cannot be called: ${what}. ${advice(ref.name)}`);
}

export function advice(name: string): string {
  return `Export it, or pass { module: import.meta.url, name: '${name}' } with the name it is exported under`;
}

/** The name under which exactly this function is exported, or undefined. */
export function exportName(exports: Exports, fn: unknown): string | undefined {
  // its own name first: a module may export a function twice
  const names = Object.keys(exports);
  const own = typeof fn === 'function' ? fn.name : '';
  return (names.includes(own) && read(exports, own) === fn ? own : undefined) ?? names.find((name) => read(exports, name) === fn);
}

function pick(exports: Exports, { name, fingerprint }: FunctionRef): unknown {
  const named = memberOf(exports, name);
  if (fingerprint === undefined) return named;
  const isIt = (value: unknown): boolean => typeof value === 'function' && fingerprintOf(value) === fingerprint;
  if (isIt(named)) return named;
  const all = [...Object.keys(exports), ...commonJsNames(exports)].map((key) => memberOf(exports, key));
  return all.find(isIt) ?? named;
}

/** An export; of a CommonJS module also what Node did not see that it exports. */
function memberOf(exports: Exports, name: string): unknown {
  if (Object.hasOwn(exports, name)) return read(exports, name);
  const whole = exports.default;
  return isObject(whole) ? read(whole, name) : undefined;
}

function commonJsNames(exports: Exports): string[] {
  return isObject(exports.default) ? Object.keys(exports.default) : [];
}

function isObject(value: unknown): value is Exports {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

/** Undefined also for an export that is not initialised yet, or whose getter throws. */
function read(exports: Exports, name: string): unknown {
  try {
    return exports[name];
  } catch {
    return undefined;
  }
}

/** A bare name is resolved as from here; where packages do not see each other, as from the program. */
export async function importModule(specifier: string): Promise<Exports> {
  try {
    return (await import(specifier)) as Exports;
  } catch (error) {
    const [, program] = process.argv;
    if ((error as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND' || URL.canParse(specifier) || program === undefined) throw error;
    return (await import(pathToFileURL(createRequire(program).resolve(specifier)).href)) as Exports;
  }
}

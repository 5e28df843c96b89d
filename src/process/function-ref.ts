/** A function as it travels: the module that exports it, and under what name. */
import { createRequire } from 'node:module';
import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import { string, typeError } from '../util/validate.js';
import { type Exports, read, remember, remembered } from './loaded-modules.js';

export interface FunctionRef {
  /** URL, or the name of a package. */
  readonly module: string;
  readonly name: string;
  /** Of the function's text. Where it is given, the export's name is only likely: whoever imports the module finds out. */
  readonly fingerprint?: string;
  /** Something else than Node loaded the module, and may have changed the text: a function of the name will do. */
  readonly isForeign?: boolean;
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

/** 64 bits, to tell a function from others of its module: FNV-1a, twice. Not by `crypto`, which takes half a millisecond to begin with. */
export function fingerprintOf(fn: object): string {
  const text = String(fn);
  let [first, second] = [0x811c9dc5, 0xcbf29ce4];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    first = Math.imul(first ^ unit, 0x01000193);
    second = Math.imul(second ^ (unit + i), 0x01000193);
  }
  return `${text.length}-${(first >>> 0).toString(36)}-${(second >>> 0).toString(36)}`;
}

/** Imports the module and finds the function. @throws what the module throws; TypeError (ERR_FORKFUL_TARGET) when it exports no such function */
export async function importFunction(ref: FunctionRef): Promise<unknown> {
  const exports = remembered(ref.module) ?? (await importModule(ref.module));
  const found = pick(exports, ref);
  if (typeof found === 'function') return found;
  const what =
    found === undefined ? `${ref.module} does not export '${ref.name}'` : `'${ref.name}', exported from ${ref.module}, is not a function`;
  throw targetError(
    `The target cannot be called: ${what}. Export it, or pass { module: import.meta.url, name } with the name it is exported under`,
  );
}

/** The name under which exactly this function is exported, or undefined. */
export function exportName(exports: Exports, fn: unknown): string | undefined {
  // its own name first: a module may export a function twice
  const names = Object.keys(exports);
  const own = typeof fn === 'function' ? fn.name : '';
  return (names.includes(own) && read(exports, own) === fn ? own : undefined) ?? names.find((name) => read(exports, name) === fn);
}

function pick(exports: Exports, { name, fingerprint, isForeign = false }: FunctionRef): unknown {
  const named = memberOf(exports, name);
  if (fingerprint === undefined) return named;
  const isIt = (value: unknown): boolean => typeof value === 'function' && fingerprintOf(value) === fingerprint;
  if (isIt(named)) return named;
  const all = [...Object.keys(exports), ...commonJsNames(exports)].map((key) => memberOf(exports, key));
  return all.find(isIt) ?? (isForeign ? named : undefined);
}

/** An export; of a CommonJS module also what Node did not see that it exports. */
function memberOf(exports: Exports, name: string): unknown {
  const whole = read(exports, 'default');
  // compiled from an ES module: its `default` is inside what Node takes for the default
  const isInside = name === 'default' && typeof whole !== 'function' && isObject(whole) && whole.__esModule === true;
  if (Object.hasOwn(exports, name) && !isInside) return read(exports, name);
  return isObject(whole) ? read(whole, name) : undefined;
}

function commonJsNames(exports: Exports): string[] {
  return isObject(exports.default) ? Object.keys(exports.default) : [];
}

function isObject(value: unknown): value is Exports {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

/** A bare name is resolved as from here; where packages do not see each other, as from the program. */
export async function importModule(specifier: string): Promise<Exports> {
  try {
    const exports = (await import(specifier)) as Exports;
    if (URL.canParse(specifier)) remember(specifier, exports); // more of its functions may be targets here
    return exports;
  } catch (error) {
    const [, program] = process.argv;
    if ((error as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND' || URL.canParse(specifier) || program === undefined) throw error;
    return (await import(pathToFileURL(createRequire(program).resolve(specifier)).href)) as Exports;
  }
}

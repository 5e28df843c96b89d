/**
 * The cheap look for a function's export: where most are, in well under a millisecond and without the inspector. Only modules that are certainly
 * loaded are looked at: those where something was found before, the CommonJS cache, the modules that called `start()` or a function of ours that
 * takes functions, and what those import.
 */
import { exportName, type FunctionRef, fingerprintOf } from './function-ref.js';
import {
  commonJsExports,
  commonJsModules,
  commonJsName,
  type Exports,
  importLoaded,
  isFile,
  PENDING,
  rememberedModules,
  textOf,
} from './loaded-modules.js';
import { seemsExported, staticImports } from './module-text.js';

type Func = object & { readonly name: string };

/** Calls above `start()` that may be of other modules than the one that called it. */
const FRAMES = 16;
const MODULES = 3;
const OURS = new URL('../', import.meta.url).href;

/**
 * The files of the code that called `below`, the nearest first: URLs of ES modules, paths of CommonJS modules. Also of async functions further up.
 * Code that something else than Node loads is named by its path, as by test runners, or is `eval`'s.
 */
export function callers(below: (...args: never) => unknown): string[] {
  const before = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace');
  const limit = Error.stackTraceLimit;
  const found = new Set<string>();
  try {
    Error.stackTraceLimit = FRAMES;
    Error.prepareStackTrace = (_, frames) => frames;
    const { stack } = capture(below);
    for (const frame of Array.isArray(stack) ? (stack as NodeJS.CallSite[]) : []) {
      const file = frame.isEval() ? null : frame.getFileName();
      if (file && isFile(file) && !file.startsWith(OURS)) found.add(file);
    }
  } catch {
    // a frozen Error: the inspector will tell
  } finally {
    restore(before, limit);
  }
  return [...found].slice(0, MODULES);
}

function capture(below: (...args: never) => unknown): { stack?: unknown } {
  const holder = {};
  Error.captureStackTrace(holder, below);
  return { stack: (holder as { stack?: unknown }).stack }; // made at the first look
}

function restore(prepareStackTrace: PropertyDescriptor | undefined, limit: number): void {
  try {
    Error.stackTraceLimit = limit;
    if (prepareStackTrace === undefined) Reflect.deleteProperty(Error, 'prepareStackTrace');
    else Object.defineProperty(Error, 'prepareStackTrace', prepareStackTrace);
  } catch {
    // it was not changed either
  }
}

/**
 * Of several modules that export the function, the one that defines it: a main module, for one, may export again what it imports, and is best not
 * loaded by a child.
 */
export async function quickLook(fn: Func, files: readonly string[]): Promise<FunctionRef | undefined> {
  const look = new Look(fn);
  for (const [url, exports] of rememberedModules()) look.at(url, exports);
  if (look.isDone) return look.found;
  const common = await Promise.all(files.map(commonJsExports));
  for (const [url, exports] of commonJsModules()) {
    const name = commonJsName(exports, fn, common.includes(exports) ? 'same name' : 'none');
    if (name !== undefined) look.take({ module: url, name });
  }
  for (const file of files) {
    if (look.isDone) break;
    if (file.startsWith('file:')) await look.around(file);
  }
  return look.found;
}

class Look {
  found: FunctionRef | undefined;
  /** Nothing better is to be expected. */
  isDone = false;
  readonly #fn: Func;
  readonly #source: string;

  constructor(fn: Func) {
    this.#fn = fn;
    this.#source = Function.prototype.toString.call(fn);
  }

  at(url: string, exports: Exports): void {
    if (this.isDone) return;
    const name = exportName(exports, this.#fn);
    if (name !== undefined) this.take({ module: url, name });
  }

  take(ref: FunctionRef): void {
    if (this.isDone) return;
    this.isDone = this.#isDefinedIn(textOf(ref.module));
    if (this.isDone || this.found === undefined) this.found = ref;
  }

  /** A module that has begun to run, and then those that it imports: they have been loaded before it. */
  async around(url: string): Promise<void> {
    const text = textOf(url);
    if (text === undefined) return;
    const exports = await importLoaded(url);
    const { name } = this.#fn;
    if (exports === undefined) return;
    if (exports !== PENDING) this.at(url, exports);
    else if (this.#isDefinedIn(text) && seemsExported(text, name, this.#source)) {
      this.found = { module: url, name, fingerprint: fingerprintOf(this.#fn) };
      this.isDone = true;
    }
    if (this.isDone) return;
    const fallback = this.found;
    this.found = undefined;
    const urls = staticImports(text, url, name);
    const outcomes = await Promise.all(urls.map((one) => importLoaded(one)));
    for (const [index, outcome] of outcomes.entries()) if (typeof outcome === 'object') this.at(urls[index] as string, outcome);
    this.found ??= fallback;
  }

  #isDefinedIn(text: string | undefined): boolean {
    return text?.includes(this.#source) === true;
  }
}

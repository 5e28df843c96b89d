/**
 * Finding the export that *is* a function, so that any exported function can be a target without being registered.
 *
 * V8 tells from which script the function comes; if that was loaded as an ES module, `import` of its URL yields the module that is there already,
 * and the function is looked for among its exports, by identity. A function that was made elsewhere (by a factory, by `bind`) may be exported
 * from any module; so all that are loaded are looked at before giving up.
 *
 * A module that is still being evaluated cannot be imported: the main module, while it awaits `start()`. Then its text must do: if it seems to
 * export the name, the child, which loads the module in full, makes sure by the function's text.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isAbsolute } from 'node:path';
import { advice, type Exports, exportName, type FunctionRef, fingerprintOf, targetError } from './function-ref.js';
import type { Origin } from './scripts.js';

/** An import of a module that is there already settles within one turn of the event loop; a loader of the user's, in its own thread, needs longer. */
const TURNS = 5;
const LOADER_MS = 5;
const PENDING: unique symbol = Symbol('pending');

/** Undefined: not to be had from Node. */
type Outcome = Exports | typeof PENDING | undefined;

/** Also those that are being looked for: many processes are started at once with one target. */
const known = new WeakMap<object, Promise<FunctionRef>>();
const commonJs = createRequire(import.meta.url).cache;

/**
 * The export that is `fn`. `what` is what messages call it.
 * @throws TypeError with code ERR_FORKFUL_TARGET that says what to do
 */
export function findFunction(fn: object & { readonly name: string }, what: 'target function' | 'class'): Promise<FunctionRef> {
  let found = known.get(fn);
  if (found === undefined) {
    found = search(fn, what);
    known.set(fn, found);
    found.catch(() => known.delete(fn)); // it may be exported by a module that is loaded later
  }
  return found;
}

async function search(fn: object & { readonly name: string }, what: string): Promise<FunctionRef> {
  const label = `${what} ${fn.name === '' ? '(anonymous)' : fn.name}`;
  const { script, scripts } = await ask(fn, label);
  if (script !== undefined) {
    const exports = await exportsOf(script.url, script.isModule);
    const name = nameIn(exports, fn);
    if (name !== undefined) return { module: script.url, name };
    // loaded by something else than Node (a test runner, a bundler): the file itself may still do for the child
    const isForeign = exports === undefined && isFile(script.url);
    if ((exports === PENDING || isForeign) && seemsExported(textOf(script.url), fn.name))
      return { module: asUrl(script.url), name: fn.name, fingerprint: fingerprintOf(fn) };
  }
  const elsewhere = await searchAll(fn, [
    ...new Set(scripts.filter(({ isModule, url }) => isModule && url !== script?.url).map(({ url }) => url)),
  ]);
  if (elsewhere !== undefined) return elsewhere;
  if (script === undefined) throw targetError(`${label} is bound or native, and no loaded module exports it. ${advice(fn.name)}`);
  if (textOf(script.url) === undefined)
    throw targetError(`${label} comes from ${script.url || 'a string'}, which is no module that a child could load. Export it from a file`);
  throw targetError(
    `${label} is not exported from ${asUrl(script.url)}: export it, or pass { module: import.meta.url, name: '${fn.name}' }`,
  );
}

async function ask(fn: object, label: string): Promise<Origin> {
  try {
    const { originOf } = await import('./scripts.js');
    return originOf(fn);
  } catch (cause) {
    throw targetError(`${label} cannot be looked for, since this Node has no inspector. Pass { module: import.meta.url, name }`, { cause });
  }
}

function nameIn(exports: Outcome, fn: object): string | undefined {
  return typeof exports === 'object' ? exportName(exports, fn) : undefined;
}

/** The exports of a loaded script; undefined when it is no module of Node's; PENDING while it is being evaluated. */
async function exportsOf(url: string, isModule: boolean): Promise<Outcome> {
  if (isModule) return importLoaded(url);
  if (!isFile(url)) return undefined;
  const module = commonJs[asPath(url)];
  if (module === undefined) return undefined;
  if (!module.loaded) await nextTurn(); // `module.exports` may be the last line of the main module
  const { exports } = module;
  return (typeof exports === 'object' && exports !== null) || typeof exports === 'function'
    ? ({ ...exports, default: exports } as Exports)
    : undefined;
}

async function importLoaded(url: string): Promise<Outcome> {
  let outcome: Outcome = PENDING;
  import(url).then(
    (exports: Exports) => {
      outcome = exports;
    },
    () => {
      outcome = undefined; // it failed while it was loaded; whoever imported it was told
    },
  );
  const patience = performance.now() + LOADER_MS;
  for (let turn = 0; outcome === PENDING && (turn < TURNS || performance.now() < patience); turn++) await nextTurn();
  return outcome;
}

async function searchAll(fn: object, urls: readonly string[]): Promise<FunctionRef | undefined> {
  const outcomes: Outcome[] = await Promise.all(urls.map(importLoaded));
  for (const [index, exports] of outcomes.entries()) {
    const name = nameIn(exports, fn);
    if (name !== undefined) return { module: urls[index] as string, name };
  }
  for (const [path, module] of Object.entries(commonJs)) {
    const exports: unknown = module?.exports;
    const name = typeof exports === 'object' && exports !== null ? exportName(exports as Exports, fn) : undefined;
    if (name !== undefined) return { module: pathToFileURL(path).href, name };
  }
  return undefined;
}

/** Whether a module's text has an `export` that may be of this name: `export function NAME`, `export { NAME as x }`, `export default NAME`, `export const { ... }`. */
export function seemsExported(text: string | undefined, name: string): boolean {
  if (text === undefined) return false;
  const quoted = name.replace(/[$]/g, '\\$&');
  const forms = [
    String.raw`export\s+(?:default\s+)?(?:async\s+)?(?:function\s*\*?|class|const|let|var)\s*${quoted}(?![\w$])`,
    String.raw`export\s*\{[^}]*(?<![\w$])${quoted}(?![\w$])`,
    String.raw`export\s+default\s+${quoted}(?![\w$])`,
    String.raw`export\s+(?:const|let|var)\s*[[{]`,
    String.raw`export\s+(?:const|let|var)\s[^;{(]*,\s*${quoted}\s*=`,
    String.raw`exports\.${quoted}\s*=`,
    String.raw`module\.exports\s*=`,
  ];
  if (name === 'default' || name === '') forms.push(String.raw`export\s+default(?![\w$])`);
  return forms.some((form) => new RegExp(String.raw`(?<![\w$.])${form}`).test(text));
}

function isFile(url: string): boolean {
  return url.startsWith('file:') || isAbsolute(url);
}

function asUrl(url: string): string {
  return isAbsolute(url) ? pathToFileURL(url).href : url;
}

function asPath(url: string): string {
  return url.startsWith('file:') ? fileURLToPath(url) : url;
}

function textOf(url: string): string | undefined {
  if (url.startsWith('data:')) return decodeURIComponent(url);
  try {
    return readFileSync(asPath(url), 'utf8');
  } catch {
    return undefined; // a string, or gone since it was loaded: a child would not find it either
  }
}

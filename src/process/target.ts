/**
 * Finding the export that *is* a function, so that any exported function can be a target without being registered.
 *
 * First where it most likely is (see `quick-look.ts`). If it is not there, V8 tells from which script the function comes; if that was loaded as an
 * ES module, `import` of its URL yields the module that is there already, and the function is looked for among its exports, by identity. A function
 * that was made elsewhere (by a factory, by `bind`) may be exported from any module; so all that are loaded are looked at before giving up.
 *
 * A module that is still being evaluated cannot be imported: the main module, while it awaits `start()`. Then its text must do: if it seems to
 * export the name, the child, which loads the module in full, makes sure by the function's text.
 */
import { createRequire } from 'node:module';
import { types } from 'node:util';
import { exportName, type FunctionRef, fingerprintOf, targetError } from './function-ref.js';
import {
  asUrl,
  commonJsExports,
  commonJsModules,
  commonJsName,
  importLoaded,
  isFile,
  type Outcome,
  PATIENT,
  PENDING,
  textOf,
} from './loaded-modules.js';
import { seemsExported } from './module-text.js';
import { callers, quickLook } from './quick-look.js';
import type { Origin } from './scripts.js';

type Func = object & { readonly name: string };

const { extensions } = createRequire(import.meta.url);

/** The text of a method: a name and parentheses, without `function` or an arrow. */
const METHOD = /^(?:async\b\s*)?\*?\s*(?!function\b|class\b|async\b)(?:[\w$#]+|'[^']*'|"[^"]*"|\[[^\]]*\])\s*\(/;

/** Also those that are being looked for: many processes are started at once with one target. */
const known = new WeakMap<object, Promise<FunctionRef>>();

/**
 * The export that is `fn`. `what` is what messages call it. To be called by whoever a user's module called: that module is looked at first.
 * @throws TypeError with code ERR_FORKFUL_TARGET that says what to do
 */
export function findFunction(fn: Func, what: 'target function' | 'action function' | 'class'): Promise<FunctionRef> {
  let found = known.get(fn);
  if (found === undefined) {
    const files = callers(findFunction);
    found = quickLook(fn, files).then((ref) => ref ?? search(fn, `${what} ${fn.name === '' ? '(anonymous)' : fn.name}`));
    known.set(fn, found);
    found.catch(() => known.delete(fn)); // it may be exported by a module that is loaded later
  }
  return found;
}

async function search(fn: Func, label: string): Promise<FunctionRef> {
  const { script, scripts, isBound } = await ask(fn, label);
  if (script !== undefined) {
    const exports = script.isModule ? await importLoaded(script.url) : undefined;
    const name = nameIn(exports, fn) ?? commonJsName(await commonJsExports(script.url), fn, 'all');
    if (name !== undefined) return { module: asUrl(script.url), name };
    // loaded by something else than Node (a test runner, a bundler): the file itself may still do for the child
    const isForeign = exports === undefined && isFile(script.url);
    if (
      !isBound &&
      (exports === PENDING || isForeign) &&
      seemsExported(textOf(script.url), fn.name, Function.prototype.toString.call(fn))
    ) {
      if (isForeign && !canLoad(script.url)) throw targetError(notLoadable(label, script.url));
      return { module: asUrl(script.url), name: fn.name, fingerprint: fingerprintOf(fn), isForeign };
    }
  }
  const urls = [...new Set(scripts.filter(({ isModule }) => isModule).map(({ url }) => url))];
  const found = (await searchAll(fn, urls)) ?? (await searchAll(fn, urls, PATIENT));
  if (found !== undefined) return found;
  throw targetError(`${label} ${refusal(fn, script?.url, isBound)}`);
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

async function searchAll(fn: Func, urls: readonly string[], patience?: typeof PATIENT): Promise<FunctionRef | undefined> {
  const outcomes: Outcome[] = await Promise.all(urls.map((url) => importLoaded(url, patience)));
  for (const [index, exports] of outcomes.entries()) {
    const name = nameIn(exports, fn);
    if (name !== undefined) return { module: urls[index] as string, name };
  }
  for (const [module, exports] of commonJsModules()) {
    const name = commonJsName(exports, fn, 'same name');
    if (name !== undefined) return { module, name };
  }
  return undefined;
}

/** Why it is no target, and what to do. */
function refusal(fn: Func, url: string | undefined, isBound: boolean): string {
  if (types.isProxy(fn)) return 'is a Proxy, and no loaded module exports it. Export it, or a function that calls it';
  if (isBound) return `is bound, and no loaded module exports it. Export the function itself, and pass what was bound in args`;
  if (url === undefined) return 'is native, and no loaded module exports it. Export a function that calls it';
  if (textOf(url) === undefined)
    return `comes from ${url || 'a string'}, which is no module that a child could load. Write it into a file, and export it there`;
  const where = `is not exported from ${asUrl(url)}`;
  if (METHOD.test(Function.prototype.toString.call(fn)))
    return `${where}: it is a method. Export a function that calls it, or a subclass of Process that overrides run()`;
  const name = fn.name === '' ? "'...'" : `'${fn.name}'`;
  return `${where}: export it at the top level of that module, or pass { module: import.meta.url, name: ${name} } if it is exported in another way`;
}

/** Whether Node, or what the command line added to it, knows this kind of file; a child has the same. */
function canLoad(url: string): boolean {
  const [extension] = /\.[cm]?tsx?$/.exec(url) ?? [];
  if (extension === undefined || extensions[extension] !== undefined) return true;
  return typeof (process.features as { typescript?: unknown }).typescript === 'string' && !extension.endsWith('x');
}

function notLoadable(label: string, url: string): string {
  return (
    `${label} comes from ${asUrl(url)}, which a child could not load: Node ${process.versions.node} by itself runs no such TypeScript, ` +
    'and this process got it from something else than Node. Move it to a JavaScript module, or start Node with --import tsx'
  );
}

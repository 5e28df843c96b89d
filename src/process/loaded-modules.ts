/** Modules that this thread has loaded: their exports and texts, without ever executing one that is not there yet. */
import { createHook } from 'node:async_hooks';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isAbsolute } from 'node:path';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { types } from 'node:util';

/** The exports of a module, those of a CommonJS module among them. */
export type Exports = Readonly<Record<string, unknown>>;

/** The module is still being evaluated. */
export const PENDING: unique symbol = Symbol('pending');
/** Undefined: not to be had from Node. */
export type Outcome = Exports | typeof PENDING | undefined;

/**
 * How often a loader of the user's, in a thread of its own, may answer another request and not the one for a module, and the pause between
 * two such requests. The thread may be short of a processor: a round counts only when it has had one.
 */
const LOADER_ROUNDS = 5;
const ROUND_MS = 1;
/** When all depends on that module. */
export const PATIENT = { rounds: 40, roundMs: 50 } as const;

/** ES modules that were imported here, by URL. A module's exports stay the same object for good. */
const imported = new Map<string, Exports | typeof PENDING>();
const commonJs = createRequire(import.meta.url).cache;

export function remember(url: string, exports: Exports): void {
  imported.set(url, exports);
}

/** Undefined for one that was not imported here, or is being evaluated still. */
export function remembered(url: string): Exports | undefined {
  const known = imported.get(url);
  return typeof known === 'object' ? known : undefined;
}

/** The ES modules that were imported here, and whose evaluation has ended. */
export function* rememberedModules(): Generator<[url: string, exports: Exports]> {
  for (const [url, exports] of imported) if (exports !== PENDING) yield [url, exports];
}

/**
 * The exports of an ES module that is known to be loaded. One that is still being evaluated is not waited for: it may be waiting for us.
 * It is the module's own evaluation that an import waits for, or a loader of the user's, in a thread of its own: that one is given some time.
 */
export async function importLoaded(
  url: string,
  { rounds, roundMs }: { rounds: number; roundMs: number } = { rounds: LOADER_ROUNDS, roundMs: ROUND_MS },
): Promise<Outcome> {
  const known = remembered(url);
  if (known !== undefined) return known;
  if (!imported.has(url)) {
    imported.set(url, PENDING);
    import(url).then(
      (exports: Exports) => imported.set(url, exports),
      () => imported.delete(url), // it failed while it was loaded; whoever imported it was told
    );
  }
  await nextTurn();
  if (imported.get(url) !== PENDING) return imported.get(url);
  if (await asksLoader()) {
    for (let round = 0; imported.get(url) === PENDING && round < rounds; round++) {
      await sleep(roundMs);
      await askLoader();
    }
  }
  return imported.get(url);
}

let looking: Promise<boolean> | undefined;

/** Whether imports ask a loader in another thread, so that how long they take says nothing. Once for all who want to know now. */
function asksLoader(): Promise<boolean> {
  looking ??= look().finally(() => {
    looking = undefined;
  });
  return looking;
}

/** Node makes a channel for each question. Waiting does not tell: the answer may be there before this thread has its next turn. */
async function look(): Promise<boolean> {
  let asks = false;
  const hook = createHook({
    init(_id, type) {
      asks ||= type === 'MESSAGEPORT';
    },
  }).enable();
  const answer = import(import.meta.url);
  await new Promise(process.nextTick); // by then all has been done that this thread does by itself
  hook.disable();
  await answer;
  return asks;
}

let asking: Promise<unknown> | undefined;

/** Settles when a loader of the user's, if there is one, has answered for a module that has been evaluated: this one. */
async function askLoader(): Promise<void> {
  asking ??= import(import.meta.url).finally(() => {
    asking = undefined;
  });
  await asking;
}

/** The CommonJS module of a path or file URL, if there is one: its exports by then, if it is being evaluated. */
export async function commonJsExports(url: string): Promise<unknown> {
  const module = isFile(url) ? commonJs[asPath(url)] : undefined;
  if (module?.loaded === false) await nextTurn(); // `module.exports` may be the last line of the main module
  return module?.exports;
}

/** All CommonJS modules. */
export function* commonJsModules(): Generator<[url: string, exports: unknown]> {
  for (const path in commonJs) yield [asUrl(path), commonJs[path]?.exports];
}

/**
 * Under what name a CommonJS module exports the function. A getter may load what is not loaded yet: none is asked, or the one of the function's
 * name, or each.
 */
export function commonJsName(
  exports: unknown,
  fn: object & { readonly name: string },
  getters: 'none' | 'same name' | 'all',
): string | undefined {
  if (exports === fn) return 'default';
  if ((typeof exports !== 'object' && typeof exports !== 'function') || exports === null || types.isProxy(exports)) return undefined;
  const own = Object.getOwnPropertyDescriptors(exports);
  const names = Object.keys(exports);
  const name = names.find((key) => own[key]?.value === fn);
  if (name !== undefined || getters === 'none') return name;
  return names.find((key) => own[key]?.get !== undefined && (getters === 'all' || key === fn.name) && read(exports as Exports, key) === fn);
}

/** Undefined also for an export that is not initialised yet, or whose getter throws. */
export function read(exports: Exports, name: string): unknown {
  try {
    return exports[name];
  } catch {
    return undefined;
  }
}

export function isFile(url: string): boolean {
  return url.startsWith('file:') || isAbsolute(url);
}

export function asUrl(url: string): string {
  return isAbsolute(url) ? pathToFileURL(url).href : url;
}

function asPath(url: string): string {
  return url.startsWith('file:') ? fileURLToPath(url) : url;
}

/** Undefined for code from a string, and when the file is gone: a child would not find it either. */
export function textOf(url: string): string | undefined {
  try {
    if (url.startsWith('data:')) return decodeURIComponent(url);
    return isFile(url) ? readFileSync(asPath(url), 'utf8') : undefined;
  } catch {
    return undefined;
  }
}

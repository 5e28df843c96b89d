/** What sort of object is this? Answered once per prototype, for every object that is neither a plain object nor a plain array. */
import { types } from 'node:util';
import * as v8 from 'node:v8';
import { handleOf, staysHere } from './passable.js';
import { Unsendable } from './path.js';
import { registrationOf, registrations } from './registry.js';

export const KIND_PLAIN = 1;
export const KIND_ARRAY = 2;
export const KIND_PASSABLE = 3;
export const KIND_INSTANCE = 4;
export const KIND_VIEW = 5;
export const KIND_MEMORY = 6;
export const KIND_MAP = 7;
export const KIND_SET = 8;
export const KIND_DATE = 9;
export const KIND_REGEXP = 10;
export const KIND_ERROR = 11;
export const KIND_BOXED = 12;

/** Whether the object really is what its prototype promises: `Object.create(Map.prototype)` is no Map. By kind; others need no proof. */
const proofs: { readonly [kind: number]: (value: object) => boolean } = {
  [KIND_ARRAY]: Array.isArray,
  [KIND_VIEW]: ArrayBuffer.isView,
  [KIND_MEMORY]: types.isAnyArrayBuffer,
  [KIND_MAP]: types.isMap,
  [KIND_SET]: types.isSet,
  [KIND_DATE]: types.isDate,
  [KIND_REGEXP]: types.isRegExp,
  [KIND_ERROR]: isError,
  [KIND_BOXED]: types.isBoxedPrimitive,
};
const provable = Object.keys(proofs).map(Number);

let kindOfPrototype = new WeakMap<object, number>();
let registrationsSeen = 0;

const iteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
const asyncIteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf(Object.getPrototypeOf((async function* () {})())));

/** The kind of an object with that prototype. @throws Unsendable when it has none */
export function kindOf(value: object, prototype: object): number {
  if (registrationsSeen !== registrations) {
    kindOfPrototype = new WeakMap();
    registrationsSeen = registrations;
  }
  const kind = kindOfPrototype.get(prototype);
  if (kind !== undefined && (proofs[kind]?.(value) ?? true)) return kind;
  return classify(value, prototype);
}

function classify(value: object, prototype: object): number {
  const kind = provenKind(value, prototype);
  if (kind !== undefined) {
    kindOfPrototype.set(prototype, kind);
    return kind;
  }
  // Something of the engine's or of native code: what its prototype says does not tell what it is (think of a Proxy of a Map), so V8
  // is asked, and the answer holds for this one object only.
  try {
    // Read back as well: of a WebAssembly.Module V8 writes nothing, and says nothing.
    v8.deserialize(v8.serialize(value));
  } catch (error) {
    throw new Unsendable(whyNot(value), error);
  }
  return KIND_PLAIN;
}

function provenKind(value: object, prototype: object): number | undefined {
  if (typeof (prototype as { [handleOf]?: unknown })[handleOf] === 'function') return KIND_PASSABLE;
  if (registrationOf(prototype) !== undefined) return KIND_INSTANCE;
  const why = (prototype as { [staysHere]?: unknown })[staysHere];
  if (typeof why === 'string') throw new Unsendable(why);
  const proven = provable.find((kind) => proofs[kind]?.(value));
  if (proven !== undefined) return proven;
  return isOfUserClass(prototype) ? KIND_PLAIN : undefined;
}

/** Whether only classes written in JavaScript stand between an object and Object. */
function isOfUserClass(prototype: object): boolean {
  for (let p: object | null = prototype; p !== null; p = Object.getPrototypeOf(p)) {
    if (p === iteratorPrototype || p === asyncIteratorPrototype) return false;
    const constructor: unknown = Object.getOwnPropertyDescriptor(p, 'constructor')?.value;
    if (typeof constructor !== 'function' || !isNative(constructor)) continue;
    // Object itself, of this realm or of another.
    if (constructor.name === 'Object' && Object.getPrototypeOf(p) === null) continue;
    return false;
  }
  return true;
}

function isNative(f: object): boolean {
  return Function.prototype.toString.call(f).endsWith('{ [native code] }');
}

function isError(value: object): boolean {
  // DOMException is an ordinary class in Node 20 and 22.
  return types.isNativeError(value) || (value instanceof DOMException && value !== DOMException.prototype);
}

/** The reason, with advice, why an object or function cannot be sent. */
export function whyNot(value: unknown): string {
  if (typeof value === 'function')
    return 'functions do not cross processes. Export it from a module and pass the name of the module and of the function.';
  if (typeof value === 'symbol' || types.isSymbolObject(value))
    return 'symbols do not cross processes, where they would be different symbols.';
  if (types.isPromise(value)) return 'promises do not cross processes. Await it first and send what it resolves to.';
  if (types.isProxy(value)) return 'proxies do not cross processes. Send a copy of what it stands for.';
  if (types.isGeneratorObject(value))
    return 'generators do not cross processes. Send an array of what it yields, or the items one by one through a queue.';
  if (types.isSharedArrayBuffer(value))
    return 'a SharedArrayBuffer is shared by threads only. Use an Array or SharedMemory of this package.';
  return `objects of class ${className(value)} do not cross processes.`;
}

function className(value: unknown): string {
  try {
    const constructor: unknown = (value as { constructor?: unknown }).constructor;
    if (typeof constructor === 'function' && constructor.name !== '') return constructor.name;
  } catch {
    // A revoked proxy throws at any touch; the tag below does not touch it.
  }
  return types.isExternal(value) ? 'External' : 'unknown';
}

/** The error classes that keep their class across processes: JavaScript's own, and this package's. */
import * as forkfulErrors from '../errors.js';

type ErrorClass = { readonly prototype: Error; readonly name: string };

const classes: ErrorClass[] = [
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
  AggregateError,
  DOMException,
];
const byName = new Map<string, ErrorClass>(classes.map((errorClass) => [errorClass.name, errorClass]));
const byPrototype = new Map<object, ErrorClass>(classes.map((errorClass) => [errorClass.prototype, errorClass]));
for (const errorClass of Object.values(forkfulErrors)) registerErrorClass(errorClass);

/** Lets errors of this class arrive as instances of it. For the error classes of this package that live outside `errors.ts`. */
export function registerErrorClass(errorClass: ErrorClass): void {
  byName.set(errorClass.name, errorClass);
  byPrototype.set(errorClass.prototype, errorClass);
}

/** The nearest known class of an error, and the name it should carry when it arrives. */
export function classOfError(error: Error): { className: string; name: string | undefined } {
  let known: ErrorClass = Error;
  let isExact = true;
  for (let p: object | null = Object.getPrototypeOf(error); p !== null; p = Object.getPrototypeOf(p)) {
    // A TypeError of another realm has another prototype, but still that name.
    const found = byPrototype.get(p) ?? ofOtherRealm(p);
    if (found !== undefined) {
      known = found;
      break;
    }
    isExact = false;
  }
  if (known === DOMException) return { className: 'DOMException', name: String(error.name) };
  const inherited = known.prototype.name;
  if (typeof error.name === 'string' && error.name !== inherited) return { className: known.name, name: error.name };
  // A subclass that never set its name: the class's own says more than "Error" does.
  const constructorName: unknown = isExact ? undefined : error.constructor?.name;
  return { className: known.name, name: typeof constructorName === 'string' && constructorName !== '' ? constructorName : undefined };
}

function ofOtherRealm(prototype: object): ErrorClass | undefined {
  const constructor: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
  if (typeof constructor !== 'function' || !Function.prototype.toString.call(constructor).endsWith('{ [native code] }')) return undefined;
  return byName.get(constructor.name);
}

/** The own properties that travel, besides name and message, with whether they are enumerable. */
export function fieldsOf(error: Error, isMessageSent: boolean): [key: string, isEnumerable: boolean][] {
  const fields: [key: string, isEnumerable: boolean][] = [];
  if (typeof error.stack === 'string') fields.push(['stack', false]);
  for (const key of ['message', 'cause', 'errors', 'code']) {
    if (key === 'message' && isMessageSent) continue;
    if (Object.hasOwn(error, key) && !Object.prototype.propertyIsEnumerable.call(error, key)) fields.push([key, false]);
  }
  for (const key of Object.keys(error)) if (key !== 'stack') fields.push([key, true]);
  return fields;
}

/** A new error of the class of that name, else an Error, without running the class's constructor and without a stack of its own. */
export function makeError(className: string, name: string | undefined, message: string | undefined): Error {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    if (className === 'DOMException') return new DOMException(message ?? '', name ?? 'Error');
    const errorClass = byName.get(className) ?? Error;
    const error = Reflect.construct(Error, message === undefined ? [] : [message], errorClass as typeof Error) as Error;
    if (name !== undefined) Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true });
    return error;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** Classes whose instances cross processes through functions of their own, by a name that both sides know. */
import { describe, typeError } from '../util/validate.js';

/** How instances of a class cross. Both functions run in the process that calls `put` or `get`, within that call. */
export interface ClassCodec<T, D> {
  /** What the class is called in messages; the class's own name unless given. Must be the same in every process. */
  readonly name?: string;
  /** What to send in place of the instance: anything that can itself be sent. */
  serialize(instance: T): D;
  /** Makes the instance again from what `serialize` gave. */
  deserialize(data: D): T;
}

// biome-ignore lint/suspicious/noExplicitAny: a constructor takes what it takes
type Class<T> = abstract new (...args: any[]) => T;

export interface Registration {
  readonly name: string;
  readonly class: Class<unknown>;
  serialize(instance: unknown): unknown;
  deserialize(data: unknown): unknown;
}

const byPrototype = new Map<object, Registration>();
const byName = new Map<string, Registration>();

/** Raised by each registration: what was remembered about prototypes before is no longer true. */
export let registrations = 0;

/**
 * Lets instances of `cls`, and of subclasses that are not registered themselves, cross processes as instances.
 * Every process that sends or receives them must have registered the class under the same name; registering again replaces.
 * @throws TypeError for anything but a class and two functions, or when another class has the name
 * @example
 * registerClass(Point, { serialize: (p) => [p.x, p.y], deserialize: ([x, y]) => new Point(x, y) });
 */
export function registerClass<T, D>(cls: Class<T>, codec: ClassCodec<T, D>): void {
  if (typeof cls !== 'function' || typeof cls.prototype !== 'object' || cls.prototype === null) throw typeError('cls', 'a class', cls);
  if (typeof codec !== 'object' || codec === null) throw typeError('codec', 'an object with serialize and deserialize', codec);
  const { name = cls.name, serialize, deserialize } = codec;
  if (typeof name !== 'string' || name === '') throw typeError('codec.name', 'a non-empty string', name);
  if (typeof serialize !== 'function') throw typeError('codec.serialize', 'a function', serialize);
  if (typeof deserialize !== 'function') throw typeError('codec.deserialize', 'a function', deserialize);
  const namesake = byName.get(name);
  if (namesake !== undefined && namesake.class !== cls) {
    throw new TypeError(
      `Cannot register ${describe(cls)} as '${name}': another class has that name. Give it one of its own: registerClass(cls, { name, ... })`,
    );
  }
  const previous = byPrototype.get(cls.prototype);
  if (previous !== undefined) byName.delete(previous.name);
  const registration: Registration = {
    name,
    class: cls,
    serialize: (instance) => codec.serialize(instance as T),
    deserialize: (data) => codec.deserialize(data as D),
  };
  byPrototype.set(cls.prototype, registration);
  byName.set(name, registration);
  registrations++;
}

/** The registration of the nearest class in a prototype chain. */
export function registrationOf(prototype: object | null): Registration | undefined {
  if (byPrototype.size === 0) return undefined;
  for (let p = prototype; p !== null; p = Object.getPrototypeOf(p)) {
    const registration = byPrototype.get(p);
    if (registration !== undefined) return registration;
  }
  return undefined;
}

export function registrationNamed(name: string): Registration | undefined {
  return byName.get(name);
}

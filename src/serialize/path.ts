/**
 * Where in a value it failed. Nothing is recorded on the way down: each level that a failure passes on its way up adds its own step,
 * so a value that can be sent never pays for this.
 */
import { SerializationError } from '../errors.js';

/** Steps shown of a path longer than twice this: the first and the last so many. */
const STEPS_SHOWN = 16;
const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;

/** Thrown inside the encoder, and turned into a SerializationError where the name of the root is known. Not an Error: no stack is captured. */
export class Unsendable {
  /** A clause after "Cannot send <path>: ", with advice where there is any. */
  readonly reason: string;
  readonly cause: unknown;
  /** Innermost first. */
  readonly steps: string[] = [];
  constructor(reason: string, cause?: unknown) {
    this.reason = reason;
    this.cause = cause;
  }

  toError(rootName: string): SerializationError {
    const path = joinSteps(this.steps);
    return new SerializationError(
      `Cannot send ${rootName}${path}: ${this.reason}`,
      path,
      this.cause === undefined ? {} : { cause: this.cause },
    );
  }
}

/** Adds a step to a failure on its way up; errors of the user's own getters pass untouched. */
export function addStep(failure: unknown, step: string): void {
  if (failure instanceof Unsendable) failure.steps.push(step);
}

/** `.name`, or `["any name"]` where that would not be JavaScript. */
export function propertyStep(key: string): string {
  return IDENTIFIER.test(key) ? `.${key}` : `[${quote(key)}]`;
}

export function indexStep(index: number): string {
  return `[${index}]`;
}

/** The value under a key of a Map: `.get("a")`, `.get(7)`; object keys go by their place. */
export function mapValueStep(key: unknown, position: number): string {
  if (typeof key === 'string') return `.get(${quote(key)})`;
  if (typeof key === 'bigint') return `.get(${key}n)`;
  if (key === null || (typeof key !== 'object' && typeof key !== 'function')) return `.get(${String(key)})`;
  return `.values()[${position}]`;
}

/** A key of a Map, or an element of a Set, by its place. */
export function mapKeyStep(position: number): string {
  return `.keys()[${position}]`;
}

function joinSteps(innermostFirst: readonly string[]): string {
  const steps = innermostFirst.toReversed();
  if (steps.length <= 2 * STEPS_SHOWN) return steps.join('');
  return `${steps.slice(0, STEPS_SHOWN).join('')}…${steps.slice(-STEPS_SHOWN).join('')}`;
}

function quote(key: string): string {
  return JSON.stringify(key.length > 60 ? `${key.slice(0, 60)}…` : key);
}

/** V8's way to say so; a RangeError of the user's own says something else. */
export function isStackOverflow(failure: unknown): boolean {
  return failure instanceof RangeError && failure.message === 'Maximum call stack size exceeded';
}

/**
 * Checks of arguments. Each names the argument and the value in its error, and returns the value, so that a constructor reads as a list of facts.
 */
import { inspect } from 'node:util';

/** What a value looks like in an error message: short, on one line, with its type. */
export function describe(value: unknown): string {
  if (typeof value === 'function') return value.name ? `function ${value.name}` : 'a function';
  const text = inspect(value, { depth: 0, breakLength: Number.POSITIVE_INFINITY, maxStringLength: 60, maxArrayLength: 3 });
  return value === null || value === undefined ? text : `${text} (${typeof value})`;
}

export function typeError(argument: string, expected: string, value: unknown): TypeError {
  return withCode(new TypeError(`${argument} must be ${expected}, got ${describe(value)}`), 'ERR_INVALID_ARG_TYPE');
}

export function rangeError(argument: string, expected: string, value: unknown): RangeError {
  return withCode(new RangeError(`${argument} must be ${expected}, got ${describe(value)}`), 'ERR_OUT_OF_RANGE');
}

/** An integer between `min` and `max`, both included. @throws TypeError, RangeError */
export function integer(argument: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number') throw typeError(argument, `an integer between ${min} and ${max}`, value);
  if (!Number.isInteger(value) || value < min || value > max) throw rangeError(argument, `an integer between ${min} and ${max}`, value);
  return value;
}

export function string(argument: string, value: unknown): string {
  if (typeof value !== 'string') throw typeError(argument, 'a string', value);
  return value;
}

export function boolean(argument: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw typeError(argument, 'a boolean', value);
  return value;
}

/** An options object: undefined, or an object that is neither null nor a function. Unknown keys are refused, so that a misspelt option is not lost. */
export function options<T extends object>(argument: string, value: T | undefined, known: readonly (keyof T & string)[]): Partial<T> {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null) throw typeError(argument, 'an object', value);
  const expected = known.length === 0 ? 'an object without keys' : `an object with no keys but ${known.join(', ')}`;
  for (const key of Object.keys(value)) {
    if (!(known as readonly string[]).includes(key))
      throw typeError(argument, expected, { [key]: (value as Record<string, unknown>)[key] });
  }
  return value;
}

function withCode<E extends Error>(error: E, code: string): E {
  return Object.assign(error, { code });
}

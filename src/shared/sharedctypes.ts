/** Copying shared objects, and giving raw ones a lock: what Python's `multiprocessing.sharedctypes` has besides the objects themselves. */
import { type AnyLock, isLock } from '../sync/guard.js';
import { typeError } from '../util/validate.js';
import { copyArray, RawArray, type RawArrayMethods, SharedArray, synchronizeArray } from './array.js';
import type { Fields } from './struct.js';
import { createStructArray, RawStructArray, StructArray, synchronizeStructArray } from './struct-array.js';
import type { ElementTypeArgument } from './typecodes.js';
import { RawValue, synchronizeValue, Value, valueType, type ValueType } from './value.js';

/**
 * A new object of the same kind in new shared memory, with the same content; with a new lock, if the other one has a lock. The content is read field by field
 * or element by element: hold the lock if others may be writing. @throws TypeError, ClosedError, OutOfMemoryError
 */
export function copy<T extends object>(obj: T): T {
  const source: unknown = obj;
  if (source instanceof Value) return new Value(valueType(source), source.value as never) as never;
  if (source instanceof RawValue) return new RawValue(valueType(source), source.value as never) as never;
  if (source instanceof RawStructArray) return createStructArray(source.type, [...source], true, !(source instanceof StructArray)) as never;
  if (source instanceof SharedArray || source instanceof RawArray) return copyArray(source as unknown as RawArrayMethods) as never;
  throw typeError('obj', 'a Value, a RawValue, an Array or a RawArray', obj);
}

/**
 * Gives a `RawValue` or `RawArray` a lock: returns the `Value` or `Array` over the same memory, and that is what arrives wherever either is sent from now on.
 * The raw object goes on to work, past the lock. `lock`: a Lock or RLock to use; default a new Lock.
 * @throws StateError (ERR_FORKFUL_SYNCHRONIZED) when it has a lock already, whoever gave it; TypeError, ClosedError
 */
export function synchronized<T extends ValueType>(obj: RawValue<T>, lock?: AnyLock): Value<T>;
export function synchronized<F extends Fields>(obj: RawStructArray<F>, lock?: AnyLock): StructArray<F>;
export function synchronized<T extends ElementTypeArgument>(obj: RawArray<T>, lock?: AnyLock): SharedArray<T>;
export function synchronized(obj: object, lock?: AnyLock): object {
  if (lock !== undefined && !isLock(lock)) throw typeError('lock', 'a Lock or an RLock', lock);
  if (obj instanceof RawValue) return synchronizeValue(obj, lock);
  if (obj instanceof RawStructArray) return synchronizeStructArray(obj, lock);
  if (obj instanceof SharedArray || obj instanceof RawArray) return synchronizeArray(obj as unknown as RawArrayMethods, lock);
  throw typeError('obj', 'a RawValue or a RawArray', obj);
}

/** As Python's module of that name. */
export const sharedctypes = { copy, synchronized, Value, RawValue, Array: SharedArray, RawArray } as const;

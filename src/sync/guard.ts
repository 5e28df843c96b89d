/** The lock that belongs to a shared value, an array or a condition: made with it, given to it, or none; kept alive by the block that names it. */
import { currentAgent } from '../arena/agent.js';
import { StateError } from '../errors.js';
import { cancelHandle, sendHandle } from '../memory/block.js';
import { type Handle, receiveShared } from '../memory/handle.js';
import { handleOf } from '../serialize/passable.js';
import { typeError } from '../util/validate.js';
import { Lock } from './lock.js';
import { RLock } from './rlock.js';

export type AnyLock = Lock | RLock;
/** A lock to use, true (default) for a new Lock, or false for none. */
export type GuardOption = AnyLock | boolean | undefined;

/** The methods of a lock that what it guards has too: see `Lock` for each. */
const LOCK_METHODS = ['acquire', 'acquireSync', 'tryAcquire', 'release', 'hold', 'holdSync', 'withLock', 'withLockSync'] as const;
export type LockMethods = Pick<AnyLock, (typeof LOCK_METHODS)[number]>;

/** Gives a class with `getLock()` the methods of that lock. */
export function addLockMethods(prototype: { getLock(): AnyLock }): void {
  for (const name of LOCK_METHODS) {
    const value = function (this: { getLock(): AnyLock }, ...args: never[]): unknown {
      const lock = this.getLock();
      return (lock[name] as (...rest: never[]) => unknown).apply(lock, args);
    };
    Object.defineProperty(value, 'name', { value: name });
    Object.defineProperty(prototype, name, { value, writable: true, configurable: true });
  }
}

/** @throws TypeError naming the value, before anything is made */
export function checkGuard(option: unknown): void {
  if (option !== undefined && typeof option !== 'boolean' && !isLock(option))
    throw typeError('lock', 'a Lock, an RLock, true or false', option);
}

export function isLock(value: unknown): value is AnyLock {
  return value instanceof Lock || value instanceof RLock;
}

/** Writes which lock guards the block: two words, 0 for none. The block's own hold on the lock is a handle that never arrives. */
export function initGuard(word: number, option: GuardOption): AnyLock | undefined {
  if (option === false) return undefined;
  const lock = isLock(option) ? option : new Lock();
  const handle = lock[handleOf]();
  const { words } = currentAgent().region;
  sendHandle(handle);
  words[word + 1] = handle.generation;
  words[word] = handle.offset; // last: it says that there is one
  return lock;
}

/**
 * Gives a block that has none a lock, once and for all who have it. `rawWord`: 1 while there is none, 0 when there is; 2 meanwhile, and for ever if the process
 * was killed meanwhile: then the block stays without. @throws StateError (ERR_FORKFUL_SYNCHRONIZED) when it has one, or somebody else is about to give it one
 */
export function addGuard(rawWord: number, guardWord: number, lock: AnyLock | undefined): AnyLock {
  const { words } = currentAgent().region;
  if (Atomics.compareExchange(words, rawWord, 1, 2) !== 1)
    throw new StateError(
      'ERR_FORKFUL_SYNCHRONIZED',
      'Only a raw object can be synchronized, and once only: this one is none, or has a lock already',
    );
  let isGuarded = false;
  try {
    const guard = initGuard(guardWord, lock) as AnyLock;
    isGuarded = true;
    return guard;
  } finally {
    Atomics.store(words, rawWord, isGuarded ? 0 : 1);
  }
}

/** The lock of a block that came from elsewhere. REQUIRES: this agent holds the block. */
export function openGuard(word: number): AnyLock | undefined {
  const handle = guardHandle(word);
  if (handle === undefined) return undefined;
  sendHandle(handle);
  return receiveShared(handle) as AnyLock;
}

/** The block is being freed: its hold on the lock ends. */
export function dropGuard(word: number): void {
  const handle = guardHandle(word);
  if (handle !== undefined) cancelHandle(handle);
}

function guardHandle(word: number): Handle | undefined {
  const { words } = currentAgent().region;
  const offset = words[word] as number;
  return offset === 0 ? undefined : { offset, generation: (words[word + 1] as number) >>> 0 };
}

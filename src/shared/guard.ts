/** The lock that belongs to a shared value or array: made with it, given to it, or none; kept alive by the block that names it. */
import { currentAgent } from '../arena/agent.js';
import { cancelHandle, sendHandle } from '../memory/block.js';
import { type Handle, receiveShared } from '../memory/handle.js';
import { handleOf } from '../serialize/passable.js';
import { Lock } from '../sync/lock.js';
import { typeError } from '../util/validate.js';

/** A lock to use, true (default) for a new one, or false for none. */
export type GuardOption = Lock | boolean | undefined;

/** The methods of a Lock that what it guards has too: see `Lock` for each. */
const LOCK_METHODS = ['acquire', 'acquireSync', 'tryAcquire', 'release', 'hold', 'holdSync', 'withLock', 'withLockSync'] as const;
export type LockMethods = Pick<Lock, (typeof LOCK_METHODS)[number]>;

/** Gives a class with `getLock()` the methods of that lock. */
export function addLockMethods(prototype: { getLock(): Lock }): void {
  for (const name of LOCK_METHODS) {
    const value = function (this: { getLock(): Lock }, ...args: never[]): unknown {
      const lock = this.getLock();
      return (lock[name] as (...rest: never[]) => unknown).apply(lock, args);
    };
    Object.defineProperty(value, 'name', { value: name });
    Object.defineProperty(prototype, name, { value, writable: true, configurable: true });
  }
}

/** @throws TypeError naming the value, before anything is made */
export function checkGuard(option: unknown): void {
  if (option !== undefined && typeof option !== 'boolean' && !(option instanceof Lock))
    throw typeError('lock', 'a Lock, true or false', option);
}

/** Writes which lock guards the block: two words, 0 for none. The block's own hold on the lock is a handle that never arrives. */
export function initGuard(word: number, option: GuardOption): Lock | undefined {
  if (option === false) return undefined;
  const lock = option instanceof Lock ? option : new Lock();
  const handle = lock[handleOf]();
  const { words } = currentAgent().region;
  sendHandle(handle);
  words[word + 1] = handle.generation;
  words[word] = handle.offset; // last: it says that there is one
  return lock;
}

/** The lock of a block that came from elsewhere. REQUIRES: this agent holds the block. */
export function openGuard(word: number): Lock | undefined {
  const handle = guardHandle(word);
  if (handle === undefined) return undefined;
  sendHandle(handle);
  return receiveShared(handle) as Lock;
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

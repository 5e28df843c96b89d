/** A counting semaphore that all programs of the machine share by its name: POSIX's `sem_open`. */
import { inspect } from 'node:util';
import { ClosedError, StateError, SystemError } from '../errors.js';
import type { NamedSemaphores, OpenSemaphore, SemaphoreCreation } from '../platform/platform.js';
import { backendReason, platform } from '../platform/select.js';
import { registerClass } from '../serialize/registry.js';
import { boolean, options as checkOptions, integer, rangeError, string, typeError } from '../util/validate.js';
import { deadlineOf, type WaitOptions } from '../util/wait-options.js';
import { PermitQueue } from './permit-queue.js';

export interface NamedSemaphoreOptions {
  /** Make the semaphore if there is none of that name. Default false: attach to one that is there. */
  create?: boolean;
  /** Permits of a new one, 0 to 2,147,483,647; default 1. Of one that is there the value stays as it is. Only with `create`. */
  value?: number;
  /** Refuse a name that is taken (EEXIST). Default false. Only with `create`. */
  exclusive?: boolean;
  /** Who may open a new one, as permissions of a file, 0 to 0o777, less the umask; default 0o600: this user. Only with `create`. */
  mode?: number;
}

/** SEM_VALUE_MAX. */
const MOST_PERMITS = 2 ** 31 - 1;
/** NAME_MAX, less the `sem.` that the file's name begins with. */
const MOST_NAME_BYTES = 251;
/** Thirty years: what the system takes for ever. */
const LONGEST_WAIT_MS = 1e12;
const OPTIONS = ['create', 'value', 'exclusive', 'mode'] as const;
const ONLY_WITH_CREATE = ['value', 'exclusive', 'mode'] as const;

/**
 * A POSIX semaphore with a name, for any program on the machine, of whatever language. It exists until `unlink`, whoever ends: nothing removes
 * it by itself, and permits that a process held when it ended stay taken. Needs the native backend.
 *
 * ```js
 * const slots = new NamedSemaphore('/my-app-slots', { create: true, value: 3 });
 * await slots.acquire();
 * slots.release();
 * ```
 */
export class NamedSemaphore {
  /** With its leading slash. */
  readonly name: string;
  readonly #semaphore: OpenSemaphore;
  readonly #queue: PermitQueue;
  #isClosed = false;

  static {
    // It crosses by its name: the receiver opens what has that name by then.
    registerClass(NamedSemaphore, {
      name: 'forkful.NamedSemaphore',
      serialize: (semaphore) => {
        semaphore.#live();
        return semaphore.name;
      },
      deserialize: (name: string) => new NamedSemaphore(name),
    });
  }

  /**
   * Attaches to the semaphore of that name; makes it where there is none, with `create: true`. `name`: one to 251 bytes, a slash only in front, where
   * it may be left out.
   * @throws TypeError and RangeError for bad arguments, SystemError (ENOENT, EEXIST, EACCES, ...), StateError (ERR_FORKFUL_BACKEND) on the JS backend
   */
  constructor(name: string, options?: NamedSemaphoreOptions) {
    this.name = checkName(name);
    const creation = creationOf(options);
    const semaphores = available();
    this.#semaphore = explained(this.name, () => semaphores.open(this.name, creation));
    this.#queue = new PermitQueue(semaphores, this.#semaphore);
  }

  /** Removes a name, as the method does, without opening the semaphore. @throws SystemError (ENOENT, EACCES) */
  static unlink(name: string): void {
    const checked = checkName(name);
    explained(checked, () => available().unlink(checked));
  }

  /**
   * Resolves true with a permit taken, false after `timeout` milliseconds (0 and less: at once). Rejects with the signal's reason, and with ClosedError
   * when the object is closed meanwhile. First in, first out among the promises of one object. A permit that comes too late is given back.
   */
  acquire(options?: WaitOptions): Promise<boolean> {
    try {
      const semaphore = this.#live();
      const deadline = deadlineOf(options);
      if (this.#queue.isEmpty && semaphore.tryAcquire()) return TAKEN;
      return this.#queue.wait(deadline, options?.signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The blocking twin of `acquire`: parks the thread. */
  acquireSync(options?: WaitOptions): boolean {
    const semaphore = this.#live();
    const leftMs = deadlineOf(options) - performance.now();
    if (leftMs <= 0) return semaphore.tryAcquire();
    return semaphore.acquire(Math.min(leftMs, LONGEST_WAIT_MS));
  }

  /** Takes a permit if there is one; never waits. @throws ClosedError */
  tryAcquire(): boolean {
    return this.#live().tryAcquire();
  }

  /**
   * Adds `n` permits, all or none. Whoever has the semaphore may, whether it has taken any or not.
   * @throws RangeError for n, StateError (ERR_FORKFUL_OVERFLOW) when there would be more than 2,147,483,647, ClosedError
   */
  release(n = 1): void {
    const semaphore = this.#live();
    integer('n', n, 1, MOST_PERMITS);
    try {
      semaphore.release(n);
    } catch (error) {
      if (!(error instanceof SystemError) || error.code !== 'EOVERFLOW') throw error;
      throw new StateError(
        'ERR_FORKFUL_OVERFLOW',
        `Cannot release ${n} permits of ${this.name}: there would be more than ${MOST_PERMITS}. None was added`,
        { cause: error },
      );
    }
  }

  /** How many permits there are now; what others do may change that at any time. @throws ClosedError, SystemError (ENOSYS) where the system does not tell */
  get value(): number {
    return this.#live().value();
  }

  /** Lets go of the semaphore, which stays for others. This object's promises that wait reject with ClosedError, and so does using it afterwards. Idempotent; the garbage collector does it too. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#queue.close(this.#closedError());
    this.#semaphore.close();
  }

  /** Removes the name: nobody can attach any more, those who have the semaphore go on. Also after `close()`. @throws SystemError (ENOENT: somebody did it before) */
  unlink(): void {
    NamedSemaphore.unlink(this.name);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  [inspect.custom](): string {
    return `<NamedSemaphore name=${this.name} ${this.#isClosed ? 'closed' : `value=${valueOf(this.#semaphore)}`}>`;
  }

  #live(): OpenSemaphore {
    if (this.#isClosed) throw this.#closedError();
    return this.#semaphore;
  }

  #closedError(): ClosedError {
    return new ClosedError(`The semaphore ${this.name} was closed here`);
  }
}

/** Resolved once for all: what `acquire` returns when it need not wait. */
const TAKEN: Promise<boolean> = Promise.resolve(true);

function available(): NamedSemaphores {
  const { namedSemaphores } = platform;
  if (namedSemaphores !== null) return namedSemaphores;
  throw new StateError('ERR_FORKFUL_BACKEND', `A NamedSemaphore needs the native backend, which is not in use: ${backendReason}`);
}

/** With its slash. */
function checkName(name: string): string {
  string('name', name);
  const bare = name.startsWith('/') ? name.slice(1) : name;
  const isFolder = bare === '' || bare === '.' || bare === '..';
  if (isFolder || /[/\0]/.test(bare)) throw rangeError('name', "one path component like '/my-semaphore', without zeros", name);
  if (Buffer.byteLength(bare) > MOST_NAME_BYTES) throw rangeError('name', `at most ${MOST_NAME_BYTES} bytes long without its slash`, name);
  return `/${bare}`;
}

/** Null: only what is there will do. */
function creationOf(options: NamedSemaphoreOptions | undefined): SemaphoreCreation | null {
  const given = checkOptions('options', options, OPTIONS);
  const { create = false, value = 1, exclusive = false, mode = 0o600 } = given;
  boolean('create', create);
  integer('value', value, 0, MOST_PERMITS);
  boolean('exclusive', exclusive);
  integer('mode', mode, 0, 0o777);
  if (create) return { value, exclusive, mode };
  for (const key of ONLY_WITH_CREATE) {
    // they would be lost on a semaphore that somebody else has made
    if (given[key] !== undefined && given[key] !== false) throw typeError(key, 'given together with create: true only', given[key]);
  }
  return null;
}

function valueOf(semaphore: OpenSemaphore): number | string {
  try {
    return semaphore.value();
  } catch {
    return 'unknown'; // the system does not tell; inspecting must not throw
  }
}

const ADVICE: { readonly [code: string]: string } = {
  ENOENT: 'there is none of that name. Create it first: { create: true }',
  EEXIST: 'there is one of that name already. Attach to it, or unlink it first',
  EACCES: 'it belongs to another user, and its mode does not let this one use it',
  EINVAL: 'what has that name is no semaphore',
};

/** What the system says about the semaphore of that name, with the name and what to do. */
function explained<T>(name: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    const { syscall, code, errno } = error;
    const isUnlink = syscall === 'sem_unlink';
    const advice = isUnlink && code === 'ENOENT' ? 'there is none of that name, or no longer' : ADVICE[code];
    const what = `Cannot ${isUnlink ? 'unlink' : 'open'} the semaphore ${name}`;
    throw new SystemError(syscall, code, errno, `${what}: ${advice ?? `${syscall} failed: ${code}`}`);
  }
}

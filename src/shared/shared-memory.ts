/** Memory that all programs of the machine share by its name, as Python's `multiprocessing.shared_memory.SharedMemory`: the same names, the same segments. */
import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { ClosedError, StateError, SystemError } from '../errors.js';
import type { NamedSegments } from '../platform/platform.js';
import { backendReason, platform } from '../platform/select.js';
import { registerClass } from '../serialize/registry.js';
import { boolean, options as checkOptions, integer, rangeError, string, typeError } from '../util/validate.js';
import { createListed, unlinkListed } from './segment-names.js';

export interface SharedMemoryOptions {
  /** One to 255 bytes, a slash only in front, where it may be left out. Without it a new segment gets a name that is free: `psm_` and 8 hexadecimal digits. */
  name?: string;
  /** Make a segment; its name must be free. Default false: attach to one that is there. */
  create?: boolean;
  /** Bytes of a new one, at least 1. Of one that is there the size stays what it is. */
  size?: number;
  /** Whether a new one goes with this family of processes, however that ends. Default true; false: nobody removes it but `unlink`. */
  track?: boolean;
}

const OPTIONS = ['name', 'create', 'size', 'track'] as const;
/** NAME_MAX. */
const MOST_NAME_BYTES = 255;

/**
 * A segment of memory with a name, mapped here. Any program of this user attaches to it by the name, of whatever language. Needs the native backend.
 *
 * The segment exists until somebody calls `unlink`, and its memory as long as anybody has it open. One that was made with `track` (the default) is
 * removed when the last process of the family of its maker has ended, in whatever way, SIGKILL included; the end of one that only attached removes nothing.
 * Sent to another process it arrives attached to the same segment, by its name: which must not have been removed meanwhile (ENOENT).
 *
 * ```js
 * const memory = new SharedMemory({ create: true, size: 1024 });
 * memory.buf[0] = 7;
 * memory.unlink();
 * memory.close();
 * ```
 */
export class SharedMemory {
  /** Without a slash. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  #buf: Buffer | null;

  static {
    registerClass(SharedMemory, {
      name: 'forkful.SharedMemory',
      serialize: (memory) => memory.name,
      deserialize: (name: string) => new SharedMemory({ name }),
    });
  }

  /**
   * @throws TypeError and RangeError for bad arguments; SystemError (EEXIST, ENOENT, ENOSPC, EACCES, ...), naming the segment; StateError
   * (ERR_FORKFUL_BACKEND) on the JS backend
   */
  constructor(options?: SharedMemoryOptions) {
    const { name, create = false, size = 0, track = true } = checkOptions('options', options, OPTIONS);
    boolean('create', create);
    boolean('track', track);
    integer('size', size, create ? 1 : 0, Number.MAX_SAFE_INTEGER);
    const wanted = name === undefined ? undefined : checkName(name);
    if (wanted === undefined && !create) throw typeError('name', 'given, but with create: true', name);
    const segments = available();
    const segment = create
      ? makeSegment(segments, size, track, wanted === undefined ? generatedName : wanted)
      : { name: wanted as string, buffer: explained('open', wanted as string, () => segments.open(wanted as string)) };
    this.name = segment.name;
    this.#buf = Buffer.from(segment.buffer);
    this.size = this.#buf.length;
  }

  /** Removes a name, as the method does, without opening the segment. @throws SystemError (ENOENT, EACCES) */
  static unlink(name: string): void {
    const checked = checkName(name);
    explained('unlink', checked, () => unlinkListed(available(), checked));
  }

  /** The bytes; null after `close()`. Views of other types: `new Float64Array(memory.buf.buffer)`. */
  get buf(): Buffer | null {
    return this.#buf;
  }

  /**
   * Lets go of the memory; the segment stays for others, and the name too. Views that are left have length 0 from then on, or, where Node makes a
   * SharedArrayBuffer, show zeros that nobody shares. Idempotent; the collector does it too.
   */
  close(): void {
    const buf = this.#buf;
    if (buf === null) return;
    this.#buf = null;
    available().close(buf);
  }

  /** Removes the name: nobody can attach any more, those who have the segment go on. Also after `close()`. @throws SystemError (ENOENT: somebody did it before) */
  unlink(): void {
    SharedMemory.unlink(this.name);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  [inspect.custom](): string {
    return `<SharedMemory ${this.name} size=${this.size}${this.#buf === null ? ' closed' : ''}>`;
  }
}

/** The bytes of an open one. @throws ClosedError */
export function openBytes(memory: SharedMemory): Buffer {
  const { buf } = memory;
  if (buf === null) throw new ClosedError(`The shared memory ${memory.name} was closed here`);
  return buf;
}

/** `name`: the one to have, or a function that makes some up until one is free. */
export function makeSegment(
  segments: NamedSegments,
  size: number,
  track: boolean,
  name: string | (() => string),
): { readonly name: string; readonly buffer: ArrayBufferLike } {
  for (;;) {
    const tried = typeof name === 'string' ? name : name();
    try {
      const make = () => (track ? createListed(segments, tried, size) : segments.create(tried, size, null));
      return { name: tried, buffer: explained('make', tried, make) };
    } catch (error) {
      if (typeof name === 'string' || !(error instanceof SystemError) || error.code !== 'EEXIST') throw error;
    }
  }
}

function generatedName(): string {
  return `psm_${randomBytes(4).toString('hex')}`;
}

function available(): NamedSegments {
  const { namedSegments } = platform;
  if (namedSegments !== null) return namedSegments;
  throw new StateError(
    'ERR_FORKFUL_BACKEND',
    `Memory that has a name needs the native backend, which is not in use: ${backendReason}. What only threads share may be an Array`,
  );
}

/** Without its slash. */
function checkName(name: string): string {
  string('name', name);
  const bare = name.startsWith('/') ? name.slice(1) : name;
  const isFolder = bare === '' || bare === '.' || bare === '..';
  if (isFolder || /[/\0]/.test(bare)) throw rangeError('name', "one path component like 'my-memory', without zeros", name);
  if (Buffer.byteLength(bare) > MOST_NAME_BYTES) throw rangeError('name', `at most ${MOST_NAME_BYTES} bytes long without its slash`, name);
  return bare;
}

const ADVICE: { readonly [code: string]: string } = {
  ENOENT: 'there is none of that name, or no longer. Create it first: { create: true, size }',
  EEXIST: 'there is one of that name already. Attach to it, or unlink it first',
  EACCES: 'it belongs to another user, and its mode does not let this one use it',
  EINVAL: 'it is empty; who makes it has not said yet how large it is to be',
  ENOSPC: 'there is not so much shared memory (`df /dev/shm` tells how much)',
};

/** What the system says about the segment of that name, with the name and what to do. */
function explained<T>(what: 'make' | 'open' | 'unlink', name: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    const { syscall, code, errno } = error;
    const advice = what === 'unlink' && code === 'ENOENT' ? 'there is none of that name, or no longer' : ADVICE[code];
    throw new SystemError(syscall, code, errno, `Cannot ${what} the shared memory ${name}: ${advice ?? `${syscall} failed: ${code}`}`);
  }
}

/**
 * Sockets on their way to other processes of the family, each by a loan (`loans.ts`) in a block that also says what goes with it.
 *
 * | words | |
 * |---|---|
 * | 0-8 | the loan |
 * | 9 | flags |
 * | 10-11 | the longest message, a double |
 */
import { currentAgent } from '../arena/agent.js';
import { BLOCK_SOCKET, onDestroy, payloadWord } from '../memory/block.js';
import { abandonShared, bindShared, createShared, type Handle, unbindShared } from '../memory/handle.js';
import type { StreamSocket } from '../platform/platform.js';
import { platform } from '../platform/select.js';
import { borrow, lend, LOAN_WORDS, release } from './loans.js';
import { descriptorsFor } from './stream-waiting.js';

/** What goes with a socket. */
export interface Terms {
  readonly isTrusted: boolean;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly mostBytes: number;
}

const FLAGS = LOAN_WORDS;
const MOST_BYTES = 10;
const WORDS = 12;
const TRUSTED = 1;
const READABLE = 2;
const WRITABLE = 4;

/** The process that lends what was received: another one, and it may end. */
const NOBODY = 0;

const double = new Float64Array(1);
const doubleWords = new Int32Array(double.buffer);

/** Of one connection: the loan that it came by, if it did, and those by which it goes on: one for each process that it came into by forking. */
export class Passes {
  readonly #made: { readonly handle: Handle; readonly pid: number }[] = [];

  constructor(received: Handle | undefined) {
    if (received !== undefined) this.#made.push({ handle: received, pid: NOBODY });
  }

  /** @throws StateError (ERR_FORKFUL_BACKEND), OutOfMemoryError, SystemError (EMFILE) */
  handleFor(connection: object, stream: StreamSocket, terms: Terms): Handle {
    const pid = platform.processes.pid();
    const known = this.#made.find((one) => one.pid === pid);
    if (known !== undefined) {
      writeTerms(known.handle, terms);
      return known.handle;
    }
    const handle = createShared(BLOCK_SOCKET, WORDS * 4);
    try {
      writeTerms(handle, terms);
      lend(handle, stream.fd);
    } catch (error) {
      abandonShared(handle);
      throw error;
    }
    bindShared(connection, handle);
    this.#made.push({ handle, pid });
    return handle;
  }

  /** The connection is closed here. */
  close(connection: object): void {
    for (const { handle } of this.#made.splice(0)) unbindShared(connection, handle);
  }
}

/** The socket that a handle stands for. @throws StaleHandleError: who sent it has ended, or does not give it out */
export function borrowed(handle: Handle): { stream: StreamSocket; terms: Terms } {
  const { words } = currentAgent().region;
  const at = payloadWord(handle.offset);
  const flags = Atomics.load(words, at + FLAGS);
  doubleWords.set(words.subarray(at + MOST_BYTES, at + MOST_BYTES + 2));
  const terms = {
    isTrusted: (flags & TRUSTED) !== 0,
    readable: (flags & READABLE) !== 0,
    writable: (flags & WRITABLE) !== 0,
    mostBytes: double[0] as number,
  };
  return { stream: descriptorsFor('To receive a connection over a socket').adopt(borrow(handle)), terms };
}

function writeTerms(handle: Handle, { isTrusted, readable, writable, mostBytes }: Terms): void {
  const { words } = currentAgent().region;
  const at = payloadWord(handle.offset);
  double[0] = mostBytes;
  words.set(doubleWords, at + MOST_BYTES);
  Atomics.store(words, at + FLAGS, (isTrusted ? TRUSTED : 0) | (readable ? READABLE : 0) | (writable ? WRITABLE : 0));
}

onDestroy(BLOCK_SOCKET, release);

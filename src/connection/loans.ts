/**
 * Descriptors on their way to other processes of the family. The sender lends a duplicate, which a thread of its process gives to whoever has the pass,
 * and puts the pass into a block: as long as somebody holds that, or a message with its handle is under way, it is lent. With the sender's process it ends.
 *
 * | words | |
 * |---|---|
 * | 0-7 | the pass |
 * | 8 | 1: it is lent; written last |
 */
import { currentAgent } from '../arena/agent.js';
import { StaleHandleError, SystemError } from '../errors.js';
import { payloadWord } from '../memory/block.js';
import type { Handle } from '../memory/handle.js';
import { descriptorsFor } from './stream-waiting.js';

const PASS_WORDS = 8;
const LENT = 8;
export const LOAN_WORDS = 9;

/** A process that is stopped does not give out what it lends. One that merely has no turn on its processor is not to be taken for it. */
const BORROW_MS = 30_000;
/** It will see later, then, that nobody wants it any more. */
const RELEASE_MS = 100;

/** Lends a duplicate, by a new block. @throws StateError (ERR_FORKFUL_BACKEND), SystemError (EBADF, EMFILE): then the block is the caller's to drop */
export function lend({ offset }: Handle, fd: number): void {
  const pass = descriptorsFor('To send a descriptor to another process').lend(fd);
  const { words } = currentAgent().region;
  const at = payloadWord(offset);
  words.set(new Int32Array(pass.slice().buffer), at);
  Atomics.store(words, at + LENT, 1);
}

/** A duplicate of what is lent by the block, close-on-exec. Blocks the thread, mostly for some 50 µs. @throws StaleHandleError: who sent it has ended, or does not give it out */
export function borrow({ offset }: Handle): number {
  try {
    return descriptorsFor('To receive a descriptor').borrow(readPass(payloadWord(offset)), BORROW_MS);
  } catch (error) {
    if (!(error instanceof SystemError) || !['ECONNREFUSED', 'ENOENT', 'ETIMEDOUT'].includes(error.code)) throw error;
    const why = error.code === 'ETIMEDOUT' ? 'does not answer, as if it were stopped' : 'has ended, or has it no more';
    throw new StaleHandleError(`A descriptor or a connection over a socket cannot be received: the process that sent it ${why}`);
  }
}

/** The block is being freed. `at`: first word of its payload. */
export function release(at: number): void {
  if (Atomics.load(currentAgent().region.words, at + LENT) === 0) return; // whoever was making it was killed, and nothing is lent any more
  try {
    descriptorsFor('To let go of a descriptor').release(readPass(at), RELEASE_MS);
  } catch {
    // its process is stopped: it finds the question when it goes on, unless thousands were before us and there was no room for it
  }
}

function readPass(at: number): Uint8Array {
  return new Uint8Array(currentAgent().region.words.slice(at, at + PASS_WORDS).buffer);
}

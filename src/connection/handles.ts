/** Files, sockets and pipes of the system's, sent to other processes. As Python's `multiprocessing.reduction.send_handle` and `recv_handle`. */
import { StateError } from '../errors.js';
import { BLOCK_DESCRIPTOR, onDestroy } from '../memory/block.js';
import { createShared, type Handle, keepBlock, onRebuild, unbindShared } from '../memory/handle.js';
import { handleOf, type Passable } from '../serialize/passable.js';
import { integer, typeError } from '../util/validate.js';
import type { WaitOptions } from '../util/wait-options.js';
import { Connection } from './connection.js';
import { borrow, lend, LOAN_WORDS, release } from './loans.js';

/** A descriptor under way: all that such a message consists of. */
class SentDescriptor implements Passable {
  readonly #handle: Handle;

  constructor(handle: Handle) {
    this.#handle = handle;
  }

  [handleOf](): Handle {
    return this.#handle;
  }

  /** Of one that was received. */
  take(): number {
    try {
      return borrow(this.#handle);
    } finally {
      unbindShared(this, this.#handle);
    }
  }
}

/**
 * Sends a duplicate of a descriptor of this process to the other end of a pipe; resolves when it is on its way, and `fd` is the caller's to close. A thread of
 * this process keeps it until it is received or the message is lost: if this process ends before that it cannot be received.
 * @throws TypeError, RangeError; SystemError (EBADF, EMFILE); what `send` throws, SerializationError for a connection over a socket; StateError
 * (ERR_FORKFUL_BACKEND) on the JS backend
 */
export async function sendHandle(connection: Connection, fd: number, options?: WaitOptions): Promise<void> {
  const { sent, letGo } = begin(connection, fd);
  try {
    await connection.send(sent, options);
  } finally {
    letGo();
  }
}

/** The blocking twin of `sendHandle`. */
export function sendHandleSync(connection: Connection, fd: number, options?: WaitOptions): void {
  const { sent, letGo } = begin(connection, fd);
  try {
    connection.sendSync(sent, options);
  } finally {
    letGo();
  }
}

/**
 * The descriptor that the other end has sent by `sendHandle`: a number of this process, close-on-exec, the caller's to close.
 * @throws StateError (ERR_FORKFUL_NO_HANDLE) when the next message is another one, which is taken; StaleHandleError when the sender has ended; SystemError
 * (EMFILE); what `recv` throws
 */
export async function recvHandle(connection: Connection, options?: WaitOptions): Promise<number> {
  return received(await checkConnection(connection).recv(options));
}

/** The blocking twin of `recvHandle`. */
export function recvHandleSync(connection: Connection, options?: WaitOptions): number {
  return received(checkConnection(connection).recvSync(options));
}

/** Lends a duplicate, until `letGo` is called and the message has arrived or is lost. */
function begin(connection: Connection, fd: number): { sent: SentDescriptor; letGo: () => void } {
  checkConnection(connection);
  integer('fd', fd, 0, 0x7fffffff);
  const handle = createShared(BLOCK_DESCRIPTOR, LOAN_WORDS * 4);
  const letGo = keepBlock(handle); // not bound to an object: one that is received in this very thread has a life of its own
  try {
    lend(handle, fd);
  } catch (error) {
    letGo();
    throw error;
  }
  return { sent: new SentDescriptor(handle), letGo };
}

function checkConnection(connection: Connection): Connection {
  if (!(connection instanceof Connection)) throw typeError('connection', 'a Connection', connection);
  return connection;
}

function received(message: unknown): number {
  if (!(message instanceof SentDescriptor))
    throw new StateError('ERR_FORKFUL_NO_HANDLE', 'The message that was received carries no descriptor: it was not sent by sendHandle');
  return message.take();
}

onDestroy(BLOCK_DESCRIPTOR, release);
onRebuild(BLOCK_DESCRIPTOR, (handle) => new SentDescriptor(handle));

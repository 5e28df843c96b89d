/**
 * Every error class of forkful, each with a stable `code`. Bad arguments are plain `TypeError`s and `RangeError`s (see `util/validate.ts`).
 */

/** Base class of all errors that forkful itself raises. As Python's `multiprocessing.ProcessError`. */
export class ProcessError extends Error {
  /** Stable identification, `ERR_FORKFUL_...`; messages may change, codes do not. */
  readonly code: string = 'ERR_FORKFUL_PROCESS';
  static {
    setName(ProcessError, 'ProcessError');
  }
}

/** A wait ran out of time where the method's answer cannot say so. */
export class TimeoutError extends ProcessError {
  override readonly code: string = 'ERR_FORKFUL_TIMEOUT';
  static {
    setName(TimeoutError, 'TimeoutError');
  }
}

/** `get` found nothing in time. As Python's `queue.Empty`. */
export class Empty extends ProcessError {
  override readonly code: string = 'ERR_FORKFUL_EMPTY';
  static {
    setName(Empty, 'Empty');
  }
}

/** `put` found no room in time. As Python's `queue.Full`. */
export class Full extends ProcessError {
  override readonly code: string = 'ERR_FORKFUL_FULL';
  static {
    setName(Full, 'Full');
  }
}

/** The object was closed or disposed, here or, for queues, in any process. */
export class ClosedError extends ProcessError {
  override readonly code: string = 'ERR_FORKFUL_CLOSED';
  static {
    setName(ClosedError, 'ClosedError');
  }
}

/** The other end of a connection is closed, or its last holder has ended, and all that it sent has been received. As Python's `EOFError`. */
export class EOFError extends ProcessError {
  override readonly code: string = 'ERR_FORKFUL_EOF';
  static {
    setName(EOFError, 'EOFError');
  }
}

/** Nobody will receive what is sent: the other end of the connection is closed, or its last holder has ended. As Python's `BrokenPipeError`. */
export class BrokenPipeError extends ProcessError {
  override readonly code: string = 'ERR_FORKFUL_BROKEN_PIPE';
  static {
    setName(BrokenPipeError, 'BrokenPipeError');
  }
}

/** A message is longer than the buffer that it should go into. `bytes` is the whole message, which is taken (Python: `args[0]`). */
export class BufferTooShort extends ProcessError {
  override readonly code: string = 'ERR_FORKFUL_BUFFER_TOO_SHORT';
  readonly bytes: Uint8Array;
  static {
    setName(BufferTooShort, 'BufferTooShort');
  }
  constructor(message: string, bytes: Uint8Array) {
    super(message);
    this.bytes = bytes;
  }
}

/** A peer did not prove that it knows the key, or says that we did not. */
export class AuthenticationError extends ProcessError {
  override readonly code: string = 'ERR_FORKFUL_AUTHENTICATION';
  static {
    setName(AuthenticationError, 'AuthenticationError');
  }
}

/** A party of a barrier ended, gave up or was out of time, or the barrier was aborted or reset. As Python's `threading.BrokenBarrierError`. */
export class BrokenBarrierError extends ProcessError {
  override readonly code: string = 'ERR_FORKFUL_BROKEN_BARRIER';
  static {
    setName(BrokenBarrierError, 'BrokenBarrierError');
  }
}

/** The process or thread that held the lock has ended. Thrown *while holding the lock*: repair what it guards, then release. */
export class OwnerDiedError extends ProcessError {
  override readonly code: string = 'ERR_FORKFUL_OWNER_DIED';
  static {
    setName(OwnerDiedError, 'OwnerDiedError');
  }
}

/** A value cannot cross processes. `path` says where in the value: `''` for the value itself, else like `.jobs[3].callback`. */
export class SerializationError extends ProcessError {
  override readonly code: string = 'ERR_FORKFUL_SERIALIZATION';
  readonly path: string;
  static {
    setName(SerializationError, 'SerializationError');
  }
  constructor(message: string, path: string, options?: ErrorOptions) {
    super(message, options);
    this.path = path;
  }
}

/** A limit of the shared region was reached: its size, the system's memory, or its agent slots. */
export class OutOfMemoryError extends ProcessError {
  override readonly code: string = 'ERR_FORKFUL_OUT_OF_MEMORY';
  static {
    setName(OutOfMemoryError, 'OutOfMemoryError');
  }
}

/** A handle names an object that has been freed: every holder disposed of it, dropped it or died. */
export class StaleHandleError extends ProcessError {
  override readonly code: string = 'ERR_FORKFUL_STALE_HANDLE';
  static {
    setName(StaleHandleError, 'StaleHandleError');
  }
}

/** An operation that the object's present state forbids: start twice, join before start, release of a free lock. `code` says which. */
export class StateError extends ProcessError {
  override readonly code: string;
  static {
    setName(StateError, 'StateError');
  }
  constructor(code: `ERR_FORKFUL_${string}`, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A system call failed. Carries what Node's own system errors carry. */
export class SystemError extends ProcessError {
  override readonly code: string;
  /** The negative error number, as Node gives it. */
  readonly errno: number;
  readonly syscall: string;
  static {
    setName(SystemError, 'SystemError');
  }
  constructor(syscall: string, code: string, errno: number, message = `${syscall} failed: ${code}`) {
    super(message);
    this.syscall = syscall;
    this.code = code;
    this.errno = errno;
  }
}

/** `name` belongs to the class, not to each instance: inherited and not enumerable, so that errors print and clone cleanly. */
function setName(errorClass: { readonly prototype: Error }, name: string): void {
  Object.defineProperty(errorClass.prototype, 'name', { value: name, configurable: true, writable: true });
}

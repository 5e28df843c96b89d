/** Python's `multiprocessing` for Node.js. All of the public interface, in the order of the documentation. */
export { type Context, getContext } from './context.js';
export { getAllStartMethods, getStartMethod, setStartMethod } from './process/start-method.js';
export type { StartMethod } from './process/start/launcher.js';
export { cpuCount } from './process/cpu-count.js';
export { activeChildren, currentProcess, type ParentProcess, parentProcess } from './process/family.js';
export { isMainProcess } from './process/current.js';
export { freezeSupport, setExecutable } from './process/programs.js';
export { setForkserverPreload } from './process/fork-server/preload-list.js';
export { fork } from './process/forked/fork.js';

export { Process } from './process/process.js';
export type { ProcessOptions, Target } from './process/options.js';

export { Lock } from './sync/lock.js';
export { RLock } from './sync/rlock.js';
export type { LockOptions } from './sync/owned.js';
export type { Held } from './sync/holding.js';
export { BoundedSemaphore, Semaphore, type SemaphoreOptions } from './sync/semaphore.js';
export { Condition } from './sync/condition.js';
export { Event } from './sync/event.js';
export { Barrier, type BarrierOptions } from './sync/barrier.js';
export { NamedSemaphore, type NamedSemaphoreOptions } from './sync/named-semaphore.js';
export type { WaitOptions } from './util/wait-options.js';

export { Value, Value as SharedValue, RawValue, type ValueInit, type ValueOf, type ValueType } from './shared/value.js';
export { type FieldType, type Fields, struct, type StructInit, type StructOf, type StructType } from './shared/struct.js';
export type { RawStructArray, StructArray } from './shared/struct-array.js';
export { sharedctypes } from './shared/sharedctypes.js';
export { RawArray, SharedArray as Array, SharedArray, type TypedArrayOf } from './shared/array.js';
export { SharedMemory, type SharedMemoryOptions } from './shared/shared-memory.js';
export { ShareableList, type ShareableListOptions } from './shared/shareable-list.js';
export type { ListItem } from './shared/list-items.js';
export type { ElementTypeArgument } from './shared/typecodes.js';

export { Queue, type QueueOptions } from './queue/queue.js';
export { JoinableQueue } from './queue/joinable-queue.js';
export { SimpleQueue } from './queue/simple-queue.js';

export { Connection } from './connection/connection.js';
export { Pipe, type PipeOptions } from './connection/pipe.js';
export * as connection from './connection/index.js';

export { type ClassCodec, registerClass } from './serialize/registry.js';
export { RemoteError } from './serialize/remote-error.js';
export {
  AuthenticationError,
  BrokenBarrierError,
  BrokenPipeError,
  BufferTooShort,
  ClosedError,
  Empty,
  EOFError,
  Full,
  OutOfMemoryError,
  OwnerDiedError,
  ProcessError,
  SerializationError,
  StaleHandleError,
  StateError,
  SystemError,
  TimeoutError,
} from './errors.js';

export {
  getLogger,
  type Logger,
  type LogLevel,
  type LogLevelName,
  type LogRecord,
  logLevels,
  logToStderr,
  SUBDEBUG,
  SUBWARNING,
} from './util/log.js';

export type { Backend } from './platform/platform.js';
export { backend, backendReason } from './platform/select.js';

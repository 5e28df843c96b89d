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

export { type Held, Lock, type LockOptions } from './sync/lock.js';
export type { WaitOptions } from './util/wait-options.js';

export { Value, Value as SharedValue, RawValue, type ValueOf } from './shared/value.js';
export { RawArray, SharedArray as Array, SharedArray, type TypedArrayOf } from './shared/array.js';
export type { ElementTypeArgument } from './shared/typecodes.js';

export { Queue, type QueueOptions } from './queue/queue.js';

export { type ClassCodec, registerClass } from './serialize/registry.js';
export { RemoteError } from './serialize/remote-error.js';
export {
  ClosedError,
  Empty,
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

/** Contexts: everything there is, bound to one start method. As Python's `multiprocessing.get_context`. */
import * as connection from './connection/index.js';
import { Connection } from './connection/connection.js';
import { Pipe } from './connection/pipe.js';
import * as errors from './errors.js';
import { cpuCount } from './process/cpu-count.js';
import { isMainProcess } from './process/current.js';
import { setForkserverPreload } from './process/fork-server/preload-list.js';
import { fork } from './process/forked/fork.js';
import { activeChildren, currentProcess, parentProcess } from './process/family.js';
import { boundMethod, Process } from './process/process.js';
import { freezeSupport, setExecutable } from './process/programs.js';
import type { StartMethod } from './process/start/launcher.js';
import { checkMethod, getAllStartMethods, getStartMethod, launcherFor } from './process/start-method.js';
import { backend, backendReason } from './platform/select.js';
import { JoinableQueue } from './queue/joinable-queue.js';
import { Queue } from './queue/queue.js';
import { SimpleQueue } from './queue/simple-queue.js';
import { registerClass } from './serialize/registry.js';
import { RemoteError } from './serialize/remote-error.js';
import { RawArray, SharedArray } from './shared/array.js';
import { ShareableList } from './shared/shareable-list.js';
import { SharedMemory } from './shared/shared-memory.js';
import { sharedctypes } from './shared/sharedctypes.js';
import { struct } from './shared/struct.js';
import { RawValue, Value } from './shared/value.js';
import { Barrier } from './sync/barrier.js';
import { Condition } from './sync/condition.js';
import { Event } from './sync/event.js';
import { Lock } from './sync/lock.js';
import { NamedSemaphore } from './sync/named-semaphore.js';
import { RLock } from './sync/rlock.js';
import { BoundedSemaphore, Semaphore } from './sync/semaphore.js';
import { getLogger, logLevels, logToStderr, SUBDEBUG, SUBWARNING } from './util/log.js';

/** What is the same in every context. */
interface Common {
  readonly getAllStartMethods: typeof getAllStartMethods;
  readonly cpuCount: typeof cpuCount;
  readonly currentProcess: typeof currentProcess;
  readonly parentProcess: typeof parentProcess;
  readonly activeChildren: typeof activeChildren;
  readonly isMainProcess: boolean;
  readonly setExecutable: typeof setExecutable;
  readonly freezeSupport: typeof freezeSupport;
  readonly setForkserverPreload: typeof setForkserverPreload;
  readonly fork: typeof fork;
  readonly Lock: typeof Lock;
  readonly RLock: typeof RLock;
  readonly Semaphore: typeof Semaphore;
  readonly BoundedSemaphore: typeof BoundedSemaphore;
  readonly Condition: typeof Condition;
  readonly Event: typeof Event;
  readonly Barrier: typeof Barrier;
  readonly NamedSemaphore: typeof NamedSemaphore;
  readonly Value: typeof Value;
  readonly SharedValue: typeof Value;
  readonly RawValue: typeof RawValue;
  readonly Array: typeof SharedArray;
  readonly SharedArray: typeof SharedArray;
  readonly RawArray: typeof RawArray;
  readonly struct: typeof struct;
  readonly sharedctypes: typeof sharedctypes;
  readonly SharedMemory: typeof SharedMemory;
  readonly ShareableList: typeof ShareableList;
  readonly Queue: typeof Queue;
  readonly Connection: typeof Connection;
  readonly Pipe: typeof Pipe;
  readonly connection: typeof connection;
  readonly JoinableQueue: typeof JoinableQueue;
  readonly SimpleQueue: typeof SimpleQueue;
  readonly registerClass: typeof registerClass;
  readonly RemoteError: typeof RemoteError;
  readonly getLogger: typeof getLogger;
  readonly logToStderr: typeof logToStderr;
  readonly logLevels: typeof logLevels;
  readonly SUBDEBUG: typeof SUBDEBUG;
  readonly SUBWARNING: typeof SUBWARNING;
  readonly backend: typeof backend;
  readonly backendReason: string;
}

const common: Common & typeof errors = {
  getAllStartMethods,
  cpuCount,
  currentProcess,
  parentProcess,
  activeChildren,
  isMainProcess,
  setExecutable,
  freezeSupport,
  setForkserverPreload,
  fork,
  Lock,
  RLock,
  Semaphore,
  BoundedSemaphore,
  Condition,
  Event,
  Barrier,
  NamedSemaphore,
  Value,
  SharedValue: Value,
  RawValue,
  Array: SharedArray,
  SharedArray,
  RawArray,
  struct,
  sharedctypes,
  SharedMemory,
  ShareableList,
  Queue,
  Connection,
  Pipe,
  connection,
  JoinableQueue,
  SimpleQueue,
  registerClass,
  RemoteError,
  getLogger,
  logToStderr,
  logLevels,
  SUBDEBUG,
  SUBWARNING,
  backend,
  backendReason,
  ...errors,
};

/** What the module exports, with processes of one start method. */
export interface Context extends Readonly<Common & typeof errors> {
  /** Processes of this context are named after it: `SpawnProcess-1`. */
  readonly Process: typeof Process;
  getStartMethod(): StartMethod;
  /** @throws StateError (ERR_FORKFUL_CONTEXT): a context's method is what it is */
  setStartMethod(method: StartMethod | null, options?: { force?: boolean }): never;
  /** Itself without an argument, else as the function. */
  getContext(method?: StartMethod): Context;
}

const contexts = new Map<StartMethod, Context>();

/**
 * The context of a start method, the same object each time; without one, of the method in use, which is decided by that.
 * @throws RangeError for a method that is not available here
 */
export function getContext(method?: StartMethod): Context {
  const checked = method === undefined ? getStartMethod() : checkMethod('method', method);
  let context = contexts.get(checked);
  if (context === undefined) {
    context = makeContext(checked);
    contexts.set(checked, context);
  }
  return context;
}

function makeContext(method: StartMethod): Context {
  const { className } = launcherFor(method);
  // under a computed key, since a class takes its name from there; a subclass, so that `instanceof Process` holds
  const { [className]: BoundProcess } = {
    [className]: class extends Process {
      static readonly [boundMethod] = method;
    },
  };
  const context: Context = {
    ...common,
    // a forked child of the main process is none
    get isMainProcess() {
      return isMainProcess;
    },
    Process: BoundProcess as typeof Process,
    getStartMethod: () => method,
    setStartMethod() {
      throw new errors.StateError('ERR_FORKFUL_CONTEXT', `This context is bound to '${method}': set the start method on the module itself`);
    },
    getContext: (other) => (other === undefined ? context : getContext(other)),
  };
  return context;
}

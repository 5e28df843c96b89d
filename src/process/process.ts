/** A process and its face: made, started, waited for, ended. As Python's `multiprocessing.Process`. */
import { randomInt } from 'node:crypto';
import { inspect } from 'node:util';
import { isMainThread, threadId } from 'node:worker_threads';
import { currentAgent } from '../arena/agent.js';
import { ClosedError, StateError } from '../errors.js';
import { handleOf } from '../serialize/passable.js';
import { carryFunctions, namingActions } from '../sync/barrier-action.js';
import { getLogger, logSettings } from '../util/log.js';
import { boolean, options as checkOptions, string, typeError } from '../util/validate.js';
import { deadlineOf, type WaitOptions } from '../util/wait-options.js';
import { type Waitable, type Watch, waitable } from '../util/waitable.js';
import { ChildRecord } from './child-record.js';
import { becomeSelf, isBootstrapping, nextIdentity, ownAuthkey, type Self, self, setOwnAuthkey } from './current.js';
import { type FunctionRef, importFunction } from './function-ref.js';
import { type AnyFunction, callArgs, checkArgs, checkKwargs, checkTarget, type ProcessOptions, type Target } from './options.js';
import { type Inputs, type Preparation, tell, writePreparation } from './preparation.js';
import { type EndingSignal, type ExitCode, type Launch, type StartMethod, signalName } from './start/launcher.js';
import { checkMethod, getStartMethod, launcherFor, setStartMethod } from './start-method.js';
import { findFunction } from './target.js';

/** On a class that a context made: its method. A subclass inherits it. */
export const boundMethod = Symbol('forkful.boundMethod');

interface Inner {
  name: string;
  readonly identity: readonly number[];
  authkey: Uint8Array | undefined;
  readonly method: StartMethod | undefined;
  /** Null in the object that stands for the running process itself. */
  readonly record: ChildRecord | null;
  target: Target | undefined;
  args: readonly unknown[];
  kwargs: object | undefined;
  closed: boolean;
}

/** Not in private fields: a subclass's instance is made in the child without running its constructor, and Process's neither. */
const inners = new WeakMap<object, Inner>();
/** Who stands for a record: what `activeChildren` returns. */
const faces = new WeakMap<ChildRecord, Process>();

/**
 * A process, or with start method `thread` a thread, that runs a function.
 *
 * ```js
 * export function work(queue, n) { ... }
 * if (isMainProcess) {
 *   const p = new Process({ target: work, args: [queue, 7] });
 *   await p.start();
 *   await p.join();
 * }
 * ```
 *
 * Or a subclass with a method `run(...args)`, exported from its module. Its own properties, as the constructor left them, go with it; private fields do not.
 * A child that dies, in whatever way, holds nothing afterwards: locks it held go to the next in line.
 */
export class Process implements Waitable {
  /** @throws TypeError, RangeError naming the argument */
  constructor(options?: ProcessOptions) {
    const {
      target,
      args = [],
      kwargs,
      name,
      daemon,
      method,
    } = checkOptions('options', options, ['target', 'args', 'kwargs', 'name', 'daemon', 'method']);
    const identity = nextIdentity();
    const bound = (new.target as { [boundMethod]?: StartMethod })[boundMethod];
    inners.set(this, {
      name: name === undefined ? `${new.target.name || 'Process'}-${identity.join(':')}` : string('name', name),
      identity,
      authkey: undefined,
      method: method === undefined ? bound : checkMethod('method', method),
      record: new ChildRecord(daemon === undefined ? self().daemon : boolean('daemon', daemon)),
      target: target === undefined ? undefined : checkTarget(target),
      args: checkArgs(args),
      kwargs: checkKwargs(kwargs),
      closed: false,
    });
  }

  get name(): string {
    return innerOf(this).name;
  }

  /** @throws TypeError for anything but a string */
  set name(name: string) {
    const inner = innerOf(this);
    inner.name = string('name', name);
    if (inner.record === null) self().name = name;
  }

  get daemon(): boolean {
    const { record } = innerOf(this);
    return record === null ? self().daemon : record.daemon;
  }

  /** @throws StateError (ERR_FORKFUL_ALREADY_STARTED) after `start()` */
  set daemon(daemon: boolean) {
    const { record } = innerOf(this);
    if (record === null || record.wasStarted) throw alreadyStarted(this, 'daemon must be set before start()');
    record.daemon = boolean('daemon', daemon);
  }

  /** The key by which processes of a family know each other: 32 random bytes, the same in all descendants unless set. */
  get authkey(): Uint8Array {
    return innerOf(this).authkey ?? ownAuthkey();
  }

  /** @throws TypeError for anything but bytes */
  set authkey(authkey: Uint8Array) {
    if (!(authkey instanceof Uint8Array)) throw typeError('authkey', 'a Uint8Array', authkey);
    const inner = innerOf(this);
    inner.authkey = Uint8Array.from(authkey);
    if (inner.record === null) setOwnAuthkey(inner.authkey);
  }

  /** Process id; of a thread, the process it is in. Undefined before it is started. */
  get pid(): number | undefined {
    const { record } = openInner(this);
    return record === null ? process.pid : record.child?.pid;
  }

  /** As `pid`; a thread has a number of its own. */
  get ident(): number | undefined {
    const { record } = openInner(this);
    if (record !== null) return record.child?.ident;
    return isMainThread ? process.pid : threadId;
  }

  /** Null before its end, also of the running process itself; then 0 to 255, or minus the number of the signal that ended it. */
  get exitCode(): ExitCode | null {
    return openInner(this).record?.look() ?? null;
  }

  /**
   * A number that `connection.wait` takes: a descriptor that is readable once the process has ended, and stays so; valid until `close()`. On the JS
   * backend it is no descriptor. @throws StateError (ERR_FORKFUL_NOT_STARTED) before `start()` has resolved
   */
  get sentinel(): number {
    const record = childOf(this, 'watch it');
    if (record.child === undefined)
      throw new StateError('ERR_FORKFUL_NOT_STARTED', `${this.name} has no sentinel before start() has resolved: await it first`);
    return record.sentinel;
  }

  /** Ready for `connection.wait` once it has ended. @throws StateError before `start()` has resolved */
  [waitable](): Watch {
    const record = childOf(this, 'wait for it');
    if (record.child === undefined)
      throw new StateError('ERR_FORKFUL_NOT_STARTED', `Cannot wait for ${this.name} before start() has resolved: await it first`);
    return record[waitable]();
  }

  /** Whether it runs: false before `start()`, and from its end on. @throws StateError (ERR_FORKFUL_NOT_PARENT) in another process than its parent */
  isAlive(): boolean {
    const { record } = openInner(this);
    if (record === null) return true;
    checkParent(this, record, 'ask whether it is alive');
    return record.child !== undefined && record.look() === null;
  }

  /** What the child runs. Override it in a subclass, or pass a target. */
  run(...args: unknown[]): unknown {
    const { target, args: given, kwargs } = innerOf(this);
    const passed = args.length > 0 ? args : callArgs(given, kwargs);
    if (target === undefined) return undefined;
    if (typeof target === 'function') return target(...passed);
    return importFunction(target as FunctionRef).then((found) => (found as AnyFunction)(...passed));
  }

  /**
   * Starts it; once only. Resolves when it has been launched; its code begins a little later. Arguments are encoded before this returns.
   * Rejects with TypeError (ERR_FORKFUL_TARGET) when the target is not exported, SerializationError naming the argument (`args[1].callback`), StateError
   * (ERR_FORKFUL_ALREADY_STARTED, ERR_FORKFUL_NOT_PARENT, ERR_FORKFUL_DAEMON_CHILDREN, ERR_FORKFUL_BOOTSTRAPPING), or what the system says; after such a failure it can be started again.
   */
  async start(): Promise<this> {
    const inner = openInner(this);
    const { record, target, args, kwargs } = inner;
    if (record === null || record.wasStarted) throw alreadyStarted(this, 'start() works once');
    checkParent(this, record, 'start it');
    if (self().daemon)
      throw new StateError('ERR_FORKFUL_DAEMON_CHILDREN', `${self().name} is daemonic: daemonic processes may not have children`);
    if (isBootstrapping())
      throw new StateError(
        'ERR_FORKFUL_BOOTSTRAPPING',
        `Cannot start ${inner.name}: ${self().name} is still importing the module of its target, which would start it in every child again. ` +
          'Guard the code of a main module: if (isMainProcess) { ... }',
      );
    const startMethod = inner.method ?? getStartMethod();
    const launcher = launcherFor(startMethod);
    const surroundings = launcher.prepare?.();
    const processClass = subclassOf(this);
    const parent = { name: self().name, pid: process.pid, agent: currentAgent().id };
    const facts: Self = { name: inner.name, identity: inner.identity, daemon: record.daemon, parent };
    const { authkey } = this;
    const preparation: Preparation = { self: facts, authkey, argv: process.argv, startMethod, surroundings, log: logSettings() };
    const inputs: Inputs = { args, kwargs, properties: processClass === null ? undefined : { ...this } };
    const { encoded, named } = namingActions(() => {
      const told = launcher.isDiscreet ? tell(preparation, inputs) : undefined;
      return { told, queue: launcher.copies || told !== undefined ? undefined : writePreparation(preparation, inputs) };
    });
    const { told } = encoded;
    let { queue } = encoded;
    const launch: Launch = {
      name: inner.name,
      daemon: record.daemon,
      ticket: async (isDiscreet) => {
        if (told === undefined || !isDiscreet) queue ??= writePreparation(told?.told.preparation ?? preparation, inputs);
        const functionRef = typeof target === 'function' ? await findFunction(target, 'target function') : (target ?? null);
        const classRef = processClass === null ? null : await findFunction(processClass, 'class');
        await named;
        const ref = functionRef ?? classRef;
        if (ref !== null) getLogger().subDebug('child %s is to run %s of %s', facts.name, ref.name, ref.module);
        return {
          name: facts.name,
          parent,
          queue: queue?.[handleOf]() ?? null,
          told: queue === undefined ? told?.told : undefined,
          target: functionRef as FunctionRef | null,
          processClass: classRef,
          dieWith: record.daemon ? process.pid : 0,
          seed: randomInt(2 ** 32),
        };
      },
      continueInCopy: async () => {
        becomeSelf(facts, authkey);
        setStartMethod(startMethod, { force: true });
        getLogger().info('child process calling self.run()');
        embody(this, { ...(target === undefined ? undefined : { target }), args, kwargs });
        await this.run(...callArgs(args, kwargs));
      },
    };
    faces.set(record, this);
    await record.start(launcher, launch, {
      [Symbol.dispose]: () => {
        queue?.[Symbol.dispose]();
        told?.[Symbol.dispose]();
      },
    });
    inner.target = undefined;
    inner.args = [];
    inner.kwargs = undefined;
    return this;
  }

  /** Resolves true when it has ended, false after `timeout` milliseconds. A call before `start()` has resolved waits for that too. Any number of times. */
  async join(options?: WaitOptions): Promise<boolean> {
    return childOf(this, 'join it').join(options);
  }

  /** As `join`, but blocks the thread. @throws StateError before `start()` has resolved */
  joinSync(options?: WaitOptions): boolean {
    return childOf(this, 'join it').joinSync(deadlineOf(options));
  }

  /** SIGTERM. Its exit hooks do not run unless it listens for the signal; its own children are left alone. A thread is ended at its next statement, when it has loaded its modules. */
  terminate(): void {
    this.#send('SIGTERM', 'terminate it');
  }

  /** SIGKILL. */
  kill(): void {
    this.#send('SIGKILL', 'kill it');
  }

  /** SIGINT, as Ctrl+C does. */
  interrupt(): void {
    this.#send('SIGINT', 'interrupt it');
  }

  /** Lets go of it; afterwards only `name`, `daemon` and `authkey` can be used. Idempotent. @throws StateError (ERR_FORKFUL_RUNNING) before its end */
  close(): void {
    const inner = innerOf(this);
    const { record } = inner;
    if (record === null || inner.closed) return;
    if (record.wasStarted && record.look() === null)
      throw new StateError('ERR_FORKFUL_RUNNING', `Cannot close ${inspect(this)}: join() or terminate() it first`);
    inner.closed = true;
    record.close();
    inner.target = undefined;
    inner.args = [];
    inner.kwargs = undefined;
  }

  /** `await using`: waits for its end, then closes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { record, closed } = innerOf(this);
    if (!closed && record?.wasStarted) await record.join(undefined);
    this.close();
  }

  [inspect.custom](): string {
    const { name, record, closed } = innerOf(this);
    const pid = closed ? undefined : this.pid;
    const facts = [
      `name='${name}'`,
      ...(pid === undefined ? [] : [`pid=${pid}`]),
      ...(record === null ? [] : [`parent=${record.creator.pid}`]),
    ];
    return `<${this.constructor.name} ${[...facts, closed ? 'closed' : status(record), ...(this.daemon ? ['daemon'] : [])].join(' ')}>`;
  }

  #send(signal: EndingSignal, what: string): void {
    childOf(this, what).send(signal);
  }
}

carryFunctions({ name: (fn) => findFunction(fn, 'action function'), load: (ref) => importFunction(ref as FunctionRef) });

/** What stands for the running process. */
let current: Process | undefined;

export function embodied(): Process | undefined {
  return current;
}

/** Makes `instance` the object that stands for the running process. */
export function embody(instance: Process, inputs: { target?: Target; args: readonly unknown[]; kwargs?: object | undefined }): void {
  current = instance;
  const { name, identity } = self();
  inners.set(instance, {
    name,
    identity,
    authkey: undefined,
    method: undefined,
    record: null,
    target: inputs.target,
    args: inputs.args,
    kwargs: inputs.kwargs,
    closed: false,
  });
}

/** The Process that `start` was called on. */
export function faceOf(record: ChildRecord): Process {
  return faces.get(record) as Process;
}

function innerOf(subject: Process): Inner {
  const inner = inners.get(subject);
  if (inner === undefined) throw new TypeError('Not a Process: a subclass must call super() first');
  return inner;
}

function openInner(subject: Process): Inner {
  const inner = innerOf(subject);
  if (inner.closed) throw new ClosedError(`${inner.name} was closed`);
  return inner;
}

/** The record of a child that was started, here. */
function childOf(subject: Process, what: string): ChildRecord {
  const { record, name } = openInner(subject);
  if (record === null) throw new StateError('ERR_FORKFUL_NOT_PARENT', `Cannot ${what}: ${name} is this very process, not a child of it`);
  checkParent(subject, record, what);
  if (!record.wasStarted) throw new StateError('ERR_FORKFUL_NOT_STARTED', `Cannot ${what}: ${name} was not started`);
  return record;
}

function checkParent(subject: Process, { creator }: ChildRecord, what: string): void {
  if (isHere(creator)) return;
  throw new StateError(
    'ERR_FORKFUL_NOT_PARENT',
    `Cannot ${what}: only the process that made ${innerOf(subject).name} can, pid ${creator.pid}`,
  );
}

/** Whether the running process, and thread, is that one: only there is known how the children fare. A copy has the objects of its parent. */
function isHere(creator: ChildRecord['creator']): boolean {
  return creator.pid === process.pid && creator.threadId === threadId;
}

function alreadyStarted(subject: Process, rule: string): StateError {
  return new StateError('ERR_FORKFUL_ALREADY_STARTED', `${innerOf(subject).name} was started: ${rule}`);
}

/** The class whose `run` the child must find; null for Process itself, also as a context has it. */
function subclassOf(subject: Process): (new () => Process) | null {
  const found = Object.getPrototypeOf(subject).constructor;
  return found === Process || Object.hasOwn(found, boundMethod) ? null : found;
}

function status(record: ChildRecord | null): string {
  if (record === null) return 'started';
  if (!isHere(record.creator)) return 'unknown';
  if (record.child === undefined) return 'initial';
  const exitCode = record.look();
  if (exitCode === null) return 'started';
  return exitCode < 0 ? `stopped[${signalName(exitCode) ?? -exitCode}]` : `stopped exitcode=${exitCode}`;
}

/** The life of one child, as its parent sees it: launched, signalled, waited for, ended. */
import { threadId } from 'node:worker_threads';
import { sweepDeadAgents } from '../arena/agent.js';
import { StateError } from '../errors.js';
import { getLogger } from '../util/log.js';
import { deadlineOf, type WaitOptions } from '../util/wait-options.js';
import { forgetNumber, lendNumber, type Waitable, type Watch, waitable } from '../util/waitable.js';
import { addChild, removeChild } from './exit.js';
import { Sentinel } from './sentinel.js';
import type { EndingSignal, ExitCode, Launch, Launcher, RunningChild } from './start/launcher.js';

/** The longest single wait that is asked of the system. */
const LONGEST_WAIT_MS = 2 ** 30;

export class ChildRecord implements Waitable {
  readonly creator = { pid: process.pid, threadId };
  daemon: boolean;
  exitCode: ExitCode | null = null;
  /** As it was started; the object's own may be changed later, without the child's hearing of it. */
  name = '';
  /** Undefined until it is launched. */
  #child: RunningChild | undefined;
  /** From the call of `start` on; settles when it is launched, or cannot be. */
  #launching: Promise<void> | undefined;
  /** Sent when it is launched. */
  readonly #signals: EndingSignal[] = [];
  /** What this process holds on behalf of the child. */
  #belongings: Disposable | undefined;
  #sentinel: Sentinel | undefined;
  /** The parent has nothing left to do but to wait for it. */
  #isLast = false;
  /** Its end has been dealt with. */
  #hasEnded = false;
  /** Who waits for that. */
  readonly #joiners = new Set<() => void>();

  constructor(daemon: boolean) {
    this.daemon = daemon;
  }

  get child(): RunningChild | undefined {
    return this.#child;
  }

  get wasStarted(): boolean {
    return this.#launching !== undefined;
  }

  /** Launches it. When that fails it can be started again. `belongings` are disposed of at its end. */
  start(launcher: Launcher, launch: Launch, belongings: Disposable | undefined): Promise<void> {
    this.#belongings = belongings;
    this.#launching = this.#launch(launcher, launch).catch((error: unknown) => {
      this.#launching = undefined;
      this.#signals.length = 0;
      this.#disposeOfBelongings();
      throw error;
    });
    return this.#launching;
  }

  async #launch(launcher: Launcher, launch: Launch): Promise<void> {
    this.name = launch.name;
    const launched = launcher.launch(launch, (exitCode) => {
      // the news of its start and of its end may have come together
      if (this.#child !== undefined) this.#end(exitCode);
      else
        void launched.then(
          () => this.#end(exitCode),
          () => {}, // whoever starts it is told
        );
    });
    this.#child = await launched;
    getLogger().debug('started child %s with pid %d', this.name, this.#child.pid);
    addChild(this);
    this.#updateRef();
    for (const signal of this.#signals.splice(0)) this.#child.send(signal);
  }

  send(signal: EndingSignal): void {
    if (this.#child === undefined) this.#signals.push(signal);
    else if (this.look() === null) this.#child.send(signal);
  }

  /** Its exit code if it has ended, without waiting, even if the event loop has not heard of it yet. */
  look(): ExitCode | null {
    if (this.exitCode === null) this.exitCode = this.#child?.wait(0) ?? null;
    return this.exitCode;
  }

  /** REQUIRES: launched. */
  get sentinel(): number {
    if (this.#sentinel === undefined) {
      const child = this.#child as RunningChild;
      this.#sentinel = new Sentinel(child.openSentinel());
      if (this.#hasEnded) this.#sentinel.end();
      lendNumber(this.#sentinel.descriptor, this);
    }
    return this.#sentinel.descriptor;
  }

  /** REQUIRES: launched. */
  [waitable](): Watch {
    const child = this.#child as RunningChild;
    return {
      isReady: () => this.look() !== null,
      subscribe: (onChange) => {
        this.#joiners.add(onChange);
        this.#updateRef();
        return () => {
          this.#joiners.delete(onChange);
          this.#updateRef();
        };
      },
      park: (timeoutMs) => {
        this.exitCode ??= child.wait(timeoutMs);
      },
    };
  }

  /** Nobody asks any more. REQUIRES: it has ended, or was never started. */
  close(): void {
    if (this.#sentinel !== undefined) forgetNumber(this.#sentinel.descriptor);
    this.#sentinel?.close();
    this.#disposeOfBelongings();
  }

  async join(options: WaitOptions | undefined): Promise<boolean> {
    const timeUp = new TimeUp(deadlineOf(options), options?.signal);
    let joiner = (): void => {};
    const ended = new Promise<void>((resolve) => {
      joiner = resolve;
    });
    this.#joiners.add(joiner);
    this.#updateRef();
    if (this.#hasEnded) joiner();
    try {
      // a failed launch is the answer to whoever waits for the end
      const outcome = await Promise.race([this.#launching?.then(() => ended), timeUp.promise]);
      return outcome !== TIMED_OUT || this.look() !== null;
    } finally {
      timeUp.clear();
      this.#joiners.delete(joiner);
      this.#updateRef();
    }
  }

  joinSync(deadline: number): boolean {
    const child = this.#child;
    if (child === undefined)
      throw new StateError('ERR_FORKFUL_NOT_STARTED', 'Cannot join synchronously before start() has resolved: await it first');
    while (this.exitCode === null) {
      const leftMs = Math.max(0, deadline - performance.now());
      this.exitCode = child.wait(Math.min(leftMs, LONGEST_WAIT_MS));
      if (this.exitCode === null && leftMs === 0) return false;
    }
    sweepDeadAgents();
    return true;
  }

  /** From now on it keeps its parent's event loop alive until its end. */
  outlast(): void {
    this.#isLast = true;
    this.#updateRef();
  }

  /** What it was given and has not taken is nobody's when it has ended, also while this event loop is blocked. */
  letGoIfEnded(): void {
    if (this.look() !== null) this.#disposeOfBelongings();
  }

  /** On the event loop, when the launcher says so. */
  #end(exitCode: ExitCode): void {
    this.exitCode ??= exitCode;
    getLogger().debug('child %s ended with exit code %d', this.name, this.exitCode);
    removeChild(this);
    this.#disposeOfBelongings();
    this.#sentinel?.end();
    sweepDeadAgents();
    this.#hasEnded = true;
    for (const joiner of this.#joiners) joiner();
  }

  #disposeOfBelongings(): void {
    this.#belongings?.[Symbol.dispose]();
    this.#belongings = undefined;
  }

  /** The event loop stays alive for children that somebody joins, or that the program waits for at its end. */
  #updateRef(): void {
    this.#child?.setRef(this.#isLast || this.#joiners.size > 0);
  }
}

const TIMED_OUT = Symbol('timed out');

/** Resolves at a deadline, or rejects with a signal's reason. */
class TimeUp {
  readonly promise: Promise<typeof TIMED_OUT>;
  readonly #signal: AbortSignal | undefined;
  #timer: NodeJS.Timeout | undefined;
  #onAbort: (() => void) | undefined;

  constructor(deadline: number, signal: AbortSignal | undefined) {
    this.#signal = signal;
    this.promise = new Promise((resolve, reject) => {
      if (deadline !== Number.POSITIVE_INFINITY) this.#wait(deadline, () => resolve(TIMED_OUT));
      if (signal === undefined) return;
      this.#onAbort = () => reject(signal.reason);
      signal.addEventListener('abort', this.#onAbort, { once: true });
    });
  }

  clear(): void {
    clearTimeout(this.#timer);
    if (this.#onAbort !== undefined) this.#signal?.removeEventListener('abort', this.#onAbort);
  }

  /** Rounded up, and in pieces: timers end early by less than a millisecond, and hold 31 bits. */
  #wait(deadline: number, timeUp: () => void): void {
    const leftMs = Math.ceil(deadline - performance.now());
    if (leftMs <= 0) timeUp();
    else this.#timer = setTimeout(() => this.#wait(deadline, timeUp), Math.min(leftMs, LONGEST_WAIT_MS));
  }
}

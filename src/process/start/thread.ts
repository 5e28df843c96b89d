/**
 * Start method `thread`: a Worker of this process. The only one of the JS backend; as Python's `multiprocessing.dummy`, but with a heap of its own.
 *
 * A signal terminates the Worker at its next statement, without its exit hooks, and counts as its exit code. One that is still loading its modules is let
 * finish that, since Node leaves open whatever file a Worker was reading when it was terminated. What such a thread held is known to be
 * free when its `exit` event is served; the kernel tells the native backend earlier.
 */
import { Worker } from 'node:worker_threads';
import { constants } from 'node:os';
import { type AgentId, currentAgent, declareAgentDead, isDead, sweepDeadAgents } from '../../arena/agent.js';
import { openRegion } from '../../arena/region.js';
import { platform } from '../../platform/select.js';
import { childEntry, type Ticket } from '../current.js';
import { waitAsync } from '../../util/wait-async.js';
import { targetError } from '../function-ref.js';
import { type EndingSignal, type ExitCode, exitCodeOf, type Launcher, type RunningChild } from './launcher.js';
import { inheritableOptions } from './node-options.js';
import { AGENT, ALL_LOADED, CODE, ENDED, ENDING, LOADED, newThreadStatus, RUNNING, STATE } from './thread-status.js';

/** Between two looks at a thread that ends without running its exit hook. */
const LOOK_MS = 20;
/** What a thread has left to do after its exit hook takes some milliseconds. */
const WIND_UP_MS = 1000;
/** How long a thread that is to end may go on loading: the modules of its target may wait for something at their top level, ours do not, but many threads may load at once. */
const LOADING_MS = 30_000;
const LOADING_OURS_MS = 60_000;

export const threadLauncher: Launcher = {
  method: 'thread',
  className: 'ThreadProcess',
  copies: false,
  isDiscreet: false,
  isAvailable: () => true,
  async launch(launch, onExit) {
    const ticket = await launch.ticket(false);
    checkLoaders(ticket);
    openRegion(); // before the Worker is made: it inherits what it needs to join
    const status = newThreadStatus();
    const options = inheritableOptions(process.execArgv);
    const worker = new Worker(childEntry, {
      workerData: { forkful: { ...ticket, status } },
      // by default a Worker has its parent's; but it refuses some of those that only an evaluated program may have
      ...(options.length === process.execArgv.length ? undefined : { execArgv: [] }),
    });
    const child = new ThreadChild(worker, status, process.pid);
    worker.once('exit', (code) => {
      child.declareEnded();
      onExit(child.exitCodeAfter(code));
    });
    worker.on('error', (error: Error) => {
      // one that was thrown in the thread was reported there
      if (Atomics.load(status, STATE) === RUNNING) process.stderr.write(`Process ${ticket.name}:\n${error.stack}\n`);
    });
    return child;
  },
};

/** On Node 20 tsx works in main threads only: a Worker would fail with an error that does not say so. */
function checkLoaders({ target, processClass }: Ticket): void {
  const module = [target, processClass].find((ref) => /\.[cm]?tsx?$/.test(ref?.module ?? ''))?.module;
  if (module === undefined || 'typescript' in process.features) return;
  if (!/\btsx\b/.test(`${process.execArgv.join(' ')} ${process.env.NODE_OPTIONS ?? ''}`)) return;
  throw targetError(`A thread cannot load ${module}: before Node 22 tsx works in main threads only. Use start method 'spawn', or Node 22`);
}

class ThreadChild implements RunningChild {
  readonly pid: number;
  readonly ident: number;
  readonly endsWithParent = true;
  readonly #worker: Worker;
  readonly #status: Int32Array;
  #signal: EndingSignal | undefined;
  /** How far it had loaded when it was last looked at, and since when. */
  #stage = 0;
  #stageSince = 0;

  constructor(worker: Worker, status: Int32Array, pid: number) {
    this.#worker = worker;
    this.#status = status;
    this.pid = pid;
    this.ident = worker.threadId;
  }

  wait(timeoutMs: number): ExitCode | null {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      if (this.#hasEnded(Math.min(deadline, performance.now() + WIND_UP_MS)))
        return this.exitCodeAfter(Atomics.load(this.#status, STATE) === ENDED ? Atomics.load(this.#status, CODE) : 1);
      const isEnding = this.#signal !== undefined && this.#terminateIfDue();
      // of one that never joined, and on the JS backend, only an event tells that it has been terminated; it is about to end, and is taken for ended
      if (timeoutMs > 0 && isEnding && (platform.backend === 'js' || this.#agent() === 0)) return this.exitCodeAfter(1);
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return null;
      Atomics.wait(this.#status, STATE, RUNNING, Math.min(leftMs, LOOK_MS));
    }
  }

  send(signal: EndingSignal): void {
    if (this.#signal !== undefined) return;
    this.#signal = signal;
    Atomics.store(this.#status, ENDING, 1); // then LOADED is read; the thread does both the other way round
    this.#stageSince = performance.now();
    void this.#terminateWhenDue();
  }

  setRef(on: boolean): void {
    if (on) this.#worker.ref();
    else this.#worker.unref();
  }

  openSentinel(): undefined {
    return undefined;
  }

  async #terminateWhenDue(): Promise<void> {
    while (!this.#terminateIfDue()) await waitAsync(this.#status, LOADED, this.#stage, this.#loadingMs()).value;
  }

  /** How much longer it may go on loading. */
  #loadingMs(): number {
    return this.#stageSince + (this.#stage === 0 ? LOADING_OURS_MS : LOADING_MS) - performance.now();
  }

  /** @returns whether it is being terminated: else it is loading */
  #terminateIfDue(): boolean {
    const stage = Atomics.load(this.#status, LOADED);
    if (stage !== this.#stage) {
      this.#stage = stage;
      this.#stageSince = performance.now();
    }
    if (stage !== ALL_LOADED && this.#loadingMs() > 0) return false;
    void this.#worker.terminate();
    return true;
  }

  /** One that ran its exit hook had not noticed the signal. */
  exitCodeAfter(code: number): ExitCode {
    if (this.#signal === undefined || Atomics.load(this.#status, STATE) === ENDED) return exitCodeOf(code, null);
    return -constants.signals[this.#signal];
  }

  declareEnded(): void {
    const agent = this.#agent();
    if (agent !== 0) declareAgentDead(agent);
    sweepDeadAgents();
  }

  /** After its exit hook a thread is about to end; on the native backend the moment can be told. */
  #hasEnded(windUpDeadline: number): boolean {
    const agent = this.#agent();
    const { words } = currentAgent().region;
    if (agent !== 0 && platform.backend === 'native' && isDead(words, agent)) return true;
    if (Atomics.load(this.#status, STATE) !== ENDED) return false;
    while (agent !== 0 && !isDead(words, agent) && performance.now() < windUpDeadline) Atomics.wait(this.#status, STATE, ENDED, 1);
    return true;
  }

  #agent(): AgentId {
    return Atomics.load(this.#status, AGENT);
  }
}

/**
 * `fork(2)` of this process, from JavaScript. It happens in a macrotask of ours, so that no code of the user's is on the stack: in the child the event
 * loop begins anew behind it.
 */
import { closeSync, openSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { StateError, SystemError } from '../../errors.js';
import { hasLocals } from '../../memory/handle.js';
import { Handover } from '../../memory/handover.js';
import type { Forking } from '../../platform/platform.js';
import { platform } from '../../platform/select.js';
import { becomeCopy } from './become.js';
import { compileAhead } from './compile-ahead.js';
import { findCaches, provideEntropy } from './entropy.js';
import { leave } from './exit-directly.js';
import { installFacts } from './facts.js';
import { livingWorkers } from './living-workers.js';
import { findTimers } from './parents-loop.js';
import { type Fork, runTrial } from './trial.js';

/** Other threads get this long to come to rest in one attempt, and so many attempts, however long they take: their threads may get no processor. */
const QUIET_MS = 20;
const MOST_ATTEMPTS = 500;

/** Once per process: whether a copy of it works. */
let trial: Promise<string | undefined> | undefined;

/**
 * `fork()`, as Python's `os.fork`: resolves to 0 in the child and to the child's process id in the parent.
 *
 * The child goes on behind the `await` with a copy of everything; timers, immediates, sockets and listeners of the parent are dropped in it, and
 * promises that depend on them never settle. Shared objects can be used by both. It ends when it has nothing left to do, or by `process.exit()`.
 * The parent need not wait for it. Linux only; memory in use makes it slower, by some 40 µs per MB.
 *
 * @throws StateError (ERR_FORKFUL_CANNOT_FORK) from a Worker, while Workers live, or where this Node cannot be forked; SystemError what the system says
 */
export async function fork(): Promise<number> {
  const { pid, settle } = await forkProcess();
  if (pid !== 0) reapLater(pid, settle);
  return pid;
}

/** As `fork`, for one who reaps the child. */
export async function forkProcess(): Promise<Fork> {
  const reason = await whyNot();
  if (reason !== undefined) throw cannotFork(reason);
  return forkUntried();
}

/** A sentence, or undefined when this process can be forked now. */
export async function whyNot(): Promise<string | undefined> {
  const reason = whyNotByNature();
  if (reason !== undefined) return reason;
  if (trial === undefined) compileAhead();
  trial ??= tryOut().then((failure) => failure && tryOut());
  try {
    return await trial;
  } catch (error) {
    trial = undefined; // there was none: want of processes or of descriptors may pass
    throw error;
  }
}

/** Twice at most: what Node's own pool was still doing when it was replaced may have spoilt the first copy. */
async function tryOut(): Promise<string | undefined> {
  const { outcome } = await runTrial(forkUntried, leave);
  return outcome;
}

function whyNotByNature(): string | undefined {
  if (!isMainThread) return 'this is a Worker; only the main thread of a process can be forked';
  if (platform.forking === null) return 'the JavaScript backend has no processes';
  const reason = platform.forking.enable();
  if (reason !== undefined) return reason;
  try {
    findTimers();
    findCaches(true);
    installFacts();
    return whyNotAlone();
  } catch (error) {
    return `this Node cannot be looked into: ${(error as Error).message}`;
  }
}

function whyNotAlone(): string | undefined {
  const workers = livingWorkers();
  if (workers === 0) return undefined;
  const [are, them] = workers === 1 ? ['a Worker is', 'it'] : [`${workers} Workers are`, 'them'];
  return `${are} running, which a copy of this process would lack; end ${them} first, or use 'forkserver'`;
}

function cannotFork(reason: string): StateError {
  return new StateError('ERR_FORKFUL_CANNOT_FORK', `Cannot fork: ${reason}`);
}

/** From the next macrotask; tries again while other threads are busy. REQUIRES: enabled. */
function forkUntried(): Promise<Fork> {
  let attempts = 0;
  return new Promise((resolve, reject) => {
    const attempt = (): void => {
      const running = setImmediate(() => {
        // it was alone when it was asked; a Worker may have been started since, during the trial or between two attempts
        const reason = whyNotAlone();
        if (reason !== undefined) return reject(cannotFork(reason));
        provideEntropy();
        const handover = new Handover(hasLocals());
        let spare: number | undefined;
        try {
          spare = reserveDescriptor();
          const pid = (platform.forking as Forking).fork(QUIET_MS);
          if (pid === 0) becomeCopy(running, handover);
          resolve({ pid, settle: () => handover.settle() });
        } catch (error) {
          handover.settle();
          if (error instanceof SystemError && error.code === 'EBUSY' && ++attempts < MOST_ATTEMPTS) setTimeout(attempt, 1);
          else reject(error);
        } finally {
          if (spare !== undefined) closeSync(spare);
        }
      });
    };
    attempt();
  });
}

/** So that the child's pidfd can be had, since a child that cannot be watched must not be. To look at the threads takes two more for a moment. */
function reserveDescriptor(): number {
  const opened: number[] = [];
  try {
    for (let count = 0; count < 3; count++) opened.push(openSync('/dev/null', 'r'));
    return opened.pop() as number;
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

function reapLater(pid: number, settle: () => void): void {
  const { processes, datagrams } = platform;
  const pidfd = processes.openPidfd(pid);
  const watch = datagrams?.watch(pidfd, () => {
    if (processes.reap(pid) === null) return;
    watch?.close();
    closeSync(pidfd);
    settle();
  });
  watch?.setRef(false);
}

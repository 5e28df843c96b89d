/** Start method `spawn`: a fresh Node process. It gets the region as its descriptor 3 and its ticket on the command line. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { grantRegion } from '../../arena/region.js';
import { SystemError } from '../../errors.js';
import { platform } from '../../platform/select.js';
import { childEntry, type Ticket } from '../current.js';
import { childExecutable, orNothing } from './executable.js';
import { type EndingSignal, type ExitCode, exitCodeOf, exitCodeOfStatus, type Launcher, type RunningChild } from './launcher.js';
import { inheritableOptions } from './node-options.js';
import { openReadable } from './sentinel.js';

/** Where the child finds the region: the first after stdin, stdout and stderr. */
const REGION_FD = 3;

export const spawnLauncher: Launcher = {
  method: 'spawn',
  className: 'SpawnProcess',
  copies: false,
  isDiscreet: false,
  isAvailable: () => platform.backend === 'native',
  async launch(launch, onExit) {
    const ticket = await launch.ticket(false);
    const grant = grantRegion();
    if (grant.kind !== 'descriptor') throw new Error(`Start method 'spawn' needs a region with a descriptor, got a ${grant.kind}`);
    const toChild: Ticket = { ...ticket, region: { fd: REGION_FD, bytes: grant.bytes } };
    const options = [...inheritableOptions(process.execArgv), fileURLToPath(childEntry), JSON.stringify({ forkful: toChild })];
    const child = spawn(childExecutable(), options, { stdio: ['ignore', orNothing(1), orNothing(2), grant.fd] });
    child.once('exit', (code, signal) => onExit(exitCodeOf(code, signal)));
    if (child.pid === undefined) await once(child, 'spawn'); // rejects with the error of the system call
    child.on('error', ignore); // of a signal that could not be sent: the child has ended
    return new SpawnedChild(child, child.pid as number);
  },
};

class SpawnedChild implements RunningChild {
  readonly pid: number;
  readonly ident: number;
  readonly endsWithParent = false;
  readonly #child: ChildProcess;

  constructor(child: ChildProcess, pid: number) {
    this.#child = child;
    this.pid = this.ident = pid;
  }

  wait(timeoutMs: number): ExitCode | null {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return exitCodeOf(exitCode, signalCode);
    try {
      const status = platform.processes.waitExit(this.pid, timeoutMs);
      if (status === null) return null;
      return exitCodeOfStatus(status);
    } catch (error) {
      // somebody else reaped our child: libuv will say so, with what it knows
      if (error instanceof SystemError && error.code === 'ECHILD') return null;
      throw error;
    }
  }

  send(signal: EndingSignal): void {
    this.#child.kill(signal);
  }

  setRef(on: boolean): void {
    if (on) this.#child.ref();
    else this.#child.unref();
  }

  openSentinel(): number {
    // libuv reaps the child on the event loop only, so unless it has done so the pid is still the child's
    const hasEnded = this.#child.exitCode !== null || this.#child.signalCode !== null;
    return hasEnded ? openReadable() : platform.processes.openPidfd(this.pid);
  }
}

function ignore(): void {}

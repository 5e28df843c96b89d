/** What a start method is to the rest: a way to launch a child, and a hold on the child that runs. One file beside this one per method. */
import { constants } from 'node:os';
import type { ExitStatus } from '../../platform/platform.js';
import type { Ticket } from '../current.js';
import type { Surroundings } from '../surroundings.js';

export type StartMethod = 'forkserver' | 'spawn' | 'fork' | 'thread';

/** As `process.exitCode` of the child, 0 to 255; or, negative, the number of the signal that ended it. */
export type ExitCode = number;

export type EndingSignal = 'SIGINT' | 'SIGTERM' | 'SIGKILL';

/** A child to be launched. */
export interface Launch {
  readonly name: string;
  readonly daemon: boolean;
  /**
   * What a child that knows nothing of this process is told; `isDiscreet`: nobody else will read the ticket, so it may say everything. Rejects when
   * that cannot be found out.
   */
  ticket(isDiscreet: boolean): Promise<Ticket>;
  /** What a child that is a copy of this process does, to be called in it. */
  continueInCopy(): Promise<unknown>;
}

export interface Launcher {
  readonly method: StartMethod;
  /** What a context calls its Process: children are named after it. */
  readonly className: string;
  /** Its children are copies of this process: nothing is encoded for them, and they have no ticket. */
  readonly copies: boolean;
  /** Its tickets are, as a rule, read by nobody but the child. */
  readonly isDiscreet: boolean;
  /** Whether it works on this system and backend. */
  isAvailable(): boolean;
  /** Begins with what takes time, as soon as `start` is called. Returns what children would not inherit from this process otherwise. */
  prepare?(): Surroundings | undefined;
  /** Starts a child. `onExit` is called once, on the event loop, when it has ended. @throws what the system says; then there is no child */
  launch(launch: Launch, onExit: (exitCode: ExitCode) => void): Promise<RunningChild>;
}

/** A child from its launch on. */
export interface RunningChild {
  readonly pid: number;
  /** Tells threads of one process apart; for a process its pid. */
  readonly ident: number;
  /** It cannot outlive its parent, whatever becomes of that: nobody needs to end it. */
  readonly endsWithParent: boolean;
  /** Blocks until the child has ended, or for `timeoutMs` (finite; 0 only looks): then null. Works before `onExit` is called, and after. */
  wait(timeoutMs: number): ExitCode | null;
  /** Asks the child to end, or makes it. Nothing happens to one that has ended. */
  send(signal: EndingSignal): void;
  /** Whether the child keeps its parent's event loop alive. */
  setRef(on: boolean): void;
  /** A new descriptor, the caller's to close, that is readable once the child has ended. Undefined for a thread. */
  openSentinel(): number | undefined;
}

/** Exit statuses are taken modulo 256, as the system takes those of processes. */
export function exitCodeOf(code: number | null, signal: NodeJS.Signals | null): ExitCode {
  return signal === null ? (code ?? 0) & 0xff : -constants.signals[signal];
}

/** As `exitCodeOf`, of a status that the system tells by numbers. */
export function exitCodeOfStatus({ code, signal }: ExitStatus): ExitCode {
  return signal === null ? (code ?? 0) : -signal;
}

export function signalName(exitCode: ExitCode): string | undefined {
  return Object.keys(constants.signals).find((name) => constants.signals[name as NodeJS.Signals] === -exitCode);
}

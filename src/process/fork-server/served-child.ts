/** A child that a fork server made for this process: its end comes by the server, or, when that has died, by the child's pidfd. */
import { constants } from 'node:os';
import type { Datagrams, DescriptorWatch } from '../../platform/platform.js';
import { platform } from '../../platform/select.js';
import { type EndingSignal, type ExitCode, exitCodeOfStatus, type RunningChild } from '../start/launcher.js';
import { openReadable } from '../start/sentinel.js';
import type { ForkServerClient } from './client.js';

/** As CPython's: the server, who would know, has died, and the system does not tell. */
const UNKNOWN = 255;

export class ServedChild implements RunningChild {
  readonly pid: number;
  readonly ident: number;
  /** Not by itself: the server ends a daemon when its parent is gone. */
  readonly endsWithParent = false;
  readonly #server: ForkServerClient;
  readonly #pidfd: number;
  readonly #onExit: (exitCode: ExitCode) => void;
  #exitCode: ExitCode | null = null;
  #hasRef = false;
  /** Once the server has died. */
  #watch: DescriptorWatch | undefined;

  /** Takes over the pidfd. */
  constructor(server: ForkServerClient, pid: number, pidfd: number, onExit: (exitCode: ExitCode) => void) {
    this.#server = server;
    this.pid = this.ident = pid;
    this.#pidfd = pidfd;
    this.#onExit = onExit;
    this.setRef(true);
  }

  /** The client says so. */
  end(exitCode: ExitCode): void {
    if (this.#exitCode !== null) return;
    this.setRef(false);
    this.#exitCode = exitCode;
    this.#watch?.close();
    (platform.datagrams as Datagrams).close(this.#pidfd);
    this.#onExit(exitCode);
  }

  loseServer(): void {
    if (this.#exitCode !== null) return;
    this.#watch = (platform.datagrams as Datagrams).watch(this.#pidfd, () => this.#look(0));
    this.#watch.setRef(this.#hasRef);
  }

  wait(timeoutMs: number): ExitCode | null {
    const deadline = performance.now() + timeoutMs;
    for (let leftMs = timeoutMs; this.#exitCode === null; leftMs = Math.max(0, deadline - performance.now())) {
      if (this.#watch !== undefined) this.#look(leftMs);
      else this.#server.receive(leftMs);
      if (leftMs === 0) break;
    }
    if (this.#exitCode === null && this.#watch === undefined) this.#lookAhead();
    return this.#exitCode;
  }

  send(signal: EndingSignal): void {
    if (this.#exitCode === null) platform.processes.signalPidfd(this.#pidfd, constants.signals[signal]);
  }

  setRef(on: boolean): void {
    if (this.#exitCode !== null || on === this.#hasRef) return;
    this.#hasRef = on;
    this.#server.addRef(on ? 1 : -1);
    this.#watch?.setRef(on);
  }

  openSentinel(): number {
    if (this.#exitCode !== null) return openReadable();
    const { processes } = platform;
    try {
      const sentinel = processes.openPidfd(this.pid);
      // nobody else can have got the pid as long as the child, by the descriptor that is surely its own, was there
      if (processes.waitPidfd(this.#pidfd, 0) === undefined) return sentinel;
      (platform.datagrams as Datagrams).close(sentinel);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
    return openReadable();
  }

  /** It may have ended before time was over, and the server not have got a processor yet to tell. */
  #lookAhead(): void {
    if (platform.processes.waitPidfd(this.#pidfd, 0) === undefined) return;
    this.#server.receiveDue(() => this.#exitCode !== null || this.#watch !== undefined);
    if (this.#exitCode === null && this.#watch !== undefined) this.#look(0);
  }

  #look(timeoutMs: number): void {
    const status = platform.processes.waitPidfd(this.#pidfd, timeoutMs);
    if (status !== undefined) this.end(status === null ? UNKNOWN : exitCodeOfStatus(status));
  }
}

/** A child that this process forked itself: libuv does not know it, so it is watched, and reaped, here. */
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import type { Datagrams, DescriptorWatch } from '../../platform/platform.js';
import { platform } from '../../platform/select.js';
import { type EndingSignal, type ExitCode, exitCodeOfStatus, type RunningChild } from './launcher.js';
import { openReadable } from './sentinel.js';

export class ForkedChild implements RunningChild {
  readonly pid: number;
  readonly ident: number;
  readonly endsWithParent = false;
  readonly #pidfd: number;
  readonly #watch: DescriptorWatch;
  readonly #onEnd: () => void;
  readonly #onExit: (exitCode: ExitCode) => void;
  #exitCode: ExitCode | null = null;

  /** `onEnd` is called whenever it is seen that it has ended, also on a blocked thread. REQUIRES: `pid` was just forked by this process. */
  constructor(pid: number, onEnd: () => void, onExit: (exitCode: ExitCode) => void) {
    this.pid = this.ident = pid;
    this.#onEnd = onEnd;
    this.#onExit = onExit;
    this.#pidfd = platform.processes.openPidfd(pid);
    this.#watch = (platform.datagrams as Datagrams).watch(this.#pidfd, () => this.#reap());
  }

  wait(timeoutMs: number): ExitCode | null {
    if (this.#exitCode !== null) return this.#exitCode;
    // the zombie is left to the event loop, which alone may end the watch
    const status = platform.processes.waitExit(this.pid, timeoutMs);
    if (status === null) return null;
    this.#onEnd();
    return exitCodeOfStatus(status);
  }

  send(signal: EndingSignal): void {
    if (this.#exitCode === null) platform.processes.signalPidfd(this.#pidfd, constants.signals[signal]);
  }

  setRef(on: boolean): void {
    if (this.#exitCode === null) this.#watch.setRef(on);
  }

  openSentinel(): number {
    return this.#exitCode === null ? platform.processes.openPidfd(this.pid) : openReadable();
  }

  #reap(): void {
    const status = platform.processes.reap(this.pid);
    if (status === null) return;
    this.#exitCode = exitCodeOfStatus(status);
    this.#watch.close();
    closeSync(this.#pidfd);
    this.#onEnd();
    this.#onExit(this.#exitCode);
  }
}

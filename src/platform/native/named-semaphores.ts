import type { Addon } from '../addon.js';
import type { NamedSemaphores, OpenSemaphore, SemaphoreCreation } from '../platform.js';

/** POSIX semaphores, and a thread in each of those that promises wait for. */
export class NativeNamedSemaphores implements NamedSemaphores {
  readonly unlink: NamedSemaphores['unlink'];
  readonly listen: NamedSemaphores['listen'];
  readonly setRef: NamedSemaphores['setRef'];
  readonly #addon: Addon;

  constructor(addon: Addon) {
    this.#addon = addon;
    this.unlink = addon.semaphoreUnlink;
    this.listen = addon.semaphoreListen;
    this.setRef = addon.semaphoreSetRef;
  }

  open(name: string, creation: SemaphoreCreation | null): OpenSemaphore {
    const { exclusive = false, mode = 0, value = 0 } = creation ?? {};
    return new NativeSemaphore(this.#addon, this.#addon.semaphoreOpen(name, creation !== null, exclusive, mode, value));
  }
}

class NativeSemaphore implements OpenSemaphore {
  readonly #addon: Addon;
  readonly #semaphore: object;

  constructor(addon: Addon, semaphore: object) {
    this.#addon = addon;
    this.#semaphore = semaphore;
  }

  tryAcquire(): boolean {
    return this.#addon.semaphoreTryAcquire(this.#semaphore);
  }

  acquire(timeoutMs: number): boolean {
    return this.#addon.semaphoreAcquire(this.#semaphore, timeoutMs);
  }

  release(count: number): void {
    this.#addon.semaphoreRelease(this.#semaphore, count);
  }

  value(): number {
    return this.#addon.semaphoreValue(this.#semaphore);
  }

  request(): void {
    this.#addon.semaphoreRequest(this.#semaphore);
  }

  take(): boolean {
    return this.#addon.semaphoreTake(this.#semaphore);
  }

  cancel(): void {
    this.#addon.semaphoreCancel(this.#semaphore);
  }

  close(): void {
    this.#addon.semaphoreClose(this.#semaphore);
  }
}

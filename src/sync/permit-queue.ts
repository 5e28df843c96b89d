/**
 * The promises that wait for permits of named semaphores, first in, first out for each open semaphore. The platform is asked for one permit at a
 * time, and what comes goes to whoever is first in line by then.
 */
import type { NamedSemaphores, OpenSemaphore } from '../platform/platform.js';

const LONGEST_TIMER_MS = 0x7fffffff;

interface Waiter {
  readonly resolve: (isTaken: boolean) => void;
  readonly reject: (reason: unknown) => void;
  timer: NodeJS.Timeout | undefined;
  readonly signal: AbortSignal | undefined;
  onAbort: (() => void) | undefined;
}

/** Those of this thread in which somebody waits: each has a request under way. */
const waiting = new Set<PermitQueue>();
let isListening = false;

/** The promises that wait for one open semaphore. */
export class PermitQueue {
  readonly #platform: NamedSemaphores;
  readonly #semaphore: OpenSemaphore;
  readonly #waiters: Waiter[] = [];

  constructor(platform: NamedSemaphores, semaphore: OpenSemaphore) {
    this.#platform = platform;
    this.#semaphore = semaphore;
  }

  /** False: a newcomer must queue behind those who wait. */
  get isEmpty(): boolean {
    return this.#waiters.length === 0;
  }

  /** Resolves true with a permit taken, false at the deadline (on the clock of `performance.now()`). Rejects with the signal's reason. */
  wait(deadline: number, signal: AbortSignal | undefined): Promise<boolean> {
    return new Promise((resolve, reject) => {
      if (deadline <= performance.now()) return resolve(false);
      if (this.isEmpty) this.#begin();
      const waiter: Waiter = { resolve, reject, timer: undefined, signal, onAbort: undefined };
      this.#waiters.push(waiter);
      if (deadline !== Number.POSITIVE_INFINITY) this.#startTimer(waiter, deadline);
      if (signal === undefined) return;
      waiter.onAbort = () => {
        this.#drop(waiter);
        reject(signal.reason);
      };
      signal.addEventListener('abort', waiter.onAbort, { once: true });
    });
  }

  /** If the permit requested has come: it goes to the first in line, and what else is there to those behind. */
  serve(): void {
    if (!this.#semaphore.take()) return;
    do this.#shift()?.resolve(true);
    while (!this.isEmpty && this.#semaphore.tryAcquire());
    if (this.isEmpty) this.#end();
    else this.#requestAgain();
  }

  /** Rejects all that wait. */
  close(reason: unknown): void {
    if (this.isEmpty) return;
    this.#semaphore.cancel();
    this.#rejectAll(reason);
  }

  /** In a forked child: those who wait do so in the parent, as do the requests. In a fork server that tries this out, the request is its own. */
  forget(): void {
    this.#semaphore.cancel();
    for (const waiter of this.#waiters.splice(0)) disconnect(waiter);
    this.#end();
  }

  #begin(): void {
    if (!isListening) {
      this.#platform.listen(serveAll);
      isListening = true;
    }
    this.#semaphore.request();
    waiting.add(this);
    this.#platform.setRef(true);
  }

  #end(): void {
    waiting.delete(this);
    if (waiting.size === 0) this.#platform.setRef(false);
  }

  #requestAgain(): void {
    try {
      this.#semaphore.request();
    } catch (error) {
      this.#rejectAll(error);
    }
  }

  #rejectAll(reason: unknown): void {
    for (let waiter = this.#shift(); waiter !== undefined; waiter = this.#shift()) waiter.reject(reason);
    this.#end();
  }

  #startTimer(waiter: Waiter, deadline: number): void {
    // rounded up, since a timer that fires early would end the wait before its time; and cut to what a timer can
    const leftMs = Math.min(Math.ceil(deadline - performance.now()), LONGEST_TIMER_MS);
    waiter.timer = setTimeout(() => {
      if (performance.now() < deadline) this.#startTimer(waiter, deadline);
      else this.#timeOut(waiter);
    }, leftMs);
  }

  #timeOut(waiter: Waiter): void {
    this.serve(); // a permit may have come that this loop has not been told of
    if (!this.#waiters.includes(waiter)) return;
    const isTaken = this.#waiters[0] === waiter && this.#semaphore.tryAcquire();
    this.#drop(waiter);
    waiter.resolve(isTaken);
  }

  /** A permit that has come for it meanwhile is the next one's, or given back. */
  #drop(waiter: Waiter): void {
    const index = this.#waiters.indexOf(waiter);
    if (index < 0) return;
    this.#waiters.splice(index, 1);
    disconnect(waiter);
    if (!this.isEmpty) return;
    this.#semaphore.cancel();
    this.#end();
  }

  #shift(): Waiter | undefined {
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) disconnect(waiter);
    return waiter;
  }
}

/** In a forked child, before any code of the user's runs there. */
export function forgetPermitQueues(): void {
  for (const queue of waiting) queue.forget();
}

function serveAll(): void {
  for (const queue of waiting) queue.serve();
}

/** Neither its timer nor its signal will come back to it. */
function disconnect(waiter: Waiter): void {
  clearTimeout(waiter.timer);
  if (waiter.onAbort !== undefined) waiter.signal?.removeEventListener('abort', waiter.onAbort);
}

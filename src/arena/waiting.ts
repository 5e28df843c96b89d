/**
 * Waiting: the only file that knows how a thread or a promise waits for a condition over shared words, and how it is told to look again.
 * Each waitable thing has an event count (`event-count.ts`), by which those who change the words reach those who wait.
 *
 * Every sleep has a bound, its *slice*: a peer may be killed with a wake-up in its hands, and then nobody else would tell us.
 */
import { availableParallelism } from 'node:os';
import { platform } from '../platform/select.js';
import { type AgentId, currentAgent, onForked } from './agent.js';
import { EventCounts } from './event-count.js';
import { SLOT_ARMED, SLOT_BELL, SLOT_DOOR, SLOT_DOOR_WORD } from './layout.js';
import { parkBeside } from './watching.js';
import { load } from './words.js';

const LONGEST_TIMER_MS = 0x7fffffff;

/** Sleeps on data: a lost wake-up is repaired after the first, an idle process wakes once a second. */
export const FIRST_SLICE_MS = 250;
export const LAST_SLICE_MS = 1000;
/** About 4 µs, a few times what a short critical section takes; watching a word for longer before sleeping never paid (bench/cases/contended.mjs). */
export const SPIN = availableParallelism() > 1 ? 200 : 0;
const SPIN_ROUNDS = 4;

/** A moment on the monotonic clock in milliseconds, or Infinity. */
export type Deadline = number;

/** Takes what is waited for and returns true, or leaves all as it was and returns false. `looks`: how often it did so before, within one wait. */
export type Attempt = (looks: number) => boolean;

/** A promise that waits. */
interface Waiter {
  readonly attempt: Attempt;
  looks: number;
  /** During an attempt: it may itself begin to wait for something, and so lead back here. */
  isLooking: boolean;
  readonly resolve: (taken: boolean) => void;
  readonly reject: (reason: unknown) => void;
  readonly options: AsyncWait;
  timer?: NodeJS.Timeout;
  onAbort?: () => void;
}

interface Sliced {
  /** Longest time between two looks, for conditions that can come true without a notification (a dead owner). Read before each sleep. */
  readonly sliceMs?: number;
}

export interface AsyncWait extends Sliced {
  readonly deadline?: Deadline;
  readonly signal?: AbortSignal | undefined;
}

export interface SyncWait extends Sliced {
  /** The word whose change is worth a few microseconds of watching before the thread sleeps. */
  readonly watched?: number;
  /** An agent whose death may make the condition true: asked before each sleep, and slept beside (`parkBeside`); 0: none. */
  readonly agent?: () => AgentId;
}

/** The waiting of one agent. */
export class Waiting extends EventCounts {
  /** Asynchronous waiters by event count, each list first in, first out. */
  readonly #waiters = new Map<number, Waiter[]>();
  #opened = false;
  #armed = false;
  #armedSliceMs = 0;
  #idleSliceMs = FIRST_SLICE_MS;

  /**
   * In a forked child: all that waits here does so in the parent. Its promises never settle in this process, its bits and bell in shared words stay,
   * and its doorbell has not come along.
   */
  becomeForked(): void {
    for (const queue of this.#waiters.values()) for (const waiter of queue) disconnect(waiter);
    this.#waiters.clear();
    this.#opened = false;
    this.#armed = false;
    this.#armedSliceMs = 0;
    this.#idleSliceMs = FIRST_SLICE_MS;
    this.takePlace();
  }

  /**
   * Blocks the thread until `attempt()` is true (then true) or the deadline has passed (then false). The last attempt comes after the deadline.
   */
  waitSync(events: number, attempt: Attempt, deadline: Deadline, options: SyncWait = {}): boolean {
    if (attempt(0)) return true;
    const { parking } = platform;
    const { watched } = options;
    if (watched !== undefined && SPIN > 0 && deadline > performance.now()) {
      for (let round = 0; round < SPIN_ROUNDS; round++) {
        if (parking.spin(watched, load(this.words, watched), SPIN / SPIN_ROUNDS) && attempt(0)) return true;
      }
    }
    let sliceMs = FIRST_SLICE_MS;
    for (let looks = 1; ; looks++) {
      const seen = this.registerSleeper(events);
      if (attempt(looks)) return true;
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return this.#giveUpSync(events, attempt, looks);
      parkBeside(options.agent?.() ?? 0, events + 1, seen, Math.min(sliceMs, leftMs, options.sliceMs ?? LAST_SLICE_MS));
      if (attempt(looks)) return true;
      sliceMs = Math.min(sliceMs * 2, LAST_SLICE_MS);
    }
  }

  /** The promise twin of `waitSync`. Resolves false at the deadline, rejects with the signal's reason, or with what `attempt` throws. First come, first served within the agent. */
  waitAsync(events: number, attempt: Attempt, options: AsyncWait): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const { deadline = Number.POSITIVE_INFINITY, signal } = options;
      if (signal?.aborted) return reject(signal.reason);
      const isOver = deadline !== Number.POSITIVE_INFINITY && deadline <= performance.now();
      if (isOver) this.lookAgain(events); // what is there for those in line may be followed by more, for one that cannot wait
      if (!this.#waiters.has(events) && attempt(0)) return resolve(true);
      if (isOver) return resolve(false);
      const waiter: Waiter = { attempt, looks: 0, isLooking: false, resolve, reject, options };
      if (deadline !== Number.POSITIVE_INFINITY) this.#startTimer(events, waiter, deadline);
      if (signal !== undefined) {
        waiter.onAbort = () => {
          this.#leave(events, waiter);
          reject(signal.reason);
        };
        signal.addEventListener('abort', waiter.onAbort, { once: true });
      }
      this.#enter(events, waiter);
    });
  }

  /**
   * Calls `onTold` on this event loop whenever the event count is notified, at the latest after each slice, and once before it returns; until what it
   * returns is called. Takes nothing: a notification that was spent on us is passed on then. `onEnd` is told what `reject` is told.
   */
  watch(events: number, onTold: () => void, onEnd: (reason: unknown) => void, options: Sliced): () => void {
    let isOver = false;
    const attempt = (): boolean => {
      if (!isOver) onTold();
      return isOver;
    };
    const waiter: Waiter = { attempt, looks: 0, isLooking: false, resolve: () => {}, reject: onEnd, options };
    this.#enter(events, waiter);
    return () => {
      isOver = true;
      this.#leave(events, waiter);
    };
  }

  /**
   * As `waitSync`, for a condition that any of several event counts may tell of, and that `attempt` takes nothing from: a thread can sleep on one word only,
   * so it sleeps where this agent is rung.
   */
  waitAnySync(all: readonly number[], attempt: Attempt, deadline: Deadline, options: SyncWait = {}): boolean {
    if (attempt(0)) return true;
    const { words } = this;
    const { base } = this.agent;
    let sliceMs = FIRST_SLICE_MS;
    try {
      for (let looks = 1; ; looks++) {
        const door = words[base + SLOT_DOOR_WORD] as number;
        const seen = Atomics.load(words, door);
        Atomics.store(words, base + SLOT_ARMED, 1);
        for (const events of all) if (!this.isMarked(events)) this.mark(events);
        if (attempt(looks)) return true;
        const leftMs = deadline - performance.now();
        if (leftMs <= 0) return false;
        parkBeside(options.agent?.() ?? 0, door, seen, Math.min(sliceMs, leftMs, options.sliceMs ?? LAST_SLICE_MS));
        sliceMs = Math.min(sliceMs * 2, LAST_SLICE_MS);
      }
    } finally {
      if (!this.#armed) Atomics.store(words, base + SLOT_ARMED, 0);
      for (const events of all) if (!this.#waiters.has(events)) this.unmark(events, true);
    }
  }

  /** Whether a promise of this agent waits here: a newcomer must queue behind it. */
  hasAsyncWaiters(events: number): boolean {
    return this.#waiters.size !== 0 && this.#waiters.has(events);
  }

  /** Rejects all promises of this agent that wait here: what they wait for is being disposed of. */
  reject(events: number, reason: Error): void {
    const queue = this.#waiters.get(events);
    if (queue === undefined) return;
    this.#waiters.delete(events); // all at once: none may take what another one leaves
    for (const waiter of queue) {
      disconnect(waiter);
      waiter.reject(reason);
    }
    this.#updateRef();
    this.unmark(events, true);
  }

  /** Lets the promises of this agent that wait here look again, now. */
  lookAgain(events: number): void {
    if (this.#waiters.has(events)) this.#serve(events);
  }

  /** A sleeper that leaves may have been woken by the very notification that another one needs. */
  #giveUpSync(events: number, attempt: Attempt, looks: number): boolean {
    if (attempt(looks)) return true;
    this.notifyOne(events);
    return false;
  }

  /** Looks at everything this agent waits for, and arms the doorbell if something is left. */
  #pump(): void {
    const words = this.words;
    const bell = this.agent.base + SLOT_BELL;
    const heard = Atomics.load(words, bell);
    for (const events of [...this.#waiters.keys()]) this.#serve(events);
    if (this.#waiters.size === 0) return;
    let sliceMs = this.#idleSliceMs;
    for (const [first] of this.#waiters.values()) sliceMs = Math.min(sliceMs, first?.options.sliceMs ?? LAST_SLICE_MS);
    this.#open();
    this.#armed = true;
    this.#armedSliceMs = sliceMs;
    Atomics.store(words, this.agent.base + SLOT_ARMED, 1);
    platform.doorbell.arm(heard, sliceMs);
  }

  #open(): void {
    if (this.#opened) return;
    this.#opened = true;
    const { base } = this.agent;
    const door = platform.doorbell.open(base + SLOT_BELL, base + SLOT_DOOR, () => {
      this.#armed = false;
      Atomics.store(this.words, base + SLOT_ARMED, 0);
      this.#idleSliceMs = Math.min(this.#idleSliceMs * 2, LAST_SLICE_MS);
      this.#pump();
      this.#updateRef();
    });
    this.words[base + SLOT_DOOR_WORD] = door;
  }

  #enter(events: number, waiter: Waiter): void {
    const queue = this.#waiters.get(events);
    if (queue === undefined) this.#waiters.set(events, [waiter]);
    else queue.push(waiter);
    this.#idleSliceMs = FIRST_SLICE_MS;
    if (this.#armed) this.#serve(events);
    const isArmed = this.#armed && this.#armedSliceMs <= (waiter.options.sliceMs ?? LAST_SLICE_MS);
    if (!isArmed && this.#waiters.has(events)) this.#pump();
    this.#updateRef();
  }

  /** Serves the waiters at the head of the list as long as their attempts succeed. When it returns, this agent is registered for the rest. */
  #serve(events: number): void {
    for (;;) {
      const waiter = this.#waiters.get(events)?.[0];
      if (waiter === undefined || waiter.isLooking) return;
      // before the attempt: what consumes the bit from here on does not tell of what the attempt takes
      const isMarked = this.isMarked(events);
      let taken: boolean;
      try {
        taken = look(waiter);
      } catch (error) {
        this.#leave(events, waiter);
        waiter.reject(error);
        continue;
      }
      if (taken) {
        this.#idleSliceMs = FIRST_SLICE_MS;
        if (this.#drop(events, waiter)) this.unmark(events, isMarked);
        waiter.resolve(true);
      } else if (this.#waiters.get(events)?.[0] === waiter) {
        if (isMarked) return;
        this.mark(events); // and look once more: what came true before that has told nobody
      }
    }
  }

  #startTimer(events: number, waiter: Waiter, deadline: Deadline): void {
    // rounded up, since a timer that fires early would end the wait before its time; and cut to what a timer can
    const leftMs = Math.min(Math.ceil(deadline - performance.now()), LONGEST_TIMER_MS);
    waiter.timer = setTimeout(() => {
      if (performance.now() < deadline) this.#startTimer(events, waiter, deadline);
      else this.#timeOut(events, waiter);
    }, leftMs);
  }

  #timeOut(events: number, waiter: Waiter): void {
    this.lookAgain(events); // what came in time, for it and for those before it, this event loop may not have come to
    if (!this.#waiters.get(events)?.includes(waiter)) return;
    this.#leave(events, waiter);
    waiter.resolve(false);
  }

  /** It may be the one for whom a notification was consumed: another one must have that. */
  #leave(events: number, waiter: Waiter): void {
    if (this.#drop(events, waiter)) this.unmark(events, true);
    else this.lookAgain(events);
  }

  /** @returns whether it was the last of this agent that waited here */
  #drop(events: number, waiter: Waiter): boolean {
    disconnect(waiter);
    const queue = this.#waiters.get(events);
    const index = queue?.indexOf(waiter) ?? -1;
    if (queue === undefined || index < 0) return false;
    if (index === 0) queue.shift();
    else queue.splice(index, 1);
    if (queue.length > 0) return false;
    this.#waiters.delete(events);
    this.#updateRef();
    return true;
  }

  #updateRef(): void {
    if (this.#opened) platform.doorbell.setRef(this.#waiters.size > 0);
  }
}

function look(waiter: Waiter): boolean {
  waiter.isLooking = true;
  try {
    return waiter.attempt(++waiter.looks);
  } finally {
    waiter.isLooking = false;
  }
}

/** Neither its timer nor its signal will come back to it. */
function disconnect(waiter: Waiter): void {
  clearTimeout(waiter.timer);
  if (waiter.onAbort !== undefined) waiter.options.signal?.removeEventListener('abort', waiter.onAbort);
}

let ours: Waiting | undefined;
onForked(() => ours?.becomeForked());

/** The waiting of the calling thread's agent. */
export function currentWaiting(): Waiting {
  const agent = currentAgent(); // also where `ours` is known: a forked child may have to become an agent first
  ours ??= new Waiting(agent);
  return ours;
}

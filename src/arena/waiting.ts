/**
 * Waiting: the only file that knows how a thread or a promise waits for a condition over shared words, and how it is told to look again.
 *
 * Each waitable thing has an *event count* (after D. Vyukov's event count in Folly/Eigen; ours spans processes) of two words:
 *
 * - F, the flags: 16 bits, one for each sixteenth of the agent slots, set where an agent waits asynchronously; bit 16, somebody sleeps
 *   synchronously; above, a counter of registrations.
 * - S, the number of notifications: the word on which synchronous waiters sleep.
 *
 * wait: `s = S; F += registration | my bit; look again; sleep while S = s; look again; ...`
 * notify: if F has no bit, return: one load, the common case. Else S += 1, wake a sleeper; if that woke nobody, ring an agent.
 *
 * Three facts, each found by a model checker with its counter-example:
 * - S is raised *before* the wake and before its bit is cleared, else a waiter between its look and its sleep sleeps for ever;
 * - registering changes F, else a notifier's CAS could clear a registration newer than the F it read;
 * - one who gives up after its bit was consumed passes the notification on.
 *
 * Every sleep has a bound, its *slice*: a peer may be killed with a wake-up in its hands, and then nobody else would tell us.
 */
import { platform } from '../platform/select.js';
import { fault } from '../util/fault.js';
import { type Agent, currentAgent, isDead, onForked, slotBase } from './agent.js';
import { SLOT_ARMED, SLOT_BELL, SLOT_BITS, SLOT_DOOR, SLOT_DOOR_WORD, SLOT_GENERATION, SLOTS } from './layout.js';
import { load } from './words.js';

const AGENT_BITS = 0xffff;
const SLEEPER = 1 << 16;
const ANY_WAITER = AGENT_BITS | SLEEPER;
const REGISTRATION = 1 << 17;
const F_MASK = 0x7fffffff;
const EVERYBODY = 0x7fffffff;
const LONGEST_TIMER_MS = 0x7fffffff;

/** Sleeps on data: a lost wake-up is repaired after the first, an idle process wakes once a second. */
export const FIRST_SLICE_MS = 250;
export const LAST_SLICE_MS = 1000;

/** A moment on the monotonic clock in milliseconds, or Infinity. */
export type Deadline = number;

/** The moment `timeoutMs` from now; undefined is never, and a negative one is now. */
export function deadlineAfter(timeoutMs: number | undefined): Deadline {
  return timeoutMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + timeoutMs;
}

/** A promise that waits: `attempt` takes what is waited for and returns true, or leaves all as it was and returns false. */
interface Waiter {
  readonly attempt: () => boolean;
  /** During an attempt: it may itself begin to wait for something, and so lead back here. */
  isLooking: boolean;
  readonly resolve: (taken: boolean) => void;
  readonly reject: (reason: unknown) => void;
  readonly sliceMs: number;
  timer: NodeJS.Timeout | undefined;
  signal: AbortSignal | undefined;
  onAbort: (() => void) | undefined;
}

export interface AsyncWait {
  readonly deadline?: Deadline;
  readonly signal?: AbortSignal | undefined;
  /** Longest time between two looks, for conditions that can come true without a notification (a dead owner). */
  readonly sliceMs?: number;
}

/** The waiting of one agent. */
export class Waiting {
  readonly #words: Int32Array;
  readonly #agent: Agent;
  /** This agent's bit in every F. */
  #bit = 0;
  /** Asynchronous waiters by event count, each list first in, first out. */
  readonly #waiters = new Map<number, Waiter[]>();
  /** Event counts on which this agent's bit may still stand although nobody here waits any more. */
  readonly #stale = new Set<number>();
  #opened = false;
  #armed = false;
  #armedSliceMs = 0;
  #idleSliceMs = FIRST_SLICE_MS;
  /** Where the search for an agent to ring starts: each notifier in turn elsewhere, so that none is always first. */
  #turn = 0;

  constructor(agent: Agent) {
    this.#agent = agent;
    this.#words = agent.region.words;
    this.#takePlace();
  }

  /**
   * In a forked child: all that waits here does so in the parent. Its promises never settle in this process, its bits and bell in shared words stay,
   * and its doorbell has not come along.
   */
  becomeForked(): void {
    for (const queue of this.#waiters.values()) for (const waiter of queue) disconnect(waiter);
    this.#waiters.clear();
    this.#stale.clear();
    this.#opened = false;
    this.#armed = false;
    this.#armedSliceMs = 0;
    this.#idleSliceMs = FIRST_SLICE_MS;
    this.#takePlace();
  }

  /**
   * Blocks the thread until `attempt()` is true (then true) or the deadline has passed (then false). The last attempt comes after the deadline.
   */
  waitSync(events: number, attempt: () => boolean, deadline: Deadline, longestSliceMs: number = LAST_SLICE_MS): boolean {
    if (attempt()) return true;
    const { parking } = platform;
    let sliceMs = Math.min(FIRST_SLICE_MS, longestSliceMs);
    for (;;) {
      const seen = this.#register(events, SLEEPER);
      if (attempt()) return true;
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return this.#giveUpSync(events, attempt);
      parking.park(events + 1, seen, Math.min(sliceMs, leftMs));
      if (attempt()) return true;
      sliceMs = Math.min(sliceMs * 2, longestSliceMs);
    }
  }

  /** The promise twin of `waitSync`. Resolves false at the deadline, rejects with the signal's reason, or with what `attempt` throws. First come, first served within the agent. */
  waitAsync(events: number, attempt: () => boolean, options: AsyncWait): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const { deadline = Number.POSITIVE_INFINITY, signal, sliceMs = LAST_SLICE_MS } = options;
      if (signal?.aborted) return reject(signal.reason);
      if (!this.#waiters.has(events) && attempt()) return resolve(true);
      const waiter: Waiter = { attempt, isLooking: false, resolve, reject, sliceMs, timer: undefined, signal, onAbort: undefined };
      if (deadline !== Number.POSITIVE_INFINITY) {
        if (deadline <= performance.now()) return resolve(false);
        this.#startTimer(events, waiter, deadline);
      }
      if (signal !== undefined) {
        waiter.onAbort = () => {
          this.#drop(events, waiter);
          this.#passOn(events);
          reject(signal.reason);
        };
        signal.addEventListener('abort', waiter.onAbort, { once: true });
      }
      const queue = this.#waiters.get(events);
      if (queue === undefined) this.#waiters.set(events, [waiter]);
      else queue.push(waiter);
      this.#idleSliceMs = FIRST_SLICE_MS;
      if (this.#armed && this.#armedSliceMs <= sliceMs) this.#serve(events);
      else this.#pump();
      this.#updateRef();
    });
  }

  /** Whether a promise of this agent waits here: a newcomer must queue behind it. */
  hasAsyncWaiters(events: number): boolean {
    return this.#waiters.size !== 0 && this.#waiters.has(events);
  }

  /**
   * Tells one waiter to look again. Returns whether another agent was woken or rung. REQUIRES: an `Atomics` read-modify-write since the change that the
   * waiter waits for, such as the release of a lock; so that either it sees the change, or we see its registration.
   */
  notifyOne(events: number): boolean {
    const flags = load(this.#words, events);
    return (flags & ANY_WAITER) !== 0 && this.#notifySlowly(events, flags, false);
  }

  /** For one who was told but must leave what there is to another: passes the notification on. REQUIRES: as `notifyOne`. */
  notifyOther(events: number): void {
    const flags = load(this.#words, events);
    if ((flags & ANY_WAITER & ~this.#bit) !== 0) this.#notifySlowly(events, flags, true);
  }

  /** Rejects all promises of this agent that wait here: what they wait for is being disposed of. */
  reject(events: number, reason: Error): void {
    for (const waiter of [...(this.#waiters.get(events) ?? [])]) {
      this.#drop(events, waiter);
      waiter.reject(reason);
    }
  }

  /** This agent is about to let go of the words `[first, end)`: nothing of it may be left in an event count there, and nothing may be looked up there later. */
  forget(first: number, end: number): void {
    const words = this.#words;
    for (const events of this.#stale) {
      if (events < first || events >= end) continue;
      this.#stale.delete(events);
      let flags = Atomics.load(words, events);
      while ((flags & this.#bit) !== 0) {
        const found = Atomics.compareExchange(words, events, flags, flags & ~this.#bit);
        if (found === flags) break;
        flags = found;
      }
      // others may share our bit; and if it was gone, a notification was spent on us
      if ((flags & this.#bit) !== 0) this.#ring(31 - Math.clz32(this.#bit));
      else this.notifyOne(events);
    }
  }

  /** Lets the promises of this agent that wait here look again, now. */
  lookAgain(events: number): void {
    if (this.#waiters.has(events)) this.#serve(events);
  }

  /** Tells all waiters to look again. */
  notifyAll(events: number): void {
    const words = this.#words;
    let flags = Atomics.load(words, events);
    if ((flags & ANY_WAITER) === 0) return;
    Atomics.add(words, events + 1, 1); // before the bits are cleared, as in notifyOne
    for (;;) {
      const found = Atomics.compareExchange(words, events, flags, (flags + REGISTRATION) & F_MASK & ~ANY_WAITER);
      if (found === flags) break;
      flags = found;
    }
    if ((flags & SLEEPER) !== 0) platform.parking.unpark(events + 1, EVERYBODY);
    for (let bit = 0; bit < 16; bit++) if ((flags & (1 << bit)) !== 0) this.#ring(bit);
  }

  #takePlace(): void {
    this.#bit = 1 << (this.#agent.slot & 15);
    this.#turn = this.#agent.slot;
  }

  /** Returns S as it was before the registration: the value to sleep on. */
  #register(events: number, flag: number): number {
    const words = this.#words;
    const seen = Atomics.load(words, events + 1);
    let flags = Atomics.load(words, events);
    for (;;) {
      const found = Atomics.compareExchange(words, events, flags, ((flags + REGISTRATION) & F_MASK) | flag);
      if (found === flags) {
        if (fault !== null) fault('waiting.registered');
        return seen;
      }
      flags = found;
    }
  }

  /** A sleeper that leaves may have been woken by the very notification that another one needs. */
  #giveUpSync(events: number, attempt: () => boolean): boolean {
    if (attempt()) return true;
    this.notifyOne(events);
    return false;
  }

  #notifySlowly(events: number, seenFlags: number, othersOnly: boolean): boolean {
    const words = this.#words;
    const { parking } = platform;
    let flags = seenFlags;
    if ((flags & SLEEPER) !== 0) {
      Atomics.add(words, events + 1, 1); // before the wake: a waiter between its look and its sleep must not fall asleep
      if (fault !== null) fault('waiting.bumped');
      if (parking.unpark(events + 1, 1) > 0 && parking.countsExactly) return true;
      if (parking.countsExactly) Atomics.compareExchange(words, events, flags, flags & ~SLEEPER);
    }
    for (;;) {
      flags = Atomics.load(words, events);
      const waiting = flags & AGENT_BITS;
      // others first: our own bit may be a stale one, and what we put may be reserved for another (queue/queue.ts)
      const candidates = (waiting & ~this.#bit) !== 0 ? waiting & ~this.#bit : othersOnly ? 0 : waiting;
      if (candidates === 0) return false;
      const bit = nextBit(candidates, ++this.#turn & 15);
      if (Atomics.compareExchange(words, events, flags, flags & ~(1 << bit)) === flags) {
        if (fault !== null) fault('waiting.cleared');
        // nobody there may be waiting any more, or alive: then the notification is another's
        if (this.#ring(bit)) return 1 << bit !== this.#bit;
      }
    }
  }

  /**
   * Rings all agents that share the bit: those who do not wait look, find nothing, and sleep again. Returns whether a living one of them is listening;
   * one that is not may be between two arms, and hears the bell then.
   */
  #ring(bit: number): boolean {
    const words = this.#words;
    let heard = false;
    for (let slot = bit; slot < SLOTS; slot += 16) {
      const base = slotBase(slot);
      const generation = words[base + SLOT_GENERATION] as number;
      if (generation === 0) continue;
      Atomics.add(words, base + SLOT_BELL, 1);
      // after the bell: the waiter thread reads the door, then the bells, then sleeps on the door; so either it sees the bell or it does not sleep
      if (Atomics.load(words, base + SLOT_ARMED) === 0) continue;
      const door = words[base + SLOT_DOOR_WORD] as number;
      if (door !== base + SLOT_BELL) Atomics.add(words, door, 1);
      platform.parking.unpark(door, EVERYBODY);
      if (!isDead(words, slot | (generation << SLOT_BITS))) heard = true;
    }
    return heard;
  }

  /** Looks at everything this agent waits for, and arms the doorbell if something is left. */
  #pump(): void {
    const words = this.#words;
    const bell = this.#agent.base + SLOT_BELL;
    const heard = Atomics.load(words, bell);
    for (const events of this.#stale) {
      if (this.#waiters.has(events)) this.#stale.delete(events);
      else if ((Atomics.load(words, events) & this.#bit) === 0) {
        this.#stale.delete(events);
        this.notifyOne(events);
      }
    }
    for (const events of [...this.#waiters.keys()]) this.#serve(events);
    if (this.#waiters.size === 0 && this.#stale.size === 0) return;
    let sliceMs = this.#idleSliceMs;
    for (const queue of this.#waiters.values()) if (queue[0] !== undefined && queue[0].sliceMs < sliceMs) sliceMs = queue[0].sliceMs;
    this.#open();
    this.#armed = true;
    this.#armedSliceMs = sliceMs;
    Atomics.store(words, this.#agent.base + SLOT_ARMED, 1);
    platform.doorbell.arm(heard, sliceMs);
  }

  #open(): void {
    if (this.#opened) return;
    this.#opened = true;
    const { base } = this.#agent;
    const door = platform.doorbell.open(base + SLOT_BELL, base + SLOT_DOOR, () => {
      this.#armed = false;
      Atomics.store(this.#words, base + SLOT_ARMED, 0);
      this.#idleSliceMs = Math.min(this.#idleSliceMs * 2, LAST_SLICE_MS);
      this.#pump();
      this.#updateRef();
    });
    this.#words[base + SLOT_DOOR_WORD] = door;
  }

  /** Registers for these events if not registered, then serves the waiters at the head of the list as long as their attempts succeed. */
  #serve(events: number): void {
    if ((Atomics.load(this.#words, events) & this.#bit) === 0) this.#register(events, this.#bit);
    for (;;) {
      const waiter = this.#waiters.get(events)?.[0];
      if (waiter === undefined || waiter.isLooking) return;
      let taken: boolean;
      try {
        taken = look(waiter);
      } catch (error) {
        this.#drop(events, waiter);
        waiter.reject(error);
        continue;
      }
      if (!taken) return;
      this.#idleSliceMs = FIRST_SLICE_MS;
      this.#drop(events, waiter);
      waiter.resolve(true);
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
    let taken = false;
    try {
      taken = this.#waiters.get(events)?.[0] === waiter && look(waiter);
    } catch (error) {
      this.#drop(events, waiter);
      waiter.reject(error);
      return;
    }
    this.#drop(events, waiter);
    if (!taken) this.#passOn(events);
    waiter.resolve(taken);
  }

  #drop(events: number, waiter: Waiter): void {
    disconnect(waiter);
    const queue = this.#waiters.get(events);
    if (queue === undefined) return;
    if (queue[0] === waiter) queue.shift();
    else {
      const index = queue.indexOf(waiter);
      if (index >= 0) queue.splice(index, 1);
    }
    if (queue.length > 0) return;
    this.#waiters.delete(events);
    // our bit still stands: whoever consumes it rings us for nothing, and we pass it on
    if ((Atomics.load(this.#words, events) & this.#bit) !== 0) this.#stale.add(events);
    this.#updateRef();
  }

  /** The waiter that left may have been the one for whom a notification was consumed. */
  #passOn(events: number): void {
    if (this.#waiters.has(events)) this.#serve(events);
    else if (!this.#stale.has(events)) this.notifyOne(events);
  }

  #updateRef(): void {
    if (this.#opened) platform.doorbell.setRef(this.#waiters.size > 0);
  }
}

function look(waiter: Waiter): boolean {
  waiter.isLooking = true;
  try {
    return waiter.attempt();
  } finally {
    waiter.isLooking = false;
  }
}

/** Neither its timer nor its signal will come back to it. */
function disconnect(waiter: Waiter): void {
  clearTimeout(waiter.timer);
  if (waiter.onAbort !== undefined) waiter.signal?.removeEventListener('abort', waiter.onAbort);
}

let ours: Waiting | undefined;
onForked(() => ours?.becomeForked());

/** The waiting of the calling thread's agent. */
export function currentWaiting(): Waiting {
  const agent = currentAgent(); // also where `ours` is known: a forked child may have to become an agent first
  ours ??= new Waiting(agent);
  return ours;
}

/** The first bit set in a 16-bit mask, counted upwards from `from`, and round. */
function nextBit(mask: number, from: number): number {
  const rotated = ((mask >>> from) | (mask << (16 - from))) & AGENT_BITS;
  return (from + 31 - Math.clz32(rotated & -rotated)) & 15;
}

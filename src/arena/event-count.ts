/**
 * Event counts: how those who wait for a condition over shared words, and those who make it true, find each other. Nothing here waits: that is
 * `waiting.ts`.
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
 * An agent's bit stands only while a promise of it waits there: the last one that leaves takes it off. Else a notifier would ring an agent that has
 * gone on to compute, and take it for one that looks.
 */
import { platform } from '../platform/select.js';
import { fault } from '../util/fault.js';
import { type Agent, isDead, slotBase } from './agent.js';
import { SLOT_ARMED, SLOT_BELL, SLOT_BITS, SLOT_DOOR_WORD, SLOT_GENERATION, SLOTS } from './layout.js';
import { load } from './words.js';

const AGENT_BITS = 0xffff;
const SLEEPER = 1 << 16;
const ANY_WAITER = AGENT_BITS | SLEEPER;
const REGISTRATION = 1 << 17;
const F_MASK = 0x7fffffff;
const EVERYBODY = 0x7fffffff;
/** So many are told at once rather than one by one: not all parkings can say that nobody sleeps any more. */
const MANY = 16;

/** One agent's dealings with all event counts. */
export class EventCounts {
  protected readonly words: Int32Array;
  protected readonly agent: Agent;
  /** This agent's bit in every F. */
  #bit = 0;
  /** Where the search for an agent to ring starts: each notifier in turn elsewhere, so that none is always first. */
  #turn = 0;

  constructor(agent: Agent) {
    this.agent = agent;
    this.words = agent.region.words;
    this.takePlace();
  }

  /**
   * Tells one waiter to look again. Returns whether another agent was woken or rung. REQUIRES: an `Atomics` read-modify-write since the change that the
   * waiter waits for, such as the release of a lock; so that either it sees the change, or we see its registration.
   */
  notifyOne(events: number): boolean {
    const flags = load(this.words, events);
    return (flags & ANY_WAITER) !== 0 && this.#notifySlowly(events, flags, false);
  }

  /** Tells `count` waiters to look again, or all who wait if they are fewer. REQUIRES: as `notifyOne`. */
  notify(events: number, count: number): void {
    if (count > MANY) this.notifyAll(events);
    else for (let left = count; left > 0 && (load(this.words, events) & ANY_WAITER) !== 0; left--) this.notifyOne(events);
  }

  /** For one who was told but must leave what there is to another: passes the notification on. REQUIRES: as `notifyOne`. */
  notifyOther(events: number): void {
    const flags = load(this.words, events);
    if ((flags & ANY_WAITER & ~this.#bit) !== 0) this.#notifySlowly(events, flags, true);
  }

  /** Tells all waiters to look again. */
  notifyAll(events: number): void {
    const words = this.words;
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

  /** After the agent has got its slot. */
  protected takePlace(): void {
    this.#bit = 1 << (this.agent.slot & 15);
    this.#turn = this.agent.slot;
  }

  /** A thread is about to sleep on S. Returns S as it was before the registration: the value to sleep on. */
  protected registerSleeper(events: number): number {
    return this.#register(events, SLEEPER);
  }

  /** A promise of this agent waits here. */
  protected mark(events: number): void {
    this.#register(events, this.#bit);
  }

  /** Whether this agent's bit stands. */
  protected isMarked(events: number): boolean {
    return (Atomics.load(this.words, events) & this.#bit) !== 0;
  }

  /** Nobody of this agent waits here any more: takes its bit off. If the bit is gone although it stood, a notification was spent on us, and is passed on. */
  protected unmark(events: number, stood: boolean): void {
    const words = this.words;
    for (let flags = Atomics.load(words, events); (flags & this.#bit) !== 0; ) {
      const found = Atomics.compareExchange(words, events, flags, flags & ~this.#bit);
      if (found === flags) {
        this.#ring(31 - Math.clz32(this.#bit), this.agent.slot); // others may share the bit, and register anew
        return;
      }
      flags = found;
    }
    if (stood) this.notifyOne(events);
  }

  /** Returns S as it was before the registration: the value to sleep on. */
  #register(events: number, flag: number): number {
    const words = this.words;
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

  #notifySlowly(events: number, seenFlags: number, othersOnly: boolean): boolean {
    const words = this.words;
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
      // others first: what we put may be reserved for another (queue/queue.ts)
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
   * Rings all agents that share the bit, but for the one in slot `except`: those who do not wait look, find nothing, and sleep again. Returns whether a
   * living one of them is listening; one that is not may be between two arms, and hears the bell then.
   */
  #ring(bit: number, except = -1): boolean {
    const words = this.words;
    let heard = false;
    for (let slot = bit; slot < SLOTS; slot += 16) {
      if (slot === except) continue;
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
}

/** The first bit set in a 16-bit mask, counted upwards from `from`, and round. */
function nextBit(mask: number, from: number): number {
  const rotated = ((mask >>> from) | (mask << (16 - from))) & AGENT_BITS;
  return (from + 31 - Math.clz32(rotated & -rotated)) & 15;
}

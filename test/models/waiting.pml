/*
 * The event count: src/arena/waiting.ts. Threads that sleep on S, agents that wait by promises with a bit in F and a bell, notifiers.
 *
 * What they wait for is an item each; producers add items and tell of each one, or (ALL) one adds all of them and tells everybody.
 * A waiter goes away for good only with an item, out of time or aborted, or when nothing can come any more and nothing is there: one that sleeps
 * while an item is there is a hang.
 *
 * SLEEPERS, AGENTS how many threads and agents, 1 to 2 each. PROMISES: how many waits each agent begins, at any time.
 * PRODUCERS, EACH  how many put items, and how many each.
 * SHARED           the agents share their bit.
 * CANCEL           so many waits may be aborted or out of time.
 * TIMEOUT          thread 1 may be out of time.
 * DEATHS, SLICES   as in lock.pml.
 */
#ifndef SLEEPERS
#define SLEEPERS 2
#endif
#ifndef AGENTS
#define AGENTS 0
#endif
#ifndef PROMISES
#define PROMISES 1
#endif
#ifndef PRODUCERS
#define PRODUCERS 2
#endif
#ifndef EACH
#define EACH 1
#endif
#ifndef DEATHS
#define DEATHS 0
#endif
#ifndef SLICES
#define SLICES 0
#endif
#ifndef CANCEL
#define CANCEL 0
#endif
#define SLICE_ENDS (slices < SLICES && timeout)
/* Small, so that what must not be mistaken for something newer is, if the order of steps allows. */
#ifndef SEQUENCE
#define SEQUENCE 4
#endif

byte items = 0;
byte left = PRODUCERS;
bit producerDead = 0;

/* F: agents' bits, the sleepers' bit, the counter of registrations. S. */
byte mask = 0;
bit sleeper = 0;
byte seq = 0;
byte S = 0;

/* Threads 1 and 2. */
bit asleep[3];
bit deadThread[3];
bit overThread[3];
/* Agents 1 and 2: the bell has rung since the pump read it; the word that says that it listens; its waiter thread sleeps. */
bit rung[3];
bit armed[3];
bit parked[3];
bit deadAgent[3];
byte overAgent[3]; /* 1: with nothing left to wait for, 2: waiting */
byte cancelled = 0;

#ifdef SHARED
#define BIT(agent) 1
#else
#define BIT(agent) (agent)
#endif
#define NOTHING_COMES (items == 0 && left == 0)

#if DEATHS > 0
#define IS_DEAD(agent) (deadAgent[agent])
#else
#define IS_DEAD(agent) 0
#endif

inline loadFlags() {
  d_step { fs = seq; fl = sleeper; fm = mask }
}

/* ok: whether F was what we read and is the new one now */
inline casFlags(toSeq, toSleeper, toMask) {
  d_step {
    if
    :: seq == fs && sleeper == fl && mask == fm -> seq = toSeq; sleeper = toSleeper; mask = toMask; ok = 1
    :: else -> fs = seq; fl = sleeper; fm = mask; ok = 0
    fi
  }
}

/* one attempt of a waiter: got */
inline look() {
  d_step { if :: items > 0 -> items--; got = 1 :: else -> got = 0 fi }
}

/* Only the clearing of the sleepers' bit compares with what was read long before. */
#if defined(BUG_NO_SEQUENCE) || SLEEPERS == 0
#define REGISTERED(x) (x)
#else
#define REGISTERED(x) (((x) + 1) % SEQUENCE)
#endif

/* A loop of load and compareExchange that ends when it succeeds, and keeps nothing of what it read before, is one step. */
inline register(theSleeper, theMask) {
  d_step { // arena/event-count.ts: const found = Atomics.compareExchange(words, events, flags, ((flags + REGISTRATION) & F_MASK) | flag);
    seq = REGISTERED(seq);
    sleeper = sleeper | theSleeper;
    mask = mask | theMask
  }
}

inline ringAgent(agent) {
  rung[agent] = 1; // arena/event-count.ts: Atomics.add(words, base + SLOT_BELL, 1);
  d_step {
    if
    :: armed[agent] -> // arena/event-count.ts: if (Atomics.load(words, base + SLOT_ARMED) === 0) continue;
       parked[agent] = 0; // arena/event-count.ts: platform.parking.unpark(door, EVERYBODY);
       heard = heard | !IS_DEAD(agent) // arena/event-count.ts: if (!isDead(words, slot | (generation << SLOT_BITS))) heard = true;
    :: else
    fi
  }
}

/* #ring(bit, except): heard */
inline ring(theBit, except) {
  heard = 0;
#if AGENTS > 0
  if :: BIT(1) == theBit && except != 1 -> ringAgent(1) :: else fi; // arena/event-count.ts: if (slot === except) continue;
#endif
#if AGENTS > 1
  if :: BIT(2) == theBit && except != 2 -> ringAgent(2) :: else fi;
#endif
  skip
}

/* notifyOne; own: the bit of the notifier itself, which comes last */
inline notifyOne(own) {
  loadFlags(); // arena/event-count.ts: const flags = load(this.words, events);
  if
  :: fm != 0 || fl -> // arena/event-count.ts: return (flags & ANY_WAITER) !== 0 && this.#notifySlowly(events, flags, false);
     woken = 0;
     if
     :: fl ->
#ifndef BUG_NO_BUMP
        S = (S + 1) % SEQUENCE; // arena/event-count.ts: Atomics.add(words, events + 1, 1); // before the wake: a waiter between its look and its sleep must not fall asleep
#endif
        atomic { // arena/event-count.ts: if (parking.unpark(events + 1, 1) > 0 && parking.countsExactly) return true;
          if
          :: asleep[1] -> asleep[1] = 0; woken = 1
          :: asleep[2] -> asleep[2] = 0; woken = 1
          :: else -> woken = 0
          fi
        }
        if
        :: !woken -> casFlags(fs, 0, fm) // arena/event-count.ts: if (parking.countsExactly) Atomics.compareExchange(words, events, flags, flags & ~SLEEPER);
        :: else
        fi
     :: else
     fi;
     do
     :: woken -> break
     :: else ->
        atomic { // arena/event-count.ts: if (Atomics.compareExchange(words, events, flags, flags & ~(1 << bit)) === flags) {
          if
          :: mask == 0 -> theBit = 0 // arena/event-count.ts: if (candidates === 0) return false;
          :: (mask & 1) && (own != 1 || mask == 1) -> theBit = 1; mask = mask & ~1
          :: (mask & 2) && (own != 2 || mask == 2) -> theBit = 2; mask = mask & ~2
          fi
        }
        if
        :: theBit == 0 -> break
        :: else ->
           ring(theBit, 0);
           woken = heard // arena/event-count.ts: if (this.#ring(bit)) return 1 << bit !== this.#bit;
        fi
     od
  :: else
  fi;
  atomic { fs = 0; fl = 0; fm = 0; ok = 0; woken = 0; theBit = 0; heard = 0 }
}

inline notifyAll() {
  loadFlags(); // arena/event-count.ts: let flags = Atomics.load(words, events);
  if
  :: fm != 0 || fl -> // arena/event-count.ts: if ((flags & ANY_WAITER) === 0) return;
#ifndef BUG_NO_BUMP
     S = (S + 1) % SEQUENCE; // arena/event-count.ts: Atomics.add(words, events + 1, 1); // before the bits are cleared, as in notifyOne
#endif
     d_step { // arena/event-count.ts: const found = Atomics.compareExchange(words, events, flags, (flags + REGISTRATION) & F_MASK & ~ANY_WAITER);
       fl = sleeper; fm = mask;
       seq = REGISTERED(seq); sleeper = 0; mask = 0
     }
     if :: fl -> d_step { asleep[1] = 0; asleep[2] = 0 } :: else fi; // arena/event-count.ts: if ((flags & SLEEPER) !== 0) platform.parking.unpark(events + 1, EVERYBODY);
     if :: fm & 1 -> ring(1, 0) :: else fi; // arena/event-count.ts: for (let bit = 0; bit < 16; bit++) if ((flags & (1 << bit)) !== 0) this.#ring(bit);
     if :: fm & 2 -> ring(2, 0) :: else fi
  :: else
  fi;
  atomic { fs = 0; fl = 0; fm = 0; ok = 0; heard = 0 }
}

#define NOTIFIER_VARS byte fs, fm, theBit; bit fl, ok, woken, heard

proctype Producer() {
  NOTIFIER_VARS;
  byte n;
  {
#ifdef ALL
  items = items + ALL;
  notifyAll();
#else
  do
  :: n < EACH -> items++; notifyOne(0); n++
  :: else -> break
  od;
#endif
  atomic { left--; n = 0 }
  } unless { producerDead }
}

/* waitSync */
proctype Sleeper(byte me) {
  NOTIFIER_VARS;
  bit got;
  byte seen, slices;
  {
    look(); // arena/waiting.ts: if (attempt(0)) return true;
    do
    :: got -> break
    :: else ->
       seen = S; // arena/event-count.ts: const seen = Atomics.load(words, events + 1);
       register(1, 0); // arena/waiting.ts: const seen = this.registerSleeper(events);
       look();
       if
       :: got -> break
       :: else
       fi;
       if
       :: 1 ->
          atomic { if :: S == seen -> asleep[me] = 1 :: else fi; seen = 0 } // arena/waiting.ts: parkBeside(options.agent?.() ?? 0, events + 1, seen, Math.min(sliceMs, leftMs, options.sliceMs ?? LAST_SLICE_MS));
          if
          :: !asleep[me]
          :: asleep[me] && SLICE_ENDS -> asleep[me] = 0; slices++
          :: asleep[me] && NOTHING_COMES -> break
#ifdef TIMEOUT
#ifdef BUG_GIVEUP
          :: !asleep[me] && me == 1 -> break // woken when its time was over, and gone without a look
#endif
          :: atomic { asleep[me] && me == 1 -> asleep[me] = 0 } // out of time: it looks, registers and looks again before it goes
#endif
          fi;
          look()
#ifdef TIMEOUT
       :: me == 1 -> // arena/waiting.ts: if (leftMs <= 0) return this.#giveUpSync(events, attempt, looks);
          look();
          if :: !got -> notifyOne(0) :: else fi; // arena/waiting.ts: this.notifyOne(events);
          break
#endif
       fi
    od;
    atomic { asleep[me] = 0; overThread[me] = 1; got = 0; seen = 0; slices = 0 }
  } unless { deadThread[me] }
}

#if AGENTS > 0
/* #serve: when it returns, this agent is registered for the rest */
inline serve() {
  do
  :: q == 0 -> break // arena/waiting.ts: if (waiter === undefined || waiter.isLooking) return;
  :: else ->
     isMarked = (mask & BIT(me)) != 0; // arena/waiting.ts: const isMarked = this.isMarked(events);
     look(); // arena/waiting.ts: taken = look(waiter);
     if
     :: got ->
        q--; got = 0;
        if :: q == 0 -> unmark(isMarked) :: else fi // arena/waiting.ts: if (this.#drop(events, waiter)) this.unmark(events, isMarked);
     :: else ->
        if
        :: isMarked -> break // arena/waiting.ts: if (isMarked) return;
        :: else -> register(0, BIT(me)) // arena/waiting.ts: this.mark(events); // and look once more: what came true before that has told nobody
        fi
     fi
  od;
  isMarked = 0
}

inline unmark(stood) {
#ifdef BUG_BIT_STAYS
  skip
#else
  d_step { gone = (mask & BIT(me)) == 0; mask = mask & ~BIT(me) } // arena/event-count.ts: const found = Atomics.compareExchange(words, events, flags, flags & ~this.#bit);
#ifndef BUG_SHARERS_UNTOLD
  if :: !gone -> ring(BIT(me), me); heard = 0 :: else fi; // arena/event-count.ts: this.#ring(31 - Math.clz32(this.#bit), this.agent.slot); // others may share the bit, and register anew
#endif
#ifndef BUG_NO_PASS
  if :: gone && stood -> notifyOne(BIT(me)) :: else fi; // arena/event-count.ts: if (stood) this.notifyOne(events);
#endif
  gone = 0
#endif
}

inline pump() {
  rung[me] = 0; // arena/waiting.ts: const heard = Atomics.load(words, bell);
  serve(); // arena/waiting.ts: for (const events of [...this.#waiters.keys()]) this.#serve(events);
  if
  :: q > 0 -> // arena/waiting.ts: if (this.#waiters.size === 0) return;
     armed[me] = 1; // arena/waiting.ts: Atomics.store(words, this.agent.base + SLOT_ARMED, 1);
#ifdef BUG_ARM
     parked[me] = 1
#else
     d_step { parked[me] = !rung[me] } // arena/waiting.ts: platform.doorbell.arm(heard, sliceMs);
#endif
  :: else
  fi
}

/* #leave: one of the promises waits no more, without having taken anything */
inline leave() {
  q--;
  if
  :: q == 0 -> unmark(1) // arena/waiting.ts: if (this.#drop(events, waiter)) this.unmark(events, true);
  :: else -> serve() // arena/waiting.ts: else this.lookAgain(events);
  fi
}

/* An event loop: a turn is a new wait, the doorbell, an abort or a timer. */
proctype Agent(byte me) {
  NOTIFIER_VARS;
  bit got, isMarked, gone;
  byte q, slices, todo = PROMISES;
  {
    do
    :: todo > 0 -> /* waitAsync */
       todo--;
       if :: q == 0 -> look() :: else fi; // arena/waiting.ts: if (!this.#waiters.has(events) && attempt(0)) return resolve(true);
       if
       :: got -> got = 0
       :: else ->
          q++;
          if
          :: armed[me] -> serve() // arena/waiting.ts: if (this.#armed) this.#serve(events);
          :: else -> pump()
          fi
       fi
    :: armed[me] && !parked[me] ->
       armed[me] = 0; // arena/waiting.ts: Atomics.store(this.words, base + SLOT_ARMED, 0);
       pump()
    :: parked[me] && q > 0 && SLICE_ENDS -> parked[me] = 0; slices++
#if CANCEL > 0
    :: q > 0 && cancelled < CANCEL -> /* aborted */ cancelled++; leave()
    :: q > 0 && cancelled < CANCEL -> /* out of time */
       cancelled++;
       serve(); // arena/waiting.ts: this.lookAgain(events); // what came in time, for it and for those before it, this event loop may not have come to
       if :: q > 0 -> leave() :: 1 fi // arena/waiting.ts: if (!this.#waiters.get(events)?.includes(waiter)) return;
#endif
    :: q == 0 && todo == 0 && (parked[me] || !armed[me]) -> break
    :: q > 0 && todo == 0 && (parked[me] || !armed[me]) && NOTHING_COMES -> break
    od;
    atomic { if :: q > 0 -> overAgent[me] = 2 :: else -> overAgent[me] = 1 fi; q = 0; todo = 0; slices = 0 }
  } unless { deadAgent[me] }
}
#endif

#if DEATHS > 0
proctype Killer() {
  if
  :: atomic { !overThread[1] && SLEEPERS > 0 -> deadThread[1] = 1; asleep[1] = 0 }
#if AGENTS > 0
  :: atomic { !overAgent[1] -> deadAgent[1] = 1 }
#endif
#if PRODUCERS == 1
  :: atomic { left > 0 -> producerDead = 1; left = 0 }
#endif
  :: 1
  fi
}
#endif

init {
  atomic {
#if SLEEPERS > 0
    run Sleeper(1);
#endif
#if SLEEPERS > 1
    run Sleeper(2);
#endif
#if AGENTS > 0
    run Agent(1);
#endif
#if AGENTS > 1
    run Agent(2);
#endif
#if PRODUCERS > 0
    run Producer();
#endif
#if PRODUCERS > 1
    run Producer();
#endif
#if DEATHS > 0
    run Killer();
#endif
  }
  (_nr_pr == 1);
#if DEATHS == 0
  /* no bit of one that waits for nothing */
  assert(!(mask & 1) || (overAgent[1] == 2 && BIT(1) == 1) || (overAgent[2] == 2 && BIT(2) == 1));
  assert(!(mask & 2) || (overAgent[1] == 2 && BIT(1) == 2) || (overAgent[2] == 2 && BIT(2) == 2))
#endif
}

/*
 * The waiters of a Condition: src/sync/waiter-table.ts, and condition.ts as far as it waits and notifies.
 *
 * The lock is one step here (lock.pml), and a record's event count is a bit that stays until the waiter has seen it (waiting.pml). The table grows
 * before it is full, so there are as many records as waiters. Tickets do not come round.
 *
 * WAITERS, ROUNDS  how many wait, and how often each.
 * NOTIFIERS, COUNT how many notify, once each, and by which n; 0: by notifyAll.
 * TIMEOUT, ABORT   so many waits are out of time at any moment, or aborted, and say nothing of a notification then.
 * LOOKS            how often each waiter may look for the notified dead at any time. When nothing else can run, it does so whenever there is one to find.
 * DEATHS           so many waiters are killed, anywhere. KILL_NOTIFIERS: notifiers too.
 * BUG_*            planted bugs, each of which must be found.
 */
#ifndef WAITERS
#define WAITERS 2
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef NOTIFIERS
#define NOTIFIERS 1
#endif
#ifndef COUNT
#define COUNT 1
#endif
#ifndef DEATHS
#define DEATHS 0
#endif
#ifndef TIMEOUT
#define TIMEOUT 0
#endif
#ifndef ABORT
#define ABORT 0
#endif
#ifndef LOOKS
#define LOOKS 0
#endif
#define N (WAITERS + NOTIFIERS)
#define RECORDS WAITERS

#define FREE 0
#define WAITING 1
#define NOTIFIED 2

/* Who holds the lock; the records. */
byte lock = 0;
byte state[RECORDS + 1];
byte id[RECORDS + 1];
byte ticket[RECORDS + 1];
bit rung[RECORDS + 1];
byte nextTicket = 0;

byte timeouts = 0;
byte aborts = 0;
bit dead[N + 1];
bit over[N + 1];

/* What is checked: notifications that are under way or have come, waits that ended by one; who entered when. */
byte sent = 0;
byte received = 0;
byte entries = 0;
byte entered[RECORDS + 1];

#if DEATHS > 0
#define IS_DEAD(who) (dead[who])
#else
#define IS_DEAD(who) false
#endif
#define WAITS(r) (state[r] == WAITING && !IS_DEAD(id[r]))
#define DEAD_NOTIFIED(r) (state[r] == NOTIFIED && IS_DEAD(id[r]))
#if WAITERS == 2
#define ANY(what) (what(1) || what(2))
#else
#define ANY(what) (what(1) || what(2) || what(3))
#endif
#define TOLD_UNHEARD(r) (state[r] == NOTIFIED && !rung[r] && !IS_DEAD(id[r]))

/* died: the owner before us has ended, which we are told by an error */
inline acquire() {
  atomic { (lock == 0 || IS_DEAD(lock)) -> died = (lock != 0); lock = me }
}

inline release() {
  assert(lock == me);
  lock = 0
}

/* r: the earliest living waiter's record. Each record is one step. */
inline earliest() {
  atomic { r = 0; i = 1 }
  do
  :: atomic {
       i <= RECORDS ->
#ifdef BUG_TICKETS
       if :: WAITS(i) && r == 0 -> r = i :: else fi;
#else
       if
       :: WAITS(i) && (r == 0 || ticket[i] < lowest) -> r = i; lowest = ticket[i] // sync/waiter-table.ts: if (earliest === 0 || (((words[record + TICKET] as number) - (words[earliest + TICKET] as number)) | 0) < 0) earliest = record;
       :: else
       fi;
#endif
       i++
     }
  :: atomic { i > RECORDS -> i = 0; lowest = 0 }; break
  od
}

/* isFresh: by a notifier that holds the lock, not passed on from another waiter */
inline notify(count, isFresh) {
  left = count;
  do
  :: left > 0 -> // sync/waiter-table.ts: for (let left = count; left > 0; left--) {
     before = entries;
     earliest();
     if
     :: r == 0 -> // sync/waiter-table.ts: if (record === 0) return;
        d_step {
          /* nobody waits but those who have come since */
          i = 1;
          do
          :: i <= RECORDS -> assert(!WAITS(i) || entered[i] > before); i++
          :: else -> break
          od;
          i = 0; left = 0;
          if :: !isFresh -> sent-- :: else fi
        };
        break
     :: else ->
        seen = (state[r] == WAITING -> id[r] : 0); // sync/waiter-table.ts: const state = load(this.#words, record + STATE);
        d_step { // sync/waiter-table.ts: if (Atomics.compareExchange(this.#words, record + STATE, state, (state & ID) | NOTIFIED) !== state) return false;
          ok = (seen != 0 && state[r] == WAITING && id[r] == seen);
          if
          :: ok ->
             state[r] = NOTIFIED;
             if
             :: isFresh ->
                sent++;
                i = 1;
                do
                :: i <= RECORDS -> assert(!WAITS(i) || ticket[i] > ticket[r]); i++
                :: else -> break
                od;
                i = 0
             :: else
             fi
          :: else
          fi
        };
        if :: ok -> rung[r] = 1 :: else fi; // sync/waiter-table.ts: currentWaiting().notifyOne(record + EVENTS);
#ifdef BUG_NO_RETRY
        left--
#else
        left = left - ok // sync/waiter-table.ts: if ((state & WAITING) === 0 || !this.#tell(record, state)) left++; // it has just left, or been told by another one
#endif
     fi
  :: else -> break
  od;
  atomic { r = 0; seen = 0; ok = 0; before = 0 }
}

inline notifyAll() {
  r = 1;
  do
  :: r <= RECORDS ->
     seen = (state[r] == WAITING -> id[r] : 0);
     if
     :: seen != 0 -> // sync/waiter-table.ts: if ((state & WAITING) !== 0) this.#tell(record, state);
        d_step {
          ok = (state[r] == WAITING && id[r] == seen);
          if :: ok -> state[r] = NOTIFIED; sent++ :: else fi
        };
        if :: ok -> rung[r] = 1 :: else fi
     :: else
     fi;
     r++
  :: else -> break
  od;
  skip;
  d_step {
    i = 1;
    do
    :: i <= RECORDS -> assert(!WAITS(i)); i++
    :: else -> break
    od;
    r = 0; seen = 0; ok = 0; i = 0
  }
}

inline passOnFromDead() {
#if DEATHS > 0
  at = 1;
  do
  :: atomic { at <= RECORDS && !DEAD_NOTIFIED(at) -> at++ } // sync/waiter-table.ts: if ((state & NOTIFIED) === 0 || !isDead(words, state & ID)) continue;
  :: atomic { at <= RECORDS && DEAD_NOTIFIED(at) -> who = id[at] };
#ifdef BUG_PLAIN_STORE
     d_step { state[at] = FREE; id[at] = 0; ok = 1; at++ }
#else
     d_step { // sync/waiter-table.ts: if (Atomics.compareExchange(words, record + STATE, state, 0) === state) this.notify(1);
       ok = (state[at] == NOTIFIED && id[at] == who);
       if :: ok -> state[at] = FREE; id[at] = 0 :: else fi;
       at++
     };
#endif
     if :: ok -> notify(1, 0) :: else fi
  :: atomic { at > RECORDS -> at = 0; who = 0; ok = 0 }; break
  od;
  skip
#else
  skip
#endif
}

#define NOTIFIER_VARS byte r, i, lowest, left, before, seen, at, who; bit ok, died

/* record */
inline enter() {
#ifndef BUG_LATE_LOOK
  passOnFromDead(); // sync/waiter-table.ts: this.#passOnFromDead(); // before there is one more: what was notified before is not for those who come later
#endif
  d_step { mine = nextTicket; nextTicket++ } // sync/waiter-table.ts: const ticket = Atomics.add(words, this.#at + NEXT_TICKET, 1);
  record = 1;
  do
  :: assert(record <= RECORDS);
     d_step { seen = state[record]; who = id[record]; died = (seen != FREE && !IS_DEAD(who)) }
     if
     :: died -> record++ // sync/waiter-table.ts: if (state !== 0 && !isDead(words, state & ID)) continue;
     :: else ->
        ticket[record] = mine; // sync/waiter-table.ts: words[record + TICKET] = ticket;
        d_step { // sync/waiter-table.ts: if (Atomics.compareExchange(words, record + STATE, state, id | WAITING) !== state) continue;
          ok = (state[record] == seen && id[record] == who);
          if
          :: ok -> state[record] = WAITING; id[record] = me; rung[record] = 0; entries++; entered[record] = entries
          :: else
          fi
        };
        if
        :: ok -> break
        :: else -> record++
        fi
     fi
  od;
#ifndef BUG_FORGETS
  if :: seen == NOTIFIED -> notify(1, 0) :: else fi; // sync/waiter-table.ts: if ((state & NOTIFIED) !== 0) this.notify(1); // of one that ended
#endif
  atomic { seen = 0; who = 0; ok = 0; died = 0; mine = 0 }
}

/* was: whether it had been notified */
inline leave(counts) {
  d_step { // sync/waiter-table.ts: return (Atomics.exchange(this.#words, record + STATE, 0) & NOTIFIED) !== 0;
    assert(id[record] == me);
    was = (state[record] == NOTIFIED);
    state[record] = FREE; id[record] = 0;
    if :: was && counts -> received++; assert(received <= sent) :: else fi
  }
}

proctype Waiter(byte me) {
  NOTIFIER_VARS;
  byte record, mine, rounds, looks;
  bit failed, was;
  {
    do
    :: rounds < ROUNDS ->
       acquire();
       died = 0;
       enter(); // sync/condition.ts: const record = table.enter();
       release(); // sync/condition.ts: const pause = this.#lock[releaseAllSync]();
       do
       :: state[record] == NOTIFIED -> break // sync/waiter-table.ts: if (this.isNotified(record)) return true;
       :: else ->
endSleep: if
          :: rung[record] -> rung[record] = 0
          :: looks < LOOKS && ANY(DEAD_NOTIFIED) -> looks++; passOnFromDead()
#ifndef BUG_NO_LOOK
          :: timeout && ANY(DEAD_NOTIFIED) -> passOnFromDead() // sync/waiter-table.ts: this.#passOnFromDead();
#endif
          :: timeout && TOLD_UNHEARD(record)
#if TIMEOUT > 0
          :: atomic { timeouts < TIMEOUT -> timeouts++ } break
#endif
#if ABORT > 0
          :: atomic { aborts < ABORT -> aborts++; failed = 1 } break
#endif
          fi
       od;
       acquire(); // sync/condition.ts: this.#lock[reacquireSync](pause);
       if
       :: died || failed -> // sync/condition.ts: if (failure !== undefined) throw failure.error;
          leave(0);
#ifndef BUG_KEEPS
          if :: was -> notify(1, 0) :: else fi // sync/condition.ts: if (table.leave(record)) table.notify(1);
#endif
       :: else ->
          leave(1) // sync/condition.ts: return table.leave(record);
       fi;
       atomic { failed = 0; was = 0; died = 0; looks = 0; record = 0 }
       release();
       rounds++
    :: else -> break
    od;
    atomic { over[me] = 1; rounds = 0 }
  } unless { dead[me] }
}

proctype Notifier(byte me) {
  NOTIFIER_VARS;
  {
    acquire();
    died = 0;
#if COUNT == 0
    notifyAll();
#else
    notify(COUNT, 1);
#endif
    release();
    over[me] = 1
  } unless { dead[me] }
}

#if DEATHS > 0
#define KILLABLE(who) !dead[who] && !over[who]
proctype Killer() {
  byte deaths;
  do
  :: atomic {
       deaths < DEATHS ->
       if
       :: KILLABLE(1) -> dead[1] = 1
       :: KILLABLE(2) -> dead[2] = 1
#if WAITERS > 2
       :: KILLABLE(3) -> dead[3] = 1
#endif
#ifdef KILL_NOTIFIERS
       :: KILLABLE(WAITERS + 1) -> dead[WAITERS + 1] = 1
#endif
       :: else
       fi;
       deaths++
     }
  :: break
  od
}
#endif

init {
  atomic {
    run Waiter(1);
    run Waiter(2);
#if WAITERS > 2
    run Waiter(3);
#endif
    run Notifier(WAITERS + 1);
#if NOTIFIERS > 1
    run Notifier(WAITERS + 2);
#endif
#if DEATHS > 0
    run Killer();
#endif
  }
  /* in the end: no notification is under way while somebody waits */
  atomic {
    (timeout && !(ANY(WAITS) && ANY(DEAD_NOTIFIED)) && !ANY(TOLD_UNHEARD)) ->
    assert(!ANY(WAITS) || received == sent)
  }
}

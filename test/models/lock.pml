/*
 * The mutex: src/arena/mutex.ts with heir.ts. Threads that block and agents that wait by a promise, death at any step, giving up, the heir.
 *
 * The event count of the promises is taken as correct here (waiting.pml): a bit for each agent, and a bell.
 *
 * THREADS, AGENTS  how many of each; ids 1..THREADS, then the agents. ROUNDS: how often each acquires.
 * GIVEUP           a waiter may be out of time, a promise may be aborted, at any look.
 * DEATHS           so many are killed, anywhere.
 * SLICES           how often each sleep may end by itself, and only when nothing else can run: a state that needs more is a hang.
 *                  0: a waiter must be woken by somebody.
 * PATIENCE         how often one may be passed over before it asks to be the heir.
 * BUG_*            planted bugs, each of which must be found.
 */
#ifndef THREADS
#define THREADS 3
#endif
#ifndef AGENTS
#define AGENTS 0
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef DEATHS
#define DEATHS 0
#endif
#ifndef SLICES
#define SLICES 0
#endif
#ifndef PATIENCE
#define PATIENCE 1
#endif
#define N (THREADS + AGENTS)
#define IDS 5

/* The state word: owner, W, H. The heir word: an id, and above it the number of the claim. */
byte own = 0;
bit W = 0;
bit H = 0;
byte heir = 0;
#define ID(h) ((h) & 7)

bit dead[IDS];
bit over[IDS];
bit inside[IDS];
bit asleep[IDS];
#if AGENTS > 0
/* The event count of the lock, and the bells. */
bit flag[IDS];
bit rung[IDS];
bit listens[IDS];
#endif

#if DEATHS > 0
#define IS_DEAD(id) (dead[id])
#else
#define IS_DEAD(id) false
#endif

#define SLICE_ENDS (slices < SLICES && timeout)

#ifdef BUG_PLAIN
/* one that has slept acquires without W */
#define MAY_SLEEP 0
#else
#define MAY_SLEEP 1
#endif

inline loadState() {
  d_step { so = own; sw = W; sh = H }
}

/* ok: whether the state was so, sw, sh and is the new one now; else they are what was found */
inline cas(toOwn, toW, toH) {
  d_step {
    if
    :: own == so && W == sw && H == sh -> own = toOwn; W = toW; H = toH; ok = 1
    :: else -> so = own; sw = W; sh = H; ok = 0
    fi
  }
}

/* heir.ts, isAnothers(): h, another */
inline isAnothers() {
  h = heir; // arena/heir.ts: const heir = load(this.#words, this.#at);
  d_step {
    another = !(h == 0 || ID(h) == me || IS_DEAD(ID(h))); // arena/heir.ts: if (heir === 0 || (heir & ID) === this.#agent.id || isDead(this.#words, heir & ID)) return false;
    if :: !another -> h = 0 :: else fi
  }
  if
  :: another -> // its grace may be over at any look
     if
     :: h = 0
     :: d_step { if :: heir == h -> heir = 0 :: else fi; h = 0; another = 0 } // arena/heir.ts: Atomics.compareExchange(this.#words, this.#at, heir, 0);
     fi
  :: else
  fi
}

/* heir.ts, claim(): ok */
inline claim() {
  h = heir; // arena/heir.ts: const found = load(this.#words, this.#at);
  if
  :: h != 0 && h == mine -> ok = 1 // arena/heir.ts: if (found === this.#claim) return true;
  :: h != 0 && h != mine && !IS_DEAD(ID(h)) -> ok = 0 // arena/heir.ts: if (!isDead(this.#words, found & ID)) return false;
  :: else ->
     d_step {
       claims = 1 - claims; // arena/heir.ts: this.#claims = (this.#claims + 1) & CLAIM_MASK;
       if
       :: heir == h -> heir = me + 8 * claims; mine = heir; ok = 1 // arena/heir.ts: this.#claim = Atomics.compareExchange(this.#words, this.#at, found, claim) === found ? claim : 0;
       :: else -> mine = 0; ok = 0
       fi
     }
  fi;
  h = 0
}

inline withdraw() {
  if
  :: mine != 0 ->
     d_step { ok = 0; if :: heir == mine -> heir = 0; ok = 1 :: else fi; mine = 0 } // arena/heir.ts: return claim !== 0 && Atomics.compareExchange(this.#words, this.#at, claim, 0) === claim;
#ifndef BUG_WITHDRAW_UNTOLD
     if
     :: ok && own == 0 && W && H -> // arena/mutex.ts: if (load(this.#words, this.#at) !== reserved) return;
        so = 0; sw = 1; sh = 1;
        cas(0, 1, 0); // arena/mutex.ts: if (Atomics.compareExchange(this.#words, this.#at, reserved, MAY_SLEEP) === reserved) this.#tellOne();
        if :: ok -> tellOne() :: else fi
     :: else
     fi;
     atomic { ok = 0; so = 0; sw = 0; sh = 0 }
#else
     ok = 0
#endif
  :: else
  fi
}

/* mutex.ts, #attempt(mark): got */
inline attempt(withMark) {
  loadState(); // arena/mutex.ts: let state = load(words, this.#at);
  do
  :: so == 0 ->
     if :: sh -> isAnothers() :: else -> another = 0 fi; // arena/mutex.ts: if ((state & HAS_HEIR) !== 0 && this.#heir.isAnothers()) return NOT_ACQUIRED;
     if :: another -> got = 0; break :: else fi;
     cas(me, sw | withMark, 0); // arena/mutex.ts: next = (state & MAY_SLEEP) | me | mark;
     if :: ok -> got = 1; break :: else fi
#if DEATHS > 0
  :: so != 0 && dead[so] ->
     cas(me, 1, sh); // arena/mutex.ts: else if (this.#recovers && isDead(words, owner)) next = (state & ~OWNER) | me | MAY_SLEEP;
     if :: ok -> got = 1; break :: else fi
#endif
  :: so != 0 && !IS_DEAD(so) -> got = 0; break
  od;
  atomic { so = 0; sw = 0; sh = 0; another = 0; ok = 0 }
}

/* mutex.ts, #mark(isPassedOver): marked, and the state in so, sw, sh */
inline mark(isPassedOver) {
  loadState(); // arena/mutex.ts: const state = load(words, this.#at);
#ifdef BUG_OWN_RESERVATION
  another = sh; // the heir falls asleep on what is reserved for it
#else
  if :: so == 0 && sh -> isAnothers() :: else -> another = 0 fi; // arena/mutex.ts: if (isFree && ((state & HAS_HEIR) === 0 || !this.#heir.isAnothers())) return 0;
#endif
  if
  :: so == 0 && !another -> marked = 0
  :: else ->
     ok = 0;
     if :: isPassedOver && so != 0 -> claim() :: else fi; // arena/mutex.ts: const marked = state | MAY_SLEEP | (isPassedOver && !isFree && this.#heir.claim() ? HAS_HEIR : 0);
     hh = sh | ok;
     if
     :: sw && hh == sh -> marked = 1
     :: else ->
        cas(so, 1, hh); // arena/mutex.ts: if (state !== marked && Atomics.compareExchange(words, this.#at, state, marked) !== state) return 0;
        marked = ok;
        d_step { if :: ok -> sw = 1; sh = hh :: else fi }
     fi
  fi;
  d_step { ok = 0; hh = 0; another = 0; if :: !marked -> so = 0; sw = 0; sh = 0 :: else fi }
}

/* The kernel wakes one of those asleep: ok, whether there was one */
inline unparkOne() {
  atomic {
    if
    :: asleep[1] -> asleep[1] = 0; ok = 1
#if THREADS > 1
    :: asleep[2] -> asleep[2] = 0; ok = 1
#endif
#if THREADS > 2
    :: asleep[3] -> asleep[3] = 0; ok = 1
#endif
    :: else -> ok = 0
    fi
  }
}

inline unparkAll() {
  d_step { asleep[1] = 0; asleep[2] = 0; asleep[3] = 0 }
}

/* An agent that waits here is told, if there is one: its bit, then its bell. */
inline notifyOne() {
#if AGENTS > 0
  atomic {
    if
    :: flag[THREADS + 1] -> flag[THREADS + 1] = 0; h = THREADS + 1
#if AGENTS > 1
    :: flag[THREADS + 2] -> flag[THREADS + 2] = 0; h = THREADS + 2
#endif
    :: else -> h = 0
    fi
  }
  if :: h != 0 -> d_step { rung[h] = 1; h = 0 } :: else fi
#else
  skip
#endif
}

inline notifyAll() {
#if AGENTS > 0
  d_step {
    h = THREADS + 1;
    do
    :: h <= N -> if :: flag[h] -> flag[h] = 0; rung[h] = 1 :: else fi; h++
    :: else -> break
    od;
    h = 0
  }
#else
  skip
#endif
}

inline tellOne() {
  unparkOne();
  if :: !ok -> notifyOne() :: else fi // arena/mutex.ts: if (parking.unpark(this.#at, 1) === 0 || !parking.countsExactly) currentWaiting().notifyOne(this.#at + MUTEX_EVENTS);
}

/* The last of this agent that waited waits no more. */
inline stopWaiting() {
  withdraw()
}

inline enter() {
  d_step {
    assert(own == me);
    h = 1;
    do
    :: h <= N -> assert(!inside[h]); h++
    :: else -> break
    od;
    h = 0;
    inside[me] = 1
  }
}

/* mutex.ts, release() */
inline release() {
  inside[me] = 0;
  so = me; sw = 0; sh = 0;
  cas(0, 0, 0); // arena/mutex.ts: if (Atomics.compareExchange(this.#words, this.#at, me, 0) === me) return true;
  if
  :: ok -> skip
  :: else ->
     loadState(); // arena/mutex.ts: let state = load(words, this.#at);
     do
     :: assert(so == me); // arena/mutex.ts: if ((state & OWNER) === 0) return false;
        hh = 0;
        if
        :: sh -> h = heir; hh = (h != 0 && !IS_DEAD(ID(h))); h = 0 // arena/heir.ts: return heir !== 0 && !isDead(this.#words, heir & ID);
        :: else
        fi; // arena/mutex.ts: next = (state & HAS_HEIR) !== 0 && this.#heir.isNamed() ? HAS_HEIR | MAY_SLEEP : 0;
        cas(0, hh, hh); // arena/mutex.ts: const found = Atomics.compareExchange(words, this.#at, state, next);
        if :: ok -> break :: else fi
     od;
     if
     :: hh ->
#ifndef BUG_HEIR_UNTOLD
        unparkAll(); // arena/mutex.ts: parking.unpark(this.#at, EVERYBODY);
        notifyAll() // arena/mutex.ts: currentWaiting().notifyAll(this.#at + MUTEX_EVENTS);
#else
        skip
#endif
     :: !hh && sw ->
        tellOne() // arena/mutex.ts: } else if ((state & MAY_SLEEP) !== 0) this.#tellOne();
     :: else
     fi
  fi;
  d_step { so = 0; sw = 0; sh = 0; ok = 0; hh = 0 }
}

#define ATTEMPT_VARS byte so, h, mine, n, looks, slices; bit sw, sh, ok, hh, another, got, marked, claims

/* A thread: acquireSync, and release. */
proctype Thread(byte me) {
  ATTEMPT_VARS;
  {
    do
    :: n < ROUNDS ->
       assert(own != me);
       looks = 0;
       so = 0; sw = 0; sh = 0;
       cas(me, 0, 0); // arena/mutex.ts: if (Atomics.compareExchange(this.#words, this.#at, 0, this.#agent.id) !== 0) return false;
       got = ok;
       if
       :: got -> skip
       :: else ->
          attempt(0);
          if
          :: got -> skip
          :: else ->
             do /* #wait */
             :: attempt(MAY_SLEEP); // arena/mutex.ts: const result = this.#attempt(MAY_SLEEP);
                if :: got -> break :: else fi;
                mark(looks >= PATIENCE); // arena/mutex.ts: const marked = this.#mark(passedOver >= PATIENCE);
                if
                :: !marked // arena/mutex.ts: if (marked === 0) continue;
                :: else ->
                   if
                   :: /* parkOn */
                      atomic { if :: own == so && W == sw && H == sh -> asleep[me] = 1 :: else fi; so = 0; sw = 0; sh = 0; marked = 0 }
                      if
                      :: !asleep[me]
                      :: asleep[me] && SLICE_ENDS -> asleep[me] = 0; slices++
#ifdef BUG_GIVEUP
                      :: !asleep[me] -> break // woken when its time was over, and gone without a look
#endif
                      fi
#ifdef GIVEUP
                   :: 1 ->
                      d_step { so = 0; sw = 0; sh = 0; marked = 0 }
                      attempt(MAY_SLEEP); // arena/mutex.ts: if (leftMs <= 0) return this.#attempt(MAY_SLEEP);
                      break
#endif
                   fi
                fi;
                if :: looks < PATIENCE -> looks++ :: else fi // arena/mutex.ts: for (let passedOver = 0; ; passedOver++) {
             od;
             stopWaiting()
          fi
       fi;
       if
       :: got -> enter(); release()
       :: else
       fi;
       n++
    :: else -> break
    od;
    over[me] = 1
  } unless { dead[me] }
}

#if AGENTS > 0
/* waiting.ts, #unmark(): the bit is taken off; if it is gone although it stood, the notification is passed on. */
inline unmark() {
  d_step { ok = flag[me]; flag[me] = 0 }
  if :: !ok && stood -> notifyOne() :: else fi;
  ok = 0; stood = 0
}

/* mutex.ts, #attemptAsync(): got */
inline attemptAsync() {
  do
  :: attempt(MAY_SLEEP);
     if :: got -> withdraw(); break :: else fi;
     mark(looks > PATIENCE + 1); // arena/mutex.ts: result = this.#attemptAsync(looks > PATIENCE + 1); // the first two looks come before there is anything to wait for
     if :: marked -> d_step { so = 0; sw = 0; sh = 0; marked = 0 } break :: else fi
  od
}

/* An agent that waits by a promise, and releases. */
proctype Agent(byte me) {
  ATTEMPT_VARS;
  bit stood;
  {
    do
    :: n < ROUNDS ->
       assert(own != me);
       looks = 0;
       attemptAsync();
       if
       :: got -> skip
       :: else ->
pump:     rung[me] = 0;
serve:    stood = flag[me]; // arena/waiting.ts: const isMarked = this.isMarked(events);
          if :: looks < PATIENCE + 2 -> looks++ :: else fi;
          attemptAsync();
          if
          :: got -> unmark()
          :: !got && !stood -> flag[me] = 1; goto serve // arena/waiting.ts: this.mark(events); // and look once more: what came true before that has told nobody
          :: !got && stood ->
             stood = 0;
             if
             :: rung[me] -> goto pump
             :: !rung[me] && SLICE_ENDS -> slices++; goto pump
#ifdef GIVEUP
             :: /* aborted */ stood = 1; unmark()
             :: /* out of time */ looks++; attemptAsync(); stood = 1; unmark()
#endif
             fi
          fi
       fi;
       stopWaiting();
       if
       :: got -> enter(); release()
       :: else
       fi;
       n++
    :: else -> break
    od;
    over[me] = 1
  } unless { dead[me] }
}
#endif

#if DEATHS > 0
proctype Killer() {
  byte deaths, v;
  do
  :: deaths < DEATHS ->
     select(v : 1 .. N);
     atomic { if :: !dead[v] && !over[v] -> dead[v] = 1; asleep[v] = 0; inside[v] = 0 :: else fi; deaths++; v = 0 }
  :: break
  od
}
#endif

init {
  atomic {
    run Thread(1);
#if THREADS > 1
    run Thread(2);
#endif
#if THREADS > 2
    run Thread(3);
#endif
#if AGENTS > 0
    run Agent(THREADS + 1);
#endif
#if AGENTS > 1
    run Agent(THREADS + 2);
#endif
#if DEATHS > 0
    run Killer();
#endif
  }
  /* in the end: free, or in the hands of the dead */
  (_nr_pr == 1);
  assert(own == 0 || dead[own])
}

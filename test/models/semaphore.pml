/*
 * Semaphores: src/sync/permits.ts, semaphore.ts as far as it waits and releases, and arena/heir.ts. Threads that block, one wait each at a time.
 *
 * The event count is what it promises (waiting.pml): whoever is about to sleep does not if one was told since, and of those asleep one is woken.
 * A table is searched from its first word on.
 *
 * THREADS, ROUNDS  how many there are, and how often each acquires and releases.
 * PERMITS          how many permits there are. TRACKED: in a table; else in a count.
 * GIVES            so many are missing at first, and given at once by one that has never acquired. Counted only.
 * TIMEOUT          so many waits are out of time at any look.
 * PATIENCE         how often one may be passed over before it asks to be the heir.
 * DEATHS           so many are killed, anywhere. SLICES: how often each sleep may end by itself, and only when nothing else can run.
 * BUG_*            planted bugs, each of which must be found.
 */
#ifndef THREADS
#define THREADS 3
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef PERMITS
#define PERMITS 1
#endif
#ifndef GIVES
#define GIVES 0
#endif
#ifndef TIMEOUT
#define TIMEOUT 0
#endif
#ifndef PATIENCE
#define PATIENCE 1
#endif
#ifndef DEATHS
#define DEATHS 0
#endif
#ifndef SLICES
#define SLICES 0
#endif
#define N THREADS

/* The count word: how many are free, H. The heir word: an id, and above it the number of the claim. The table. */
byte permits = PERMITS - GIVES;
bit H = 0;
byte heir = 0;
#define ID(h) ((h) & 7)
#ifdef TRACKED
byte holder[PERMITS];
#endif

bit dead[N + 1];
bit over[N + 1];
bit asleep[N + 1];
bit told[N + 1];
byte timeouts = 0;

/* What is checked: who of the living holds one. */
bit inside[N + 1];

#if DEATHS > 0
#define IS_DEAD(id) (dead[id])
#else
#define IS_DEAD(id) false
#endif

/* heir.ts, isAnothers(): another; its grace may be over at any look */
inline isAnothers() {
  h = heir; // arena/heir.ts: const heir = load(this.#words, this.#at);
  another = !(h == 0 || ID(h) == me || IS_DEAD(ID(h))); // arena/heir.ts: if (heir === 0 || (heir & ID) === this.#agent.id || isDead(this.#words, heir & ID)) return false;
  if
  :: another ->
     if
     :: 1
     :: d_step { if :: heir == h -> heir = 0 :: else fi; another = 0 } // arena/heir.ts: Atomics.compareExchange(this.#words, this.#at, heir, 0);
     fi
  :: else
  fi;
  h = 0
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

/* ok: whether we were the heir until now */
inline withdraw() {
  d_step {
    ok = 0;
    if :: mine != 0 && heir == mine -> heir = 0; ok = 1 :: else fi; // arena/heir.ts: return claim !== 0 && Atomics.compareExchange(this.#words, this.#at, claim, 0) === claim;
    mine = 0
  }
}

inline notifyOne() {
  atomic {
    told[1] = 1; told[2] = 1; told[N] = 1;
    if
    :: asleep[1] -> asleep[1] = 0
    :: asleep[2] -> asleep[2] = 0
#if THREADS > 2
    :: asleep[3] -> asleep[3] = 0
#endif
    :: else
    fi
  }
}

inline notifyAll() {
  d_step {
    told[1] = 1; told[2] = 1; told[N] = 1;
    asleep[1] = 0; asleep[2] = 0; asleep[N] = 0
  }
}

inline notify(count) {
  n = count;
  do
  :: n > 0 -> notifyOne(); n--
  :: else -> break
  od
}

#ifdef TRACKED
#define IS_FREE(i) (holder[i] == 0 || IS_DEAD(holder[i]))

/* index: a free one among those from `start` on, else PERMITS */
inline findFree(start) {
  index = start;
  do
  :: atomic { index < PERMITS && !IS_FREE(index) -> index++ }
  :: index == PERMITS || IS_FREE(index) -> break
  od
}

/* got */
inline take() {
  do
  :: findFree(0); // sync/permits.ts: const index = this.#findFree(this.#hint, this.#permits);
     at = index;
     if
     :: at == PERMITS -> got = 0; break // sync/permits.ts: if (index < 0) return false;
     :: else ->
        sh = H; // sync/permits.ts: const hasHeir = load(words, this.watched) < 0;
        another = 0;
#ifndef BUG_UNRESERVED
        if
        :: sh ->
           findFree(at + 1);
           if
           :: index == PERMITS -> isAnothers() // sync/permits.ts: this.wasReserved = hasHeir && this.#findFree(index + 1, this.#permits - 1) < 0 && this.#heir.isAnothers();
           :: else
           fi
        :: else
        fi;
#endif
        if :: another -> got = 0; break :: else fi;
        so = holder[at]; // sync/permits.ts: const holder = load(words, at);
        if
        :: so != 0 && !IS_DEAD(so)
        :: else ->
           d_step { // sync/permits.ts: if (!this.#isFree(holder) || Atomics.compareExchange(words, at, holder, me) !== holder) continue;
#ifdef BUG_PLAIN_STORE
             got = 1;
#else
             got = (holder[at] == so);
#endif
             if :: got -> holder[at] = me :: else fi
           };
           if
           :: got ->
              h = heir;
              if
              :: sh && (h == 0 || IS_DEAD(ID(h))) -> H = 0 // sync/permits.ts: if (hasHeir && !this.#heir.isNamed()) Atomics.and(words, this.watched, MAX_COUNT);
              :: else
              fi;
              break
           :: else
           fi
        fi
     fi
  od;
  atomic { index = 0; at = 0; so = 0; sh = 0; h = 0; another = 0 }
}

/* sh: whether there is an heir */
inline give(count) {
  at = 0;
  do
  :: atomic { at < PERMITS && holder[at] != me -> at++ }
  :: at == PERMITS || holder[at] == me -> break
  od;
  assert(at < PERMITS);
  d_step { assert(holder[at] == me); holder[at] = 0 } // sync/permits.ts: if (!isIt(holder) || Atomics.compareExchange(words, at, holder, 0) !== holder) continue;
  at = 0;
  sh = H // sync/permits.ts: return Atomics.add(this.#words, this.watched, 1) < 0 ? GIVEN_TO_HEIR : GIVEN;
}

inline countFree() {
  so = 0; index = 0;
  do
  :: atomic { index < PERMITS -> so = so + IS_FREE(index); index++ }
  :: index == PERMITS -> break
  od;
  index = 0
}
#else

/* got */
inline take() {
  d_step { so = permits; sh = H } // sync/permits.ts: let word = load(this.#words, this.watched);
  do
  :: so == 0 -> got = 0; break // sync/permits.ts: if (count === 0) return false;
  :: else ->
     another = 0;
     at = sh;
#ifndef BUG_UNRESERVED
     if
     :: so == 1 && sh -> isAnothers(); at = 0 // sync/permits.ts: this.wasReserved = this.#heir.isAnothers();
     :: else
     fi;
#endif
     if :: another -> got = 0; break :: else fi;
     d_step { // sync/permits.ts: const found = Atomics.compareExchange(this.#words, this.watched, word, next);
       got = (permits == so && H == sh);
       if :: got -> permits = so - 1; H = at :: else -> so = permits; sh = H fi
     };
     if :: got -> break :: else fi
  od;
  atomic { at = 0; so = 0; sh = 0; another = 0 }
}

/* A loop of load and compareExchange that keeps nothing of what it read before is one step. sh: whether there is an heir */
inline give(count) {
  d_step { permits = permits + count; sh = H } // sync/permits.ts: const found = Atomics.compareExchange(this.#words, this.watched, word, word + n);
}

inline countFree() {
  so = permits // sync/permits.ts: return load(this.#words, this.watched) & MAX_COUNT;
}
#endif

/* semaphore.ts, #withdraw(permits) */
inline withdrawTelling() {
  withdraw();
#ifndef BUG_WITHDRAWS_UNTOLD
  if
  :: ok ->
     countFree(); // sync/semaphore.ts: if (this.#heir.withdraw() && permits.free() > 0) currentWaiting().notifyOne(this.#events);
     if
     :: so > 0 -> notifyOne()
     :: else
     fi;
     d_step { ok = 0; so = 0 }
  :: else
  fi
#endif
}

/* semaphore.ts, #attempt(looks): got */
inline attempt() {
  take();
  if
  :: got -> withdrawTelling() // sync/semaphore.ts: this.#withdraw(permits); // those of this agent that wait still were not passed over
  :: else ->
     if
     :: looks > PATIENCE -> claim() // sync/semaphore.ts: if (looks <= PATIENCE || !this.#heir.claim()) return false;
     :: else -> ok = 0
     fi;
     if
     :: ok ->
        H = 1; // sync/permits.ts: Atomics.or(this.#words, this.watched, HAS_HEIR);
#ifdef BUG_NO_LAST_LOOK
        skip
#else
        take() // sync/semaphore.ts: return permits.take(); // one that came free before we asked was reserved for nobody, and has told nobody
#endif
     :: else
     fi
  fi;
  ok = 0
}

proctype Thread(byte me) {
  byte rounds, looks, so, h, mine, n, at, index, slices;
  bit sh, ok, another, got, claims;
  {
    do
    :: rounds < ROUNDS ->
       take(); // sync/semaphore.ts: if (permits.take()) return true;
       if
       :: got
       :: else ->
          looks = 0;
          attempt(); // arena/waiting.ts: if (attempt(0)) return true;
          do
          :: got -> break
          :: else ->
             if :: looks <= PATIENCE -> looks++ :: else fi; // arena/waiting.ts: for (let looks = 1; ; looks++) {
             told[me] = 0; // arena/waiting.ts: const seen = this.registerSleeper(events);
             attempt();
             if
             :: got -> break
#if TIMEOUT > 0
             :: atomic { !got && timeouts < TIMEOUT -> timeouts++ } // arena/waiting.ts: if (leftMs <= 0) return this.#giveUpSync(events, attempt, looks);
                attempt();
                if :: !got -> notifyOne() :: else fi;
                break
#endif
             :: !got ->
                d_step { if :: !told[me] -> asleep[me] = 1 :: else fi } // arena/waiting.ts: parkBeside(options.agent?.() ?? 0, events + 1, seen, Math.min(sliceMs, leftMs, options.sliceMs ?? LAST_SLICE_MS));
                if
                :: !asleep[me]
#if DEATHS > 0
                :: asleep[me] && timeout && slices < SLICES -> asleep[me] = 0; slices++
#endif
                fi;
                attempt()
             fi
          od;
          withdrawTelling(); // sync/semaphore.ts: if (this.#waiting === 0 && this.#permits !== undefined) this.#withdraw(this.#permits);
       fi;
       atomic { so = 0; ok = 0; looks = 0; slices = 0 }
       if
       :: got ->
          d_step { inside[me] = 1; got = 0; assert(inside[1] + inside[2] + (N > 2 -> inside[N] : 0) <= PERMITS) }
          inside[me] = 0;
          give(1); // sync/semaphore.ts: const given = permits.give(n);
          if
#ifndef BUG_HEIR_UNTOLD
          :: sh -> sh = 0; notifyAll() // sync/semaphore.ts: waiting.notifyAll(this.#events); // it cannot be told which one that is
#endif
          :: else -> sh = 0; notify(1) // sync/semaphore.ts: if (given === GIVEN) waiting.notify(this.#events, n);
          fi
       :: else
       fi;
       rounds++
    :: else -> break
    od;
    over[me] = 1
  } unless { dead[me] }
}

#if GIVES > 0
proctype Giver() {
  byte n;
  bit sh;
  give(GIVES);
  if
  :: sh -> notifyAll()
  :: else -> notify(GIVES)
  fi
}
#endif

#if DEATHS > 0
#define KILLABLE(who) !dead[who] && !over[who]
proctype Killer() {
  byte deaths;
  do
  :: atomic {
       deaths < DEATHS ->
       if
       :: KILLABLE(1) -> dead[1] = 1; asleep[1] = 0; inside[1] = 0
       :: KILLABLE(2) -> dead[2] = 1; asleep[2] = 0; inside[2] = 0
#if THREADS > 2
       :: KILLABLE(3) -> dead[3] = 1; asleep[3] = 0; inside[3] = 0
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
  byte so, index;
  atomic {
    run Thread(1);
    run Thread(2);
#if THREADS > 2
    run Thread(3);
#endif
#if GIVES > 0
    run Giver();
#endif
#if DEATHS > 0
    run Killer();
#endif
  }
  /* in the end: all are free again, but for those of the dead where there is no table */
  (_nr_pr == 1);
  countFree();
  assert(so == PERMITS || (DEATHS > 0 && so < PERMITS));
#ifdef TRACKED
  assert(so == PERMITS)
#endif
}

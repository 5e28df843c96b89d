/*
 * The tasks of a JoinableQueue: src/queue/tasks.ts, with the get side of the ring (queue/ring.ts, channel.ts) as far as it takes part. Workers get a task, may
 * put a further one, and call theirs done, or leave that to another one.
 *
 * The get lock is what it promises (lock.pml): one holder, and who has it from a dead one knows. A put is one store.
 *
 * WORKERS    how many there are; each gets what there is until nothing is. RECORDS: as many as could be needed.
 * TASKS      so many are in the queue at first. FURTHER: so many are put by workers that have one in hand.
 * DELEGATED  so many are called done by another thread than got them.
 * DEATHS     so many workers are killed, anywhere.
 * JOIN       somebody looks whether all is done, at any time. Without DELEGATED: whose task it was is not known then.
 * BUG_*      planted bugs, each of which must be found.
 */
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef TASKS
#define TASKS 2
#endif
#ifndef FURTHER
#define FURTHER 0
#endif
#ifndef DELEGATED
#define DELEGATED 0
#endif
#ifndef DEATHS
#define DEATHS 0
#endif
#define N WORKERS

/* The ring's counts, the get lock, the table. Numbers of tasks are plain here; the phase is a word of its own, and changes in one step with the number. */
byte puts = TASKS;
byte gets = 0;
byte lock = 0;
byte id[N];
byte held[N];
bit bit0[N];
byte base[N];
bit phase[N];
byte at[N];
byte found = 0;

bit dead[N + 1];
bit over[N + 1];

/* What is checked: how many gets of each were committed and how many of those were called done by itself; how often anybody called one done. */
byte committed[N + 1];
byte ownDone[N + 1];
byte calls = 0;
byte given = 0;
byte delegated = 0;
byte further = 0;
bit workersGone = 0;
/* Whether all was done at some moment since the joiner began. */
bit wasDone = 0;

#define IN_HAND(who) (dead[who] -> 0 : committed[who] - ownDone[who])
#if WORKERS > 2
#define ALL_IN_HAND (IN_HAND(1) + IN_HAND(2) + IN_HAND(3))
#else
#define ALL_IN_HAND (IN_HAND(1) + IN_HAND(2))
#endif
#define NOTE wasDone = wasDone || (puts == gets && ALL_IN_HAND == 0)

/* #torn(record i, held h with the phase p, got g): t */
inline torn(i, h, p, g) {
  if
  :: at[i] != g -> t = 0 // queue/tasks.ts: if (load(words, record + AT) !== got || (held & 1) !== load(words, record + PHASE)) return 0;
  :: else ->
     if
     :: p != phase[i] -> t = 0
     :: else -> t = (h != base[i]) // queue/tasks.ts: return (held & ~1) === load(words, record + BASE) ? 0 : ONE; // a new record looks so before the first get of all
     fi
  fi
}

inline repair() {
  i = 0;
  do
  :: i < N && id[i] != 0 ->
     if
     :: dead[id[i]] ->
        d_step { h = held[i]; p = bit0[i] }
        torn(i, h, p, gets); // queue/tasks.ts: if (!isDead(words, id) || this.#torn(record, load(words, record + HELD), got) === 0) continue;
        if
        :: t -> d_step { held[i] = held[i] - 1; bit0[i] = 1 - bit0[i] } // queue/tasks.ts: Atomics.sub(words, record + HELD, words[record + PHASE] === 1 ? ONE + 1 : ONE - 1);
        :: else
        fi
     :: else
     fi;
     i++
  :: else -> break
  od;
  atomic { i = 0; h = 0; p = 0; t = 0 }
}

inline claim() {
  i = 0;
  do
  :: assert(i < N);
     d_step { who = id[i]; h = held[i]; p = bit0[i] } // queue/tasks.ts: const pair = Atomics.load(this.#longs, record >> 1);
     if
     :: who != 0 && !dead[who] -> i++ // queue/tasks.ts: if (holder !== 0 && !isDead(words, holder)) break;
     :: else ->
        base[i] = h; // queue/tasks.ts: Atomics.store(words, record + BASE, Number(pair >> 32n) & ~1);
        d_step { // queue/tasks.ts: if (Atomics.compareExchange(this.#longs, record >> 1, pair, pair - BigInt(holder) + BigInt(id)) !== pair) continue;
          t = (id[i] == who && held[i] == h && bit0[i] == p);
          if :: t -> id[i] = me; own = i + 1 :: else fi
        };
        if :: t -> break :: else fi
     fi
  od;
  atomic { i = 0; who = 0; h = 0; p = 0; t = 0 }
}

/* one call of taskDone by whoever has none in hand: t */
inline finishForAnother() {
  i = 0; t = 0;
  do
  :: i < N && id[i] != 0 ->
     g = gets; // queue/tasks.ts: const got = ring.got();
     d_step { who = id[i]; h = held[i]; p = bit0[i] }
     if
     :: dead[who] || h == base[i] -> i++ // queue/tasks.ts: if (id === 0 || isDead(words, id) || (held & ~1) === load(words, record + BASE)) break;
     :: else ->
#ifdef BUG_TAKES_UNCOMMITTED
        t = 0;
#else
        torn(i, h, p, g); // queue/tasks.ts: const torn = this.#torn(record, held, got);
#endif
        if
#ifndef BUG_OF_TWO_GETS
        :: gets != g -> t = 0 // queue/tasks.ts: if (ring.got() !== got) continue; // what was read may belong to two gets
        :: gets == g && h - t == base[i] -> i++; t = 0 // queue/tasks.ts: if ((held & ~1) - torn === load(words, record + BASE)) break;
#else
        :: h - t == base[i] -> i++; t = 0
#endif
        :: else ->
           d_step { // queue/tasks.ts: if (Atomics.compareExchange(this.#longs, record >> 1, pair, pair - ONE_OF_PAIR) === pair) return true;
             t = (id[i] == who && held[i] == h && bit0[i] == p);
             if :: t -> held[i] = held[i] - 1; calls++ :: else fi
           };
           if :: t -> break :: else fi
        fi
     fi
  :: else -> break
  od;
  if
  :: t
  :: else ->
     do
     :: q = found; // queue/tasks.ts: const found = load(this.#words, at);
        lostByAll();
        if
        :: sum <= q -> t = 0; break // queue/tasks.ts: if (this.#lostByAll(ring) - found <= 0) return false;
        :: else ->
           d_step { // queue/tasks.ts: if (Atomics.compareExchange(this.#words, at, found, found + 1) === found) return true;
             t = (found == q);
             if :: t -> found++; calls++ :: else fi
           };
           if :: t -> break :: else fi
        fi
     od
  fi
}

/* sum */
inline lostByAll() {
  do
  :: g = gets; // queue/tasks.ts: const got = ring.got();
     sum = 0; i = 0;
     do
     :: i < N && id[i] != 0 ->
        d_step { who = id[i]; h = held[i]; p = bit0[i] }
        if
        :: dead[who] -> torn(i, h, p, g); sum = sum + h - t // queue/tasks.ts: sum += isDead(words, id) ? (held & ~1) - this.#torn(record, held, got) : load(words, record + BASE);
        :: else -> sum = sum + base[i]
        fi;
        i++
     :: else -> break
     od;
     if :: gets == g -> break :: else fi // queue/tasks.ts: if (ring.got() === got) return sum / ONE; // else records may have changed hands, or been repaired, between two looks
  od;
  atomic { i = 0; who = 0; h = 0; p = 0; t = 0; g = 0 }
}

proctype Worker(byte me) {
  byte own, i, who, h, g, q, sum;
  bit p, t, inherited;
  {
    do
    :: atomic { lock == 0 || dead[lock] -> inherited = (lock != 0); lock = me }
#ifndef BUG_NO_REPAIR
       if
       :: inherited -> repair() // queue/channel.ts: if (acquired === ABANDONED) this.tasks?.repair(ring.got());
       :: else
       fi;
#endif
       inherited = 0;
       if
       :: gets == puts -> lock = 0; break
       :: else
       fi;
       if
       :: own == 0 -> claim() // queue/tasks.ts: const record = this.#findOwn() || this.#claim();
       :: else
       fi;
       phase[own - 1] = 1 - bit0[own - 1]; // queue/tasks.ts: store(words, record + PHASE, phase);
       at[own - 1] = gets; // queue/tasks.ts: store(words, record + AT, got);
#ifndef BUG_COUNTS_LATE
       d_step { held[own - 1] = held[own - 1] + 1; bit0[own - 1] = 1 - bit0[own - 1] } // queue/tasks.ts: Atomics.add(words, record + HELD, phase === 1 ? ONE + 1 : ONE - 1);
#endif
       d_step { gets++; committed[me] = committed[me] + 1; NOTE } // queue/ring.ts: store(words, at + RING_GET_COUNT, (count + 1) | 0); // commits; pairs with the load in tailIn()
#ifdef BUG_COUNTS_LATE
       d_step { held[own - 1] = held[own - 1] + 1; bit0[own - 1] = 1 - bit0[own - 1] }
#endif
       lock = 0;
       if
       :: d_step { further < FURTHER -> further++; puts++ }
       :: 1
       fi;
       if
#if DELEGATED > 0
       :: d_step { given < DELEGATED -> given++; delegated++ }
#endif
       :: d_step { 1 -> // queue/tasks.ts: if (Atomics.compareExchange(words, record + HELD, held, held - ONE) === held) return true;
            t = (held[own - 1] != base[own - 1]);
            if :: t -> held[own - 1] = held[own - 1] - 1; ownDone[me] = ownDone[me] + 1; calls++; NOTE :: else fi
          }
#if DELEGATED > 0
          if
          :: t
          :: else -> finishForAnother(); assert(t) // what it has got was called done in place of another one
          fi;
          atomic { i = 0; who = 0; h = 0; p = 0; g = 0; q = 0; sum = 0 }
#endif
          t = 0
       fi
    od;
    over[me] = 1
  } unless { dead[me] }
}

#if DELEGATED > 0
/* Calls done what others have got: as often as it was told to. */
proctype Collector() {
  byte i, who, h, g, q, sum;
  bit p, t;
  do
  :: delegated > 0 ->
     finishForAnother();
     assert(t); // it was got, committed and not done yet by anybody
     d_step { delegated--; i = 0; who = 0; h = 0; p = 0; t = 0; g = 0; q = 0; sum = 0 }
  :: delegated == 0 && workersGone -> break
  od
}
#endif

#ifdef JOIN
proctype Joiner() {
  byte g, i, who, h, sum;
  bit p, t;
  d_step { wasDone = 0; NOTE }
  do
  :: g = gets;
     if
     :: puts != gets -> break // queue/tasks.ts: if (ring.size() !== 0 || this.inHand() !== 0) return false;
     :: else
     fi;
     i = 0; sum = 0;
     do
     :: i < N && id[i] != 0 ->
        who = id[i];
        h = held[i];
        h = h - base[i];
        if :: !dead[who] -> sum = sum + h :: else fi;
        i++
     :: else -> break
     od;
     if
     :: sum != 0 -> break
     :: else ->
        if
#ifdef BUG_ONE_LOOK
        :: 1 -> assert(wasDone); break
#else
        :: gets == g && puts == g -> assert(wasDone); break // queue/tasks.ts: if (ring.got() === got && ring.size() === 0) return true;
        :: else
#endif
        fi
     fi
  od
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
       :: KILLABLE(1) -> d_step { dead[1] = 1; NOTE }
       :: KILLABLE(2) -> d_step { dead[2] = 1; NOTE }
       :: else
       fi;
       deaths++
     }
  :: break
  od
}
#endif

init {
  byte i, who, h, g, sum, all;
  bit p, t;
  atomic {
    run Worker(1);
    run Worker(2);
#if WORKERS > 2
    run Worker(3);
#endif
#if DELEGATED > 0
    run Collector();
#endif
#ifdef JOIN
    run Joiner();
#endif
#if DEATHS > 0
    run Killer();
#endif
  }
  (over[1] || dead[1]);
  (over[2] || dead[2]);
#if WORKERS > 2
  (over[3] || dead[3]);
#endif
  workersGone = 1;
  (_nr_pr == 1);
  /* in the end: what was committed was called done, is lost, or is in the hands of the living; and these have nothing in hand */
  lostByAll();
  all = sum - found + calls;
  sum = 0; i = 0;
  do
  :: i < N -> 
     if :: id[i] != 0 && !dead[id[i]] -> sum = sum + held[i] - base[i] :: else fi;
     i++
  :: else -> break
  od;
  assert(all + sum == gets);
  /* unless one was killed with a task in hand, of which another one's was called done: then that one has it still */
  assert(sum == 0 || (DELEGATED > 0 && DEATHS > 0))
}

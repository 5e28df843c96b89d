/*
 * The Barrier: src/sync/barrier.ts with arrivals.ts.
 *
 * The event count is a bit for each party, set by whoever tells all, cleared before a look (waiting.pml). Rounds are bytes and do not come round.
 *
 * PARTIES, COMERS  how many must come, and how many there are. ROUNDS: how often each comes, unless it is sent away.
 * ENDINGS          how many endings are remembered: few, so that a party can be away for longer.
 * ACTION           there is an action, run by the last one; it fails, or does not.
 * RESETS, ABORTS   how often somebody calls reset(), abort().
 * TIMEOUT          so many parties are out of time at any moment, or aborted, which is the same here.
 * DEATHS           so many are killed, anywhere. SLICES: how often each sleep may end by itself, and only when nothing else can run.
 * BUG_*            planted bugs, each of which must be found.
 */
#ifndef PARTIES
#define PARTIES 2
#endif
#ifndef COMERS
#define COMERS 2
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef ENDINGS
#define ENDINGS 2
#endif
#ifndef RESETS
#define RESETS 0
#endif
#ifndef ABORTS
#define ABORTS 0
#endif
#ifndef TIMEOUT
#define TIMEOUT 0
#endif
#ifndef DEATHS
#define DEATHS 0
#endif
#ifndef SLICES
#define SLICES 0
#endif
/* More rounds than can be: those of all arrivals, and of the resets. */
#define LAST_ROUND (COMERS * ROUNDS + RESETS + 1)

/* The state word: round, broken. Records: the round plus 1, and who. How rounds ended: that of a broken one, plus 1. */
byte round = 0;
bit broken = 0;
byte came[PARTIES];
byte who[PARTIES];
byte noted[ENDINGS];

bit rung[COMERS + 1];
bit dead[COMERS + 1];
bit over[COMERS + 1];
/* in which round each waits, plus 1 */
byte waits[COMERS + 1];
byte slices[COMERS + 1];
byte timeouts = 0;

/* What is checked: how each round has ended; the places taken in it, a bit each. */
#define PASSED 1
#define BROKEN 2
byte how[LAST_ROUND + 1];
byte places[LAST_ROUND + 1];

#if DEATHS > 0
#define IS_DEAD(id) (dead[id])
#else
#define IS_DEAD(id) false
#endif
#define IS_OVER(r) (round != r || broken)
#define HAS_ARRIVED(place, r) (came[place] > r)
#define DEAD_IN_ROUND(place) (HAS_ARRIVED(place, round) && IS_DEAD(who[place]))
/* one that waits although its round is over, or could be */
#define NEEDS_LOOK(id) (waits[id] != 0 && !IS_DEAD(id) && (IS_OVER(waits[id] - 1) || HAS_ARRIVED(PARTIES - 1, round) || DEAD_IN_ROUND(0) || DEAD_IN_ROUND(PARTIES / 2) || DEAD_IN_ROUND(PARTIES - 1)))
#if COMERS == 2
#define ANY(what) (what(1) || what(2))
#elif COMERS == 3
#define ANY(what) (what(1) || what(2) || what(3))
#else
#define ANY(what) (what(1) || what(2) || what(3) || what(4))
#endif
#define LOOKS_AGAIN(id) (NEEDS_LOOK(id) && slices[id] < SLICES)

inline tellAll() {
  d_step {
    i = 1;
    do
    :: i <= COMERS -> rung[i] = 1; i++
    :: else -> break
    od;
    i = 0
  }
}

/* All have come, and the action has run. */
inline complete() {
  d_step {
    ok = (round == mine && !broken);
    if :: ok -> assert(places[mine] == (1 << PARTIES) - 1); how[mine] = PASSED; round = mine + 1 :: else fi // sync/barrier.ts: this.#nextRound(round << 1);
  };
  if :: ok -> tellAll() :: else fi;
  ok = 0
}

inline breakRound(r) {
  d_step {
    ok = (round == r && !broken); // sync/barrier.ts: if (Atomics.compareExchange(words, this.#at + STATE_WORD, round << 1, (round << 1) | BROKEN) !== round << 1) return;
    if :: ok -> how[r] = BROKEN; broken = 1 :: else fi
  };
  if :: ok -> tellAll() :: else fi;
  ok = 0
}

/* from: how many have arrived in the round r, or in a later one */
inline count(r) {
  atomic { from = 0; to = PARTIES }
  do
  :: atomic {
       from < to ->
       middle = (from + to) / 2; // sync/arrivals.ts: const middle = (from + to) >> 1;
       if :: HAS_ARRIVED(middle, r) -> from = middle + 1 :: else -> to = middle fi // sync/arrivals.ts: if (this.#hasArrived(middle, round)) from = middle + 1;
     }
  :: from >= to -> break
  od;
  atomic { to = 0; middle = 0 }
}

/* arrived, and place; else all have, or the round is over */
inline arrive() {
  do
  :: count(mine); // sync/arrivals.ts: const place = this.count(round);
     if
     :: from == PARTIES -> arrived = 0; break
     :: from != PARTIES && came[0] > mine + 1 -> arrived = 0; break // sync/arrivals.ts: if (place === this.#parties || leadOf(Atomics.load(this.#longs, this.#at(0)), round) > 0) return -1;
     :: from != PARTIES && came[0] <= mine + 1 ->
        d_step { found = came[from]; foundWho = who[from] } // sync/arrivals.ts: const found = Atomics.load(this.#longs, at);
        if
#ifdef BUG_LATER_IS_EMPTY
        :: found == mine + 1
        :: found != mine + 1 ->
#else
        :: found > mine // sync/arrivals.ts: if (leadOf(found, round) >= 0) continue; // another one was quicker
        :: found <= mine ->
#endif
           d_step { // sync/arrivals.ts: if (Atomics.compareExchange(this.#longs, at, found, mine) === found) return place;
             arrived = (came[from] == found && who[from] == foundWho);
             if
             :: arrived ->
                came[from] = mine + 1; who[from] = me; place = from;
                assert(!(places[mine] & (1 << from)));
                places[mine] = places[mine] | (1 << from)
             :: else
             fi
           };
           if :: arrived -> break :: else fi
        fi
     fi
  od;
  atomic { from = 0; found = 0; foundWho = 0 }
}

/* One look of a party. looks: whether it has slept. */
inline look(looks) {
  if
  :: IS_OVER(mine) // sync/barrier.ts: if (this.#isOver(round)) return true;
  :: else ->
#ifdef ACTION
     allCame = 0;
#else
     count(mine); allCame = (from == PARTIES); from = 0;
#endif
     if
     :: allCame -> complete() // sync/barrier.ts: if (!this.#action.exists && this.#arrivals.count(round) === this.parties) this.#complete(round);
#if DEATHS > 0 && !defined(BUG_DEAD_UNSEEN)
     :: !allCame && looks -> // sync/barrier.ts: else if (looks > 1 && this.#arrivals.hasDead(round)) this.#break(round);
        atomic { to = 0; ok = 0 }
        do
        :: atomic { to < PARTIES && HAS_ARRIVED(to, mine) && !IS_DEAD(who[to]) -> to++ }
        :: atomic { to < PARTIES && HAS_ARRIVED(to, mine) && IS_DEAD(who[to]) -> ok = 1 }; break
        :: to == PARTIES -> break
        :: to < PARTIES && !HAS_ARRIVED(to, mine) -> break
        od;
        to = 0;
        if :: ok -> breakRound(mine) :: else fi
#endif
     :: else
     fi;
     allCame = 0
  fi
}

/* Until the round is over; inTime: else. */
inline waitFor() {
  atomic { waits[me] = mine + 1; rung[me] = 0; inTime = 1 }
  look(0);
  do
  :: IS_OVER(mine) -> break
  :: else ->
endSleep:
     if
     :: rung[me] -> rung[me] = 0; look(1)
#if DEATHS > 0
     :: timeout && NEEDS_LOOK(me) && slices[me] < SLICES -> slices[me]++; look(1)
#endif
#if TIMEOUT > 0
     :: atomic { timeouts < TIMEOUT -> timeouts++; inTime = 0 }; look(1); break
#endif
     fi
  od;
  atomic { waits[me] = 0; slices[me] = 0 }
}

/* isSentAway, unless the round was passed */
inline conclude() {
  d_step { behind = round - mine; isSentAway = broken }
  if
  :: behind == 0 && !isSentAway -> assert(!inTime && !arrived); isSentAway = 1 // sync/barrier.ts: if (roundOf(state) === round && (state & BROKEN) === 0)
  :: behind == 0 && isSentAway -> assert(how[mine] == BROKEN) // sync/barrier.ts: if (roundOf(state) === round) throw brokenError();
  :: behind != 0 ->
     found = noted[mine % ENDINGS]; // sync/barrier.ts: const noted = Atomics.load(this.#live(), this.#ending(round));
     d_step {
#ifndef BUG_STATE_FROM_BEFORE
       behind = round - mine; // sync/barrier.ts: const behind = (roundOf(this.#state()) - round) & ROUND_MASK; // after the note was read: it may be of the round that is on now, but of none that is later
#endif
       ahead = found - 1 - mine; // sync/barrier.ts: const ahead = (noted - 1 - round) & ROUND_MASK;
       if
       :: found == 0 || ahead > behind -> isSentAway = 0 // sync/barrier.ts: if (noted === 0 || ahead > behind) return place;
       :: else ->
          isSentAway = 1;
          if
          :: ahead == 0 -> assert(how[mine] == BROKEN) // sync/barrier.ts: if (ahead === 0) throw brokenError();
          :: else -> assert(behind >= ENDINGS)
          fi
       fi;
       assert(isSentAway || how[mine] == PASSED);
       found = 0; ahead = 0
     }
  fi;
  behind = 0
}

#define PARTY_VARS byte mine, i, from, to, middle, found, foundWho, behind, ahead; bit ok

proctype Party(byte me) {
  PARTY_VARS;
  byte place, rounds;
  bit arrived, allCame, inTime, isSentAway;
  {
    do
    :: rounds < ROUNDS ->
       arrived = 0;
       do
       :: !arrived && !isSentAway ->
          d_step { mine = round; isSentAway = broken } // sync/barrier.ts: if ((state & BROKEN) !== 0) throw brokenError();
          if
          :: isSentAway -> break
          :: else ->
             arrive(); // sync/barrier.ts: const place = this.#arrivals.arrive(round);
             if
             :: arrived
             :: else -> waitFor(); conclude() // sync/barrier.ts: this.#conclude(...arrival);
             fi
          fi
       :: else -> break
       od;
       if
       :: isSentAway -> break
       :: else ->
#ifdef ACTION
          if
          :: place == PARTIES - 1 ->
             if
             :: complete() // sync/barrier.ts: this.#complete(round);
             :: breakRound(mine)
             fi
          :: else
          fi;
#endif
          waitFor(); // sync/barrier.ts: waitFor(this.#attempt(round));
          if :: !inTime && !IS_OVER(mine) -> breakRound(mine) :: else fi; // sync/barrier.ts: if (!this.#isOver(round)) this.#break(round); // out of time
          conclude(); // sync/barrier.ts: return this.#conclude(round, place);
          if :: isSentAway -> breakRound(mine); break :: else fi
       fi;
       rounds++
    :: else -> break
    od;
    over[me] = 1
  } unless { dead[me] }
}

#if RESETS > 0
inline noteBroken() {
  do
  :: found = noted[mine % ENDINGS]; // sync/barrier.ts: const noted = Atomics.load(words, word);
     atomic { ahead = found - 1 - mine; behind = round - mine } // sync/barrier.ts: const behind = (roundOf(this.#state()) - round) & ROUND_MASK;
     if
     :: found != 0 && ahead <= behind -> break // sync/barrier.ts: if (noted !== 0 && ahead <= behind) return;
     :: else ->
        d_step { ok = (noted[mine % ENDINGS] == found); if :: ok -> noted[mine % ENDINGS] = mine + 1 :: else fi } // sync/barrier.ts: if (Atomics.compareExchange(words, word, noted, round + 1) === noted) return;
        if :: ok -> break :: else fi
     fi
  od;
  atomic { found = 0; ahead = 0; behind = 0; ok = 0 }
}

proctype Resetter() {
  PARTY_VARS;
  byte n;
  bit wasBroken;
  do
  :: n < RESETS ->
     do
     :: d_step { mine = round; wasBroken = broken } // sync/barrier.ts: const state = load(words, this.#at + STATE_WORD);
        if
        :: !wasBroken ->
           count(mine);
           if
           :: from == 0 -> break // sync/barrier.ts: if (this.#arrivals.count(round) === 0) return;
           :: else -> from = 0; breakRound(mine)
           fi
        :: else ->
#ifndef BUG_NOTES_LATE
           noteBroken();
#endif
           d_step {
             ok = (round == mine && broken); // sync/barrier.ts: if (Atomics.compareExchange(words, this.#at + STATE_WORD, state, next) !== state) return false;
             if :: ok -> round = mine + 1; broken = 0 :: else fi
           };
           if
           :: ok ->
              tellAll();
#ifdef BUG_NOTES_LATE
              noteBroken();
#endif
              break
           :: else
           fi
        fi
     od;
     n++
  :: else -> break
  od
}

#endif

#if ABORTS > 0
proctype Aborter() {
  PARTY_VARS;
  do
  :: broken -> break // sync/barrier.ts: while (!this.broken) this.#break(roundOf(this.#state()));
  :: else -> mine = round; breakRound(mine)
  od
}
#endif

#if DEATHS > 0
proctype Killer() {
  if
  :: atomic { !over[1] -> dead[1] = 1 }
  :: 1
  fi
}
#endif

init {
  atomic {
    byte id = 1;
    do
    :: id <= COMERS -> run Party(id); id++
    :: else -> break
    od;
#if RESETS > 0
    run Resetter();
#endif
#if ABORTS > 0
    run Aborter();
#endif
#if DEATHS > 0
    run Killer();
#endif
  }
  /* in the end: who still waits does so in a round that is not over, for a party that has not come */
  (timeout && !ANY(LOOKS_AGAIN));
  assert(!ANY(NEEDS_LOOK))
}

// Parking by POSIX semaphores, for systems whose kernel cannot wait on a word.
//
// The region holds a table of sleepers. Whoever parks takes one of them for the time of its sleep, writes there which word it waits for,
// and sleeps on that sleeper's own semaphore. Whoever unparks looks through the table for sleepers of its word and posts to theirs.
//
// One semaphore per sleeper, not one per hash bucket of words: with a shared one, a thread that wakes in vain and parks again takes the
// token that was posted for another, who then sleeps on although its word has changed. (Two sleepers, two words, one bucket, two tokens:
// the first takes both.) Here a token can reach nobody else.
//
// States of a sleeper: 0 = idle; word + 1 = asleep on that word; kNotified. Only the sleeper leaves 0, and whoever moves it from word + 1
// to kNotified owes it exactly one post. A process that dies leaves its sleepers taken: the next one that finds none free takes those of
// the dead.
#include <semaphore.h>
#include <signal.h>
#include <unistd.h>

#include <climits>
#include <new>

#include "parking.h"
#include "region.h"
#include "semaphore_wait.h"

namespace forkful::os {

namespace {

constexpr int kSleepers = 352;
constexpr uint32_t kIdle = 0;
constexpr uint32_t kNotified = UINT32_MAX;

// The number that a sleeper is stored under changes hands by these words alone, all of them sequentially consistent: parker and unparker
// each write one word and then read the other's (state and the word waited for), so one of the two sees the other.
struct SleeperTable {
  Word kind;     // ParkingKind, see parking.cc
  Word asleep;   // at least as many as sleep now; too high after a death, which costs a look through the table
  Word tickets;  // numbers the sleepers in order of arrival
  Word used;     // sleepers from here on were never taken
  char unused[48];
  Word state[kSleepers];
  Word ticket[kSleepers];
  Word pid[kSleepers];  // of who has taken it; 0 = free
  alignas(32) sem_t semaphore[kSleepers];
};
static_assert(sizeof(SleeperTable) <= region::kParkingTableBytes, "the table must fit where every region leaves room for it");
static_assert(offsetof(SleeperTable, kind) == 0, "parking.cc reads it there, whatever the parking");
static_assert(sizeof(sem_t) == 32, "the table is the same in every process of a family");

bool isGone(uint32_t pid) { return kill(static_cast<pid_t>(pid), 0) == -1 && errno == ESRCH; }

class SemaphoreParking final : public Parking {
 public:
  explicit SemaphoreParking(char* regionBase)
      : base_(regionBase), table_(*reinterpret_cast<SleeperTable*>(regionBase + region::kParkingTableOffset)) {}

  ParkResult park(Word& word, uint32_t expected, Deadline deadline) override {
    if (word.load() != expected) return ParkResult::kChanged;
    const int sleeper = take();
    if (sleeper == -1) return poll(word, expected, deadline);
    const ParkResult result = sleep(sleeper, word, expected, deadline);
    table_.pid[sleeper].store(0);
    return result;
  }

  ParkResult parkEither(Word& word, uint32_t expected, Word&, uint32_t, Deadline deadline) override {
    return park(word, expected, deadline);
  }

  int unpark(Word& word, int count) override {
    const uint32_t wanted = stateFor(word);
    int woken = 0;
    // The caller has changed the word: a parker that is not counted here yet will see the change when it re-reads the word.
    while (woken < count && table_.asleep.load() != 0) {
      const int sleeper = earliest(wanted);
      if (sleeper == -1) break;
      const uint32_t pid = table_.pid[sleeper].load();
      uint32_t expected = wanted;
      if (!table_.state[sleeper].compare_exchange_strong(expected, kNotified)) continue;
      sem_post(&table_.semaphore[sleeper]);
      // One that died asleep must not use up what was meant for the living.
      if (pid != 0 && !isGone(pid)) woken++;
    }
    return woken;
  }

  // A sleeper may have died a moment ago and not been reaped: it is counted then.
  bool countsExactly() const override { return false; }
  bool watchesTwo() const override { return false; }
  const char* name() const override { return "semaphore"; }

 private:
  uint32_t stateFor(const Word& word) const {
    return static_cast<uint32_t>((reinterpret_cast<uintptr_t>(&word) - reinterpret_cast<uintptr_t>(base_)) / sizeof(Word)) + 1;
  }

  int inUse() const {
    const uint32_t used = table_.used.load();
    return used < kSleepers ? static_cast<int>(used) : kSleepers;
  }

  /** A free sleeper, or one of a dead process, now ours; -1 when all are taken by the living. */
  int take() {
    const auto self = static_cast<uint32_t>(getpid());
    for (int i = 0; i < kSleepers; i++) {
      uint32_t owner = table_.pid[i].load(std::memory_order_relaxed);
      if (owner != 0 || !table_.pid[i].compare_exchange_strong(owner, self)) continue;
      raiseUsed(static_cast<uint32_t>(i) + 1);
      return i;
    }
    for (int i = 0; i < kSleepers; i++) {
      uint32_t owner = table_.pid[i].load();
      // From its id straight to ours: were it free in between, two who tidy up at once would disturb a third that has taken it.
      if (owner != 0 && owner != self && isGone(owner) && table_.pid[i].compare_exchange_strong(owner, self)) return i;
    }
    return -1;
  }

  void raiseUsed(uint32_t least) {
    uint32_t used = table_.used.load();
    while (used < least && !table_.used.compare_exchange_weak(used, least)) {
    }
  }

  ParkResult sleep(int sleeper, Word& word, uint32_t expected, Deadline deadline) {
    Word& state = table_.state[sleeper];
    const uint32_t asleep = stateFor(word);
    state.store(kIdle);  // a dead predecessor may have left another
    // Tokens left by one who posted late to a predecessor: at most one per such, and gone with this.
    while (sem_trywait(&table_.semaphore[sleeper]) == 0) {
    }
    table_.ticket[sleeper].store(table_.tickets.fetch_add(1));
    table_.asleep.fetch_add(1);
    state.store(asleep);
    ParkResult result = ParkResult::kChanged;
    // Asked again only now that unparkers can find us: see unpark().
    while (word.load() == expected) {
      if (!waitForPermit(table_.semaphore[sleeper], deadline)) {
        result = ParkResult::kTimedOut;
        break;
      }
      if (state.load() != asleep) break;  // else the token was an old one
    }
    // When this fails somebody has counted us as woken, at whatever point we were: then we were.
    uint32_t still = asleep;
    if (!state.compare_exchange_strong(still, kIdle)) {
      result = ParkResult::kWoken;
      state.store(kIdle);
    }
    table_.asleep.fetch_sub(1);
    return result;
  }

  /** With more sleepers than the table holds, the rest look at their word once in a millisecond. */
  static ParkResult poll(Word& word, uint32_t expected, Deadline deadline) {
    while (word.load() == expected) {
      const int64_t left = deadline.remainingNs();
      if (left == 0) return ParkResult::kTimedOut;
      const timespec pause{0, left < 1'000'000 ? static_cast<long>(left) : 1'000'000};
      nanosleep(&pause, nullptr);
    }
    return ParkResult::kChanged;
  }

  /** Of those in state `wanted` the one with the lowest ticket, counted round the wrap; -1 when there is none. */
  int earliest(uint32_t wanted) const {
    int best = -1;
    uint32_t bestTicket = 0;
    for (int i = 0, end = inUse(); i < end; i++) {
      if (table_.state[i].load() != wanted) continue;
      const uint32_t ticket = table_.ticket[i].load(std::memory_order_relaxed);
      if (best != -1 && static_cast<int32_t>(ticket - bestTicket) >= 0) continue;
      best = i;
      bestTicket = ticket;
    }
    return best;
  }

  char* base_;
  SleeperTable& table_;
};

}  // namespace

Status prepareSemaphoreTable(char* regionBase) {
  auto& table = *reinterpret_cast<SleeperTable*>(regionBase + region::kParkingTableOffset);
  // All at once by the creator, before anybody else can see the region: nobody can die half-way through somebody's first use.
  for (sem_t& semaphore : table.semaphore) {
    if (sem_init(&semaphore, 1, 0) == -1) return Status::lastError("sem_init");
  }
  return Status::success();
}

Parking& semaphoreParking(char* regionBase) {
  static SemaphoreParking* parking = new SemaphoreParking(regionBase);
  return *parking;
}

}  // namespace forkful::os

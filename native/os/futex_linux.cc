// Parking by futex(2) and futex_waitv(2). Words are shared between processes, so nothing here is FUTEX_PRIVATE.
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "parking.h"

namespace forkful::os {

namespace {

// By number and shape, since headers older than Linux 5.16 lack them. The number is the same on every architecture.
constexpr long kFutexWaitvCall = 449;
constexpr uint32_t kFutex32Shared = 2;
struct WaitvEntry {
  uint64_t expected;
  uint64_t address;
  uint32_t flags;
  uint32_t reserved;
};
static_assert(sizeof(WaitvEntry) == 24);

class FutexParking final : public Parking {
 public:
  FutexParking() {
    // No words to wait for is EINVAL where the call exists; ENOSYS or a sandbox's EPERM where it does not.
    watchesTwo_ = syscall(kFutexWaitvCall, nullptr, 0, 0, nullptr, CLOCK_MONOTONIC) == -1 && errno == EINVAL;
  }

  ParkResult park(Word& word, uint32_t expected, Deadline deadline) override {
    // The common refusal, without a system call.
    if (word.load() != expected) return ParkResult::kChanged;
    const timespec until = deadline.absolute();
    // The BITSET form takes an absolute time, so that a restart after a signal adds nothing.
    return outcome(retryOnInterrupt([&] {
      return syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, expected, &until, nullptr, FUTEX_BITSET_MATCH_ANY);
    }));
  }

  ParkResult parkEither(Word& word, uint32_t expected, Word& other, uint32_t otherExpected, Deadline deadline) override {
    if (!watchesTwo_) return park(word, expected, deadline);
    if (word.load() != expected || other.load() != otherExpected) return ParkResult::kChanged;
    const timespec until = deadline.absolute();
    WaitvEntry entries[] = {entryFor(word, expected), entryFor(other, otherExpected)};
    return outcome(retryOnInterrupt([&] { return syscall(kFutexWaitvCall, entries, 2, 0, &until, CLOCK_MONOTONIC); }));
  }

  int unpark(Word& word, int count) override {
    const long woken = syscall(SYS_futex, &word, FUTEX_WAKE, count, nullptr, nullptr, 0);
    return woken > 0 ? static_cast<int>(woken) : 0;
  }

  bool countsExactly() const override { return true; }
  bool watchesTwo() const override { return watchesTwo_; }
  const char* name() const override { return "futex"; }

 private:
  static WaitvEntry entryFor(Word& word, uint32_t expected) {
    return {expected, reinterpret_cast<uintptr_t>(&word), kFutex32Shared, 0};
  }
  static ParkResult outcome(long result) {
    if (result >= 0) return ParkResult::kWoken;
    if (errno == EAGAIN) return ParkResult::kChanged;
    if (errno == ETIMEDOUT) return ParkResult::kTimedOut;
    // A sandbox that forbids the call. Callers come back at once: a pause keeps them from burning the processor.
    const timespec pause{0, 1'000'000};
    nanosleep(&pause, nullptr);
    return ParkResult::kWoken;
  }

  bool watchesTwo_;
};

}  // namespace

Parking& futexParking() {
  static FutexParking* parking = new FutexParking;
  return *parking;
}

}  // namespace forkful::os

// Parking by __ulock_wait and __ulock_wake: what os_sync_wait_on_address (macOS 14.4) calls, and libc++ for std::atomic::wait before it.
#include <cerrno>
#include <climits>

#include "parking.h"

extern "C" int __ulock_wait(uint32_t operation, void* address, uint64_t expected, uint32_t timeoutMicroseconds);
extern "C" int __ulock_wake(uint32_t operation, void* address, uint64_t value);

namespace forkful::os {

namespace {

constexpr uint32_t kCompareAndWaitShared = 3;

class UlockParking final : public Parking {
 public:
  ParkResult park(Word& word, uint32_t expected, Deadline deadline) override {
    for (;;) {
      if (word.load() != expected) return ParkResult::kChanged;
      const int64_t left = (deadline.remainingNs() + 999) / 1000;
      if (left == 0) return ParkResult::kTimedOut;
      const uint32_t slice = left < INT_MAX ? static_cast<uint32_t>(left) : INT_MAX;
      if (__ulock_wait(kCompareAndWaitShared, &word, expected, slice) >= 0) return ParkResult::kWoken;
      if (errno != EINTR && errno != ETIMEDOUT && errno != EFAULT) return ParkResult::kWoken;
    }
  }

  ParkResult parkEither(Word& word, uint32_t expected, Word&, uint32_t, Deadline deadline) override {
    return park(word, expected, deadline);
  }

  int unpark(Word& word, int count) override {
    int woken = 0;
    while (woken < count && __ulock_wake(kCompareAndWaitShared, &word, 0) >= 0) woken++;
    return woken;
  }

  bool countsExactly() const override { return true; }
  bool watchesTwo() const override { return false; }
  const char* name() const override { return "ulock"; }
};

}  // namespace

Parking& futexParking() {
  static UlockParking* parking = new UlockParking;
  return *parking;
}

// macOS has no semaphores in shared memory.
Parking& semaphoreParking(char*) { return futexParking(); }
Status prepareSemaphoreTable(char*) { return Status::fail(ENOTSUP, "sem_init"); }

}  // namespace forkful::os

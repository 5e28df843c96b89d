#include <dlfcn.h>

#include <algorithm>

#include "semaphore_wait.h"

namespace forkful::os {

namespace {

constexpr int64_t kSecondNs = 1'000'000'000;

/** `ns` from now by the wall clock. */
timespec wallClockIn(int64_t ns) {
  timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  const int64_t sum = t.tv_nsec + ns;
  return {static_cast<time_t>(t.tv_sec + sum / kSecondNs), static_cast<long>(sum % kSecondNs)};
}

}  // namespace

bool waitForPermit(sem_t& semaphore, Deadline deadline) {
  // Looked up, since only younger C libraries have it (glibc 2.30).
  using ClockWait = int (*)(sem_t*, clockid_t, const timespec*);
  static const ClockWait clockWait = reinterpret_cast<ClockWait>(dlsym(RTLD_DEFAULT, "sem_clockwait"));
  if (clockWait != nullptr) {
    const timespec until = deadline.absolute();
    return retryOnInterrupt([&] { return clockWait(&semaphore, CLOCK_MONOTONIC, &until); }) == 0;
  }
  // The old call follows the wall clock, which may be set: so the time that is left is put on it anew, every second.
  while (!deadline.passed()) {
    const timespec until = wallClockIn(std::min(deadline.remainingNs(), kSecondNs));
    if (sem_timedwait(&semaphore, &until) == 0) return true;
  }
  return sem_trywait(&semaphore) == 0;
}

}  // namespace forkful::os

#include <algorithm>

#include "semaphore_wait.h"

namespace forkful::os {

namespace {

constexpr int64_t kFirstPauseNs = 50'000;
constexpr int64_t kLongestPauseNs = 10'000'000;

}  // namespace

// This system has no wait with a deadline: looks again and again, ever more seldom.
bool waitForPermit(sem_t& semaphore, Deadline deadline) {
  for (int64_t pauseNs = kFirstPauseNs;; pauseNs = std::min(2 * pauseNs, kLongestPauseNs)) {
    if (sem_trywait(&semaphore) == 0) return true;
    if (deadline.passed()) return false;
    const timespec pause = {0, static_cast<long>(std::min(pauseNs, deadline.remainingNs()))};
    nanosleep(&pause, nullptr);
  }
}

}  // namespace forkful::os

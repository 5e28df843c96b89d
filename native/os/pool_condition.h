#pragma once
// A condition variable whose waits end by CLOCK_MONOTONIC. Those of pthreads cannot be told to here: the addon's symbols have no versions, so on
// x86-64 the C library gives it pthread_cond_* as they were in 2002, which know no other clock than the wall's. A deadline of the other clock
// has always passed: whoever waits for it spins.

#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#include "word.h"

namespace forkful::os {

/** All methods REQUIRE: the mutex is held. Waits may end without a reason. */
class PoolCondition {
 public:
  void wait(pthread_mutex_t& mutex) { sleep(mutex, nullptr); }
  /** False at `until`, a time of CLOCK_MONOTONIC. */
  bool waitUntil(pthread_mutex_t& mutex, const timespec& until) { return sleep(mutex, &until); }
  void signal() { wake(1); }
  void broadcast() { wake(INT_MAX); }

 private:
  bool sleep(pthread_mutex_t& mutex, const timespec* until) {
    const uint32_t seen = changes_.load(std::memory_order_relaxed);
    pthread_mutex_unlock(&mutex);
    const long result = syscall(SYS_futex, &changes_, FUTEX_WAIT_BITSET_PRIVATE, seen, until, nullptr, FUTEX_BITSET_MATCH_ANY);
    const bool isLate = result == -1 && errno == ETIMEDOUT;
    pthread_mutex_lock(&mutex);
    return !isLate;
  }
  void wake(int count) {
    changes_.fetch_add(1, std::memory_order_relaxed);
    syscall(SYS_futex, &changes_, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
  }

  Word changes_{0};
};

}  // namespace forkful::os

#pragma once
// Sleeping until a process ends, by the best means of the system.

#include <sys/types.h>

#include "deadline.h"
#include "unique_fd.h"

namespace forkful::os {

class ProcessWatch {
 public:
  explicit ProcessWatch(pid_t pid);
  /** Returns soon after the process has ended, at the deadline at the latest, and possibly before either. */
  void wait(Deadline deadline);

 private:
  UniqueFd fd_;
  long pauseNs_ = 100'000;
};

}  // namespace forkful::os

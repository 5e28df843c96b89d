#pragma once
// fork(2) of a whole Node process, as far as the system and this library's own state go. The event loop is the caller's to mend.

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "deadline.h"
#include "status.h"

namespace forkful::os::forking {

/** Makes this process one that can be forked. Idempotent. Empty, or a sentence saying why it cannot be. */
std::string enable();

/** What was prepared for the last fork and may still hold. One per place where nothing else runs between its forks. */
struct Preparation {
  bool isDone = false;
  uint64_t finishedTasks = 0;
};

/**
 * Forks between two background tasks, with every other thread at rest. `pid` is 0 in the child, where the background tasks have new threads
 * and the waiter thread is forgotten. EBUSY: not at rest by the deadline. ENOTSUP: enable() has not succeeded. EPERM: not the main thread.
 *
 * `last` saves the work of a fork after which no background task has run. REQUIRES: then no JavaScript has run in between either.
 */
Status fork(Deadline quietBy, Preparation& last, pid_t& pid);

/** Whether no background task of V8's runs or waits. What they have asked the main thread to do may be to come. */
bool isIdle();

}  // namespace forkful::os::forking

#pragma once
// V8's background work in this process, taken over from Node's own threads. Without that a forked child would wait for ever for tasks
// that were given to threads it does not have, and its parent could not know when none is running.

#include <string>

#include "deadline.h"
#include "status.h"

namespace forkful::os::node_platform {

/** Idempotent, once per process. Empty, or a sentence saying why it cannot be done. Any thread. */
std::string adopt();
bool isAdopted();

// Around a fork(); the pool of worker_pool.h explains them. REQUIRES: isAdopted().
bool pause(Deadline deadline);
void resume();
void resumeInChild();
/** In a pause. */
uint64_t finishedTasks();
/** No background task runs, or could run now. */
bool isIdle();

}  // namespace forkful::os::node_platform

#pragma once
// Waiting for a permit of a POSIX semaphore with a deadline, which systems do in different ways.

#include <semaphore.h>

#include "deadline.h"

namespace forkful::os {

/** Blocks until it has taken a permit (true) or the deadline has passed (false), whatever signals come meanwhile. Any thread. */
bool waitForPermit(sem_t& semaphore, Deadline deadline);

}  // namespace forkful::os

#pragma once
// Whether all other threads of this process are at rest: a fork() then copies no half-done work of theirs.

#include "deadline.h"

namespace forkful::os {

/** Waits until every other thread is blocked in a system call that merely waits, seen twice in a row. False at the deadline. */
bool waitUntilQuiet(Deadline deadline);

/** Whether the system shows the threads of a process at all. */
bool canSeeThreads();

}  // namespace forkful::os

#pragma once
// Processes by descriptor: one that is held means one process for ever, whoever its parent is and whatever becomes of its number.

#include <sys/types.h>

#include "deadline.h"
#include "process_host.h"
#include "status.h"
#include "unique_fd.h"

namespace forkful::os::pidfd {

/** Close-on-exec. ESRCH when there is no such process, ENOSYS where the system has nothing of the kind. */
Status open(pid_t pid, UniqueFd& out);

/** `existed` is false when the process has ended and been reaped. */
Status signal(int pidfd, int signal, bool& existed);

enum class End { kRuns, kTold, kUntold };

/**
 * Waits until the process has ended, and tells how if that can be told: by its parent before it is reaped, by others afterwards, from
 * Linux 6.15 on. Leaves the zombie. kRuns: the deadline came first.
 */
Status wait(int pidfd, Deadline deadline, End& end, process_host::Exit& out);

/** Whether descriptors of processes work here: a sandbox may forbid them. */
bool isSupported();

}  // namespace forkful::os::pidfd

#pragma once
// What Node does not offer about processes. Safe from any thread; nothing here is meant for the time between fork and exec.

#include <sys/types.h>

#include "deadline.h"
#include "status.h"

namespace forkful::os::process_host {

/** How a process ended: by `signal` when that is not 0, else with `code`. */
struct Exit {
  int code = 0;
  int signal = 0;
};

/** Sends a signal. `existed` is false when the process has ended and been reaped. REQUIRES: pid > 0. */
Status kill(pid_t pid, int signal, bool& existed);

/**
 * Waits for a child, leaving its remains to whoever reaps it. `ended` is false when the deadline came first. ECHILD when it is not an
 * unreaped child.
 */
Status waitExit(pid_t pid, Deadline deadline, bool& ended, Exit& out);

/** Looks whether a child has ended, and reaps it then. ECHILD when it is no unreaped child. */
Status reap(pid_t pid, bool& ended, Exit& out);

/** The file mode creation mask. */
Status fileModeMask(mode_t& out);

/**
 * Has the kernel kill this process when the thread that made it ends. False when `parentPid` is not the parent (any more), or it cannot.
 */
bool dieWithParent(pid_t parentPid);

}  // namespace forkful::os::process_host

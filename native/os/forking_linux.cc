#include "forking.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>

#include "memory_map.h"
#include "node_exit.h"
#include "node_platform.h"
#include "permit_waiter.h"
#include "pidfd.h"
#include "quiescence.h"
#include "region.h"
#include "waiter_thread.h"

namespace forkful::os::forking {

namespace {

/** REQUIRES: the pool is paused, so V8 can neither begin anything nor map a page between the steps. */
Status prepare(Deadline quietBy, Preparation& last) {
  const uint64_t finished = node_platform::finishedTasks();
  if (last.isDone && last.finishedTasks == finished) return Status::success();
  if (!waitUntilQuiet(quietBy)) return Status::fail(EBUSY, "fork");
  if (Status status = memory_map::copyAllOnFork(); !status.ok()) return status;
  last = {true, finished};
  return Status::success();
}

/**
 * What other threads may be changing is locked, so that the child gets it whole. pthread_atfork() is not for this: the order matters, and
 * its handlers would run for every fork of the process, those before an exec too.
 */
pid_t forkWithOwnState() {
  region::lockForFork();
  WaiterThread::instance().lockForFork();
  PermitWaiter::lockForFork();
  const pid_t pid = ::fork();
  const int error = errno;
  PermitWaiter::afterFork(pid == 0);
  WaiterThread::instance().afterFork(pid == 0);
  region::unlockAfterFork();
  errno = error;
  return pid;
}

}  // namespace

std::string enable() {
  if (!canSeeThreads()) return "the threads of this process cannot be seen: /proc is not mounted, or closed to it";
  if (!pidfd::isSupported()) return "the system gives no descriptors of processes: that needs Linux 5.3, and no sandbox against pidfd_open";
  if (std::string reason = node_exit::prepare(); !reason.empty()) return reason;
  return node_platform::adopt();
}

Status fork(Deadline quietBy, Preparation& last, pid_t& pid) {
  if (!node_platform::isAdopted()) return Status::fail(ENOTSUP, "fork");
  if (syscall(SYS_gettid) != getpid()) return Status::fail(EPERM, "fork");
  // Or else what stdio holds would be written twice.
  fflush(stdout);
  fflush(stderr);
  if (!node_platform::pause(quietBy)) return Status::fail(EBUSY, "fork");
  Status status = prepare(quietBy, last);
  if (status.ok()) {
    pid = forkWithOwnState();
    if (pid == 0) {
      node_platform::resumeInChild();
      return status;
    }
    if (pid == -1) status = Status::lastError("fork");
  }
  node_platform::resume();
  return status;
}

bool isIdle() { return node_platform::isIdle(); }

}  // namespace forkful::os::forking

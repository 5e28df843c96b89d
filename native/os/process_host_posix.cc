#include <signal.h>
#include <sys/wait.h>

#include "process_host.h"
#include "process_watch.h"

namespace forkful::os::process_host {

namespace {

/** Asks about the child without waiting. Leaves the zombie: libuv reaps it, and must find it. */
Status lookAtChild(pid_t pid, bool& ended, Exit& out) {
  siginfo_t info{};
  const int result = retryOnInterrupt([&] { return waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT); });
  if (result == -1) return Status::lastError("waitid");
  ended = info.si_pid != 0;
  if (!ended) return Status::success();
  (info.si_code == CLD_EXITED ? out.code : out.signal) = info.si_status;
  return Status::success();
}

}  // namespace

Status kill(pid_t pid, int signal, bool& existed) {
  existed = ::kill(pid, signal) == 0;
  return existed || errno == ESRCH ? Status::success() : Status::lastError("kill");
}

Status waitExit(pid_t pid, Deadline deadline, bool& ended, Exit& out) {
  if (Status status = lookAtChild(pid, ended, out); !status.ok() || ended) return status;
  ProcessWatch watch(pid);
  // The watch may be a mere pause where the system has no better one, so the child itself is asked each time.
  for (;;) {
    const bool lastLook = deadline.passed();
    if (Status status = lookAtChild(pid, ended, out); !status.ok() || ended || lastLook) return status;
    watch.wait(deadline);
  }
}

Status reap(pid_t pid, bool& ended, Exit& out) {
  int status = 0;
  const pid_t reaped = retryOnInterrupt([&] { return waitpid(pid, &status, WNOHANG); });
  if (reaped == -1) return Status::lastError("waitpid");
  ended = reaped == pid;
  if (!ended) return Status::success();
  if (WIFSIGNALED(status)) {
    out.signal = WTERMSIG(status);
  } else {
    out.code = WEXITSTATUS(status);
  }
  return Status::success();
}

}  // namespace forkful::os::process_host

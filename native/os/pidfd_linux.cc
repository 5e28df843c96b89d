#include "pidfd.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>

namespace forkful::os::pidfd {

namespace {

// By number and shape, since headers of Linux 5.3, 5.1, 5.4 and 6.13 respectively are the first to have them. The same on every
// architecture but alpha.
constexpr long kPidfdOpenCall = 434;
constexpr long kPidfdSendSignalCall = 424;
constexpr int kIdIsPidfd = 3;
struct PidfdInfo {
  uint64_t mask;
  uint64_t cgroup;
  uint32_t ids[11];
  int32_t exitCode;
};
static_assert(sizeof(PidfdInfo) == 64);
constexpr unsigned long kGetInfo = _IOWR(0xFF, 11, PidfdInfo);
constexpr uint64_t kInfoExit = 1 << 3;

void decode(int status, process_host::Exit& out) {
  if (WIFSIGNALED(status)) {
    out.signal = WTERMSIG(status);
  } else {
    out.code = WEXITSTATUS(status);
  }
}

/** Of a child of this process that is not reaped; false for others. */
bool lookAtChild(int pidfd, End& end, process_host::Exit& out) {
  siginfo_t info{};
  const int options = WEXITED | WNOHANG | WNOWAIT;
  if (retryOnInterrupt([&] { return waitid(static_cast<idtype_t>(kIdIsPidfd), static_cast<id_t>(pidfd), &info, options); }) == -1) {
    return false;
  }
  end = info.si_pid == 0 ? End::kRuns : End::kTold;
  if (end == End::kTold) (info.si_code == CLD_EXITED ? out.code : out.signal) = info.si_status;
  return true;
}

}  // namespace

Status open(pid_t pid, UniqueFd& out) {
  out.reset(static_cast<int>(syscall(kPidfdOpenCall, pid, 0)));
  return out.valid() ? Status::success() : Status::lastError("pidfd_open");
}

Status signal(int pidfd, int signal, bool& existed) {
  existed = syscall(kPidfdSendSignalCall, pidfd, signal, nullptr, 0) == 0;
  return existed || errno == ESRCH ? Status::success() : Status::lastError("pidfd_send_signal");
}

Status wait(int pidfd, Deadline deadline, End& end, process_host::Exit& out) {
  end = End::kRuns;
  for (;;) {
    const bool lastLook = deadline.passed();
    pollfd entry{pidfd, POLLIN, 0};
    const timespec left = deadline.remaining();
    const int ready = ppoll(&entry, 1, &left, nullptr);
    if (ready == -1 && errno != EINTR) return Status::lastError("ppoll");
    if (ready == 1) {
      if ((entry.revents & POLLNVAL) != 0) return Status::fail(EBADF, "ppoll");
      break;
    }
    if (lastLook) return Status::success();
  }
  if (lookAtChild(pidfd, end, out) && end == End::kTold) return Status::success();
  PidfdInfo info{};
  info.mask = kInfoExit;
  end = End::kUntold;
  if (ioctl(pidfd, kGetInfo, &info) == -1 || (info.mask & kInfoExit) == 0) return Status::success();
  end = End::kTold;
  decode(info.exitCode, out);
  return Status::success();
}

bool isSupported() {
  UniqueFd self;
  bool existed = false;
  return open(getpid(), self).ok() && signal(self.get(), 0, existed).ok() && existed;
}

}  // namespace forkful::os::pidfd

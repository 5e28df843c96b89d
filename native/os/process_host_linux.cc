#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "process_host.h"
#include "process_watch.h"

namespace forkful::os {

namespace {
// By number, since headers older than Linux 5.3 lack it. The same on every architecture but alpha.
constexpr long kPidfdOpenCall = 434;
}  // namespace

ProcessWatch::ProcessWatch(pid_t pid) : fd_(static_cast<int>(syscall(kPidfdOpenCall, pid, 0))) {}

void ProcessWatch::wait(Deadline deadline) {
  if (!fd_.valid()) {
    // No pidfd (an old kernel, a sandbox): pauses that grow to 10 ms.
    const int64_t left = deadline.remainingNs();
    const timespec pause{0, left < pauseNs_ ? static_cast<long>(left) : pauseNs_};
    nanosleep(&pause, nullptr);
    if (pauseNs_ < 10'000'000) pauseNs_ *= 2;
    return;
  }
  pollfd entry{fd_.get(), POLLIN, 0};
  const timespec left = deadline.remaining();
  // A signal ends it early, which the caller allows for.
  ppoll(&entry, 1, &left, nullptr);
}

namespace process_host {

Status fileModeMask(mode_t& out) {
  // Not by umask(umask(0)): another thread that makes a file in between would make it open to all.
  char text[4096];
  const UniqueFd file(retryOnInterrupt([] { return open("/proc/self/status", O_RDONLY | O_CLOEXEC); }));
  if (!file.valid()) return Status::lastError("open");
  const ssize_t length = retryOnInterrupt([&] { return read(file.get(), text, sizeof text - 1); });
  if (length == -1) return Status::lastError("read");
  text[length] = '\0';
  const char* line = strstr(text, "\nUmask:");
  if (line == nullptr) return Status::fail(ENOSYS, "umask");  // before Linux 4.7
  out = static_cast<mode_t>(strtoul(line + 7, nullptr, 8));
  return Status::success();
}

bool dieWithParent(pid_t parentPid) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1) return false;
  // Asked after the request: a parent that ended before it sends no signal any more.
  return getppid() == parentPid;
}

}  // namespace process_host

}  // namespace forkful::os

#include <sys/event.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process_host.h"
#include "process_watch.h"

namespace forkful::os {

ProcessWatch::ProcessWatch(pid_t pid) : fd_(kqueue()) {
  struct kevent change;
  EV_SET(&change, pid, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, nullptr);
  if (fd_.valid() && kevent(fd_.get(), &change, 1, nullptr, 0, nullptr) == -1) fd_.reset();
}

void ProcessWatch::wait(Deadline deadline) {
  const timespec left = deadline.remaining();
  if (fd_.valid()) {
    struct kevent event;
    kevent(fd_.get(), nullptr, 0, &event, 1, &left);
    return;
  }
  const timespec pause{0, left.tv_sec == 0 && left.tv_nsec < pauseNs_ ? left.tv_nsec : pauseNs_};
  nanosleep(&pause, nullptr);
  if (pauseNs_ < 10'000'000) pauseNs_ *= 2;
}

namespace process_host {

// There is no way to ask. Another thread that makes a file in between would make it open to all: that is accepted here.
Status fileModeMask(mode_t& out) {
  out = umask(0);
  umask(out);
  return Status::success();
}

// macOS has no such request: children notice by their life word or by end of file.
bool dieWithParent(pid_t) { return false; }

}  // namespace process_host

}  // namespace forkful::os

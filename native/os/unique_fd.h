#pragma once
// A file descriptor that closes itself. Not copyable. The one place that knows about close-on-exec.

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "status.h"

namespace forkful::os {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    reset(other.release());
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1) {
    // Not retried after EINTR: Linux has closed the descriptor by then, and its number may belong to another thread already.
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

/** Keeps a descriptor that came by inheritance from leaking into every child of this process. */
inline Status setCloseOnExec(int fd) {
  const int flags = fcntl(fd, F_GETFD);
  if (flags == -1 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) == -1) return Status::lastError("fcntl");
  return Status::success();
}

}  // namespace forkful::os

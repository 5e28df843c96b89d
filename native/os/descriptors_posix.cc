#include "descriptors.h"

#include <sys/socket.h>

#include "deadline.h"

namespace forkful::os {

namespace {

/** Moves it out of the way of 0, 1 and 2. */
Status moveUp(UniqueFd& fd) {
  if (fd.get() > 2) return Status::success();
  const int moved = fcntl(fd.get(), F_DUPFD_CLOEXEC, 3);
  if (moved == -1) return Status::lastError("fcntl");
  fd.reset(moved);
  return Status::success();
}

}  // namespace

Status redirect(int fd, int onto) {
  if (fd == onto) {
    const int flags = fcntl(fd, F_GETFD);
    if (flags == -1 || fcntl(fd, F_SETFD, flags & ~FD_CLOEXEC) == -1) return Status::lastError("fcntl");
    return Status::success();
  }
  return retryOnInterrupt([&] { return dup2(fd, onto); }) == -1 ? Status::lastError("dup2") : Status::success();
}

Status becomeStdio(UniqueFd in, UniqueFd out, UniqueFd err) {
  UniqueFd* fds[] = {&in, &out, &err};
  for (UniqueFd* fd : fds) {
    if (Status status = moveUp(*fd); !status.ok()) return status;
  }
  for (int i = 0; i < 3; i++) {
    if (Status status = redirect(fds[i]->get(), i); !status.ok()) return status;
  }
  return Status::success();
}

Status fillStdio() {
  for (;;) {
    // The lowest free number is what open() gives.
    const int fd = retryOnInterrupt([] { return open("/dev/null", O_RDWR | O_CLOEXEC); });
    if (fd == -1) return Status::lastError("open");
    if (fd > 2) return UniqueFd(fd), Status::success();
    if (Status status = redirect(fd, fd); !status.ok()) return status;
  }
}

Status emptyStdin(bool isWatched) {
  if (isWatched) {
    int ends[2];
    if (pipe(ends) == -1) return Status::lastError("pipe");
    const UniqueFd nothing(ends[0]);
    const UniqueFd writer(ends[1]);
    return redirect(nothing.get(), STDIN_FILENO);
  }
  const UniqueFd nothing(retryOnInterrupt([] { return open("/dev/null", O_RDONLY | O_CLOEXEC); }));
  if (!nothing.valid()) return Status::lastError("open");
  return redirect(nothing.get(), STDIN_FILENO);
}

void replaceListener(int fd) {
  int isListening = 0;
  socklen_t length = sizeof isListening;
  if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &length) == -1 || isListening == 0) return;
  // A socket that is neither bound nor connected, nor ever will be.
  const UniqueFd dummy(socket(AF_UNIX, SOCK_DGRAM, 0));
  if (dummy.valid()) {
    retryOnInterrupt([&] { return dup2(dummy.get(), fd); });
    (void)setCloseOnExec(fd).ok();
  }
}

}  // namespace forkful::os

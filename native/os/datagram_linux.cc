#include "datagram.h"

#include <poll.h>
#include <sys/socket.h>

#include <cstring>

namespace forkful::os {

namespace {

// SCM_MAX_FD of the kernel.
constexpr size_t kMostFds = 253;

union Control {
  char bytes[CMSG_SPACE(kMostFds * sizeof(int))];
  cmsghdr alignment;
};

void takeFds(msghdr& message, std::vector<UniqueFd>& out) {
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int fd;
      memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
      out.emplace_back(fd);
    }
  }
}

/**
 * Calls again after ECONNRESET too. The other end was closed before it had read all: the kernel says so once, even before it gives out what
 * that end had sent, and then the end of file.
 */
template <class Call>
ssize_t retryReceive(Call call) {
  ssize_t result;
  do {
    result = retryOnInterrupt(call);
  } while (result == -1 && errno == ECONNRESET);
  return result;
}

/** The size of the next message, 0 for the end of file, or -1. Takes nothing. */
ssize_t nextSize(int fd) {
  return retryReceive([&] { return recv(fd, nullptr, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT); });
}

}  // namespace

Status socketPair(UniqueFd (&out)[2]) {
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == -1) return Status::lastError("socketpair");
  out[0].reset(fds[0]);
  out[1].reset(fds[1]);
  return Status::success();
}

Status sendDatagram(int fd, const void* data, size_t bytes, const int* fds, size_t fdCount, bool& sent) {
  sent = false;
  if (fdCount > kMostFds) return Status::fail(EINVAL, "sendmsg");
  iovec content{const_cast<void*>(data), bytes};
  msghdr message{};
  message.msg_iov = &content;
  message.msg_iovlen = 1;
  Control control;
  if (fdCount > 0) {
    memset(control.bytes, 0, CMSG_SPACE(fdCount * sizeof(int)));
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(fdCount * sizeof(int));
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fdCount * sizeof(int));
    memcpy(CMSG_DATA(header), fds, fdCount * sizeof(int));
  }
  sent = retryOnInterrupt([&] { return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL); }) != -1;
  return sent || errno == EAGAIN || errno == EWOULDBLOCK ? Status::success() : Status::lastError("sendmsg");
}

Status receiveDatagram(int fd, Deadline deadline, bool& came, Datagram& out) {
  came = false;
  ssize_t size;
  while ((size = nextSize(fd)) == -1) {
    if (errno != EAGAIN && errno != EWOULDBLOCK) return Status::lastError("recvmsg");
    if (deadline.passed()) return Status::success();
    pollfd entry{fd, POLLIN, 0};
    const timespec left = deadline.remaining();
    // Ends early for a signal: the loop looks again.
    if (ppoll(&entry, 1, &left, nullptr) == -1 && errno != EINTR) return Status::lastError("ppoll");
  }
  out.bytes.resize(static_cast<size_t>(size));
  out.fds.clear();
  char nothing;
  iovec content{size > 0 ? static_cast<void*>(out.bytes.data()) : &nothing, size > 0 ? static_cast<size_t>(size) : 1};
  msghdr message{};
  message.msg_iov = &content;
  message.msg_iovlen = 1;
  Control control;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof control.bytes;
  const ssize_t got = retryReceive([&] { return recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT); });
  if (got == -1) {
    // Another reader of the same socket was faster.
    return errno == EAGAIN || errno == EWOULDBLOCK ? Status::success() : Status::lastError("recvmsg");
  }
  takeFds(message, out.fds);
  if ((message.msg_flags & MSG_TRUNC) != 0) return Status::fail(EMSGSIZE, "recvmsg");
  out.bytes.resize(static_cast<size_t>(got));
  if ((message.msg_flags & MSG_CTRUNC) != 0) {
    out.fds.clear();
    return Status::fail(EMFILE, "recvmsg");
  }
  came = true;
  return Status::success();
}

bool isDatagramSocket(int fd) {
  int type = 0;
  socklen_t length = sizeof type;
  return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_SEQPACKET;
}

}  // namespace forkful::os

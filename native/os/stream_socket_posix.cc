#include "stream_socket.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/un.h>

#include <algorithm>
#include <climits>
#include <cstring>
#include <vector>

namespace forkful::os::stream_socket {

namespace {

#ifdef MSG_NOSIGNAL
constexpr int kWithoutSignal = MSG_NOSIGNAL;
#else
constexpr int kWithoutSignal = 0;  // Node ignores SIGPIPE
#endif

struct Name {
  sockaddr_storage storage{};
  socklen_t length = 0;

  sockaddr* any() { return reinterpret_cast<sockaddr*>(&storage); }
};

Status unixName(const std::string& path, Name& out) {
  auto& name = reinterpret_cast<sockaddr_un&>(out.storage);
  const bool isAbstract = !path.empty() && path[0] == '\0';
  // A path ends with a zero, a name of the abstract namespace with its length.
  if (path.size() + (isAbstract ? 0 : 1) > sizeof name.sun_path) return Status::fail(ENAMETOOLONG, "bind");
  if (path.empty() || (!isAbstract && path.find('\0') != std::string::npos)) return Status::fail(EINVAL, "bind");
  name.sun_family = AF_UNIX;
  memcpy(name.sun_path, path.data(), path.size());
  out.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (isAbstract ? 0 : 1));
  return Status::success();
}

Status nameOf(const Address& address, Name& out) {
  if (address.family == Family::kUnix) return unixName(address.host, out);
  // Numeric, and with the zone of a link-local address.
  addrinfo hints{};
  hints.ai_family = address.family == Family::kInet ? AF_INET : AF_INET6;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* found = nullptr;
  if (getaddrinfo(address.host.c_str(), nullptr, &hints, &found) != 0) return Status::fail(EINVAL, "getaddrinfo");
  out.length = found->ai_addrlen;
  memcpy(&out.storage, found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  const auto port = htons(static_cast<uint16_t>(address.port));
  if (address.family == Family::kInet) reinterpret_cast<sockaddr_in&>(out.storage).sin_port = port;
  else reinterpret_cast<sockaddr_in6&>(out.storage).sin6_port = port;
  return Status::success();
}

Status addressOf(Name& name, Address& out) {
  if (name.storage.ss_family == AF_UNIX) {
    const auto& local = reinterpret_cast<sockaddr_un&>(name.storage);
    const size_t length = name.length > offsetof(sockaddr_un, sun_path) ? name.length - offsetof(sockaddr_un, sun_path) : 0;
    const bool isAbstract = length > 0 && local.sun_path[0] == '\0';
    out = {Family::kUnix, std::string(local.sun_path, isAbstract ? length : strnlen(local.sun_path, length)), 0};
    return Status::success();
  }
  char host[INET6_ADDRSTRLEN + IF_NAMESIZE + 1];
  if (getnameinfo(name.any(), name.length, host, sizeof host, nullptr, 0, NI_NUMERICHOST) != 0) return Status::fail(EINVAL, "getnameinfo");
  const bool isInet = name.storage.ss_family == AF_INET;
  const auto port = isInet ? reinterpret_cast<sockaddr_in&>(name.storage).sin_port : reinterpret_cast<sockaddr_in6&>(name.storage).sin6_port;
  out = {isInet ? Family::kInet : Family::kInet6, host, ntohs(port)};
  return Status::success();
}

/** Where the system does it in one call there is no moment in which another thread's child could inherit the descriptor. */
#if defined(SOCK_CLOEXEC) && defined(SOCK_NONBLOCK)
int newSocket(int family) { return socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }
int acceptOne(int fd) {
  return retryOnInterrupt([&] { return accept4(fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK); });
}
#else
int prepared(int raw) {
  UniqueFd fd(raw);
  if (!fd.valid() || !setCloseOnExec(raw).ok() || fcntl(raw, F_SETFL, O_NONBLOCK) == -1) return -1;
  return fd.release();
}
int newSocket(int family) { return prepared(socket(family, SOCK_STREAM, 0)); }
int acceptOne(int fd) {
  return prepared(retryOnInterrupt([&] { return ::accept(fd, nullptr, nullptr); }));
}
#endif

/** Frames are written whole; what would be gained by waiting for more? Fails on a Unix socket, which never waits. */
void sendAtOnce(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

bool wouldBlock() { return errno == EAGAIN || errno == EWOULDBLOCK; }

int millisecondsUntil(Deadline deadline) {
  const int64_t ms = (deadline.remainingNs() + 999'999) / 1'000'000;
  return static_cast<int>(std::min<int64_t>(ms, INT_MAX));
}

}  // namespace

Status listen(const Address& address, int backlog, UniqueFd& out) {
  Name name;
  if (Status status = nameOf(address, name); !status.ok()) return status;
  UniqueFd fd(newSocket(name.storage.ss_family));
  if (!fd.valid()) return Status::lastError("socket");
  const int on = 1;
  // A port whose former connections linger may be used again; on a Unix socket it means nothing.
  if (address.family != Family::kUnix) setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd.get(), name.any(), name.length) == -1) return Status::lastError("bind");
  if (::listen(fd.get(), backlog) == -1) return Status::lastError("listen");
  out = std::move(fd);
  return Status::success();
}

Status connect(const Address& address, UniqueFd& out) {
  Name name;
  if (Status status = nameOf(address, name); !status.ok()) return {status.error, "connect"};
  UniqueFd fd(newSocket(name.storage.ss_family));
  if (!fd.valid()) return Status::lastError("socket");
  sendAtOnce(fd.get());
  // Interrupted, it goes on by itself, as one that is in progress does.
  if (::connect(fd.get(), name.any(), name.length) == -1 && errno != EINPROGRESS && errno != EINTR) return Status::lastError("connect");
  out = std::move(fd);
  return Status::success();
}

Status connectOutcome(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == -1) return Status::lastError("getsockopt");
  return error == 0 ? Status::success() : Status::fail(error, "connect");
}

Status accept(int fd, UniqueFd& out) {
  const int accepted = acceptOne(fd);
  if (accepted == -1) return wouldBlock() || errno == ECONNABORTED || errno == EPROTO ? Status::success() : Status::lastError("accept");
  out.reset(accepted);
  sendAtOnce(accepted);
  return Status::success();
}

Status localAddress(int fd, Address& out) {
  Name name;
  name.length = sizeof name.storage;
  if (getsockname(fd, name.any(), &name.length) == -1) return Status::lastError("getsockname");
  return addressOf(name, out);
}

Status peerAddress(int fd, Address& out) {
  Name name;
  name.length = sizeof name.storage;
  if (getpeername(fd, name.any(), &name.length) == -1) return Status::lastError("getpeername");
  return addressOf(name, out);
}

Status read(int fd, void* data, size_t size, ptrdiff_t& got) {
  got = retryOnInterrupt([&] { return recv(fd, data, size, MSG_DONTWAIT); });
  return got != -1 || wouldBlock() ? Status::success() : Status::lastError("recv");
}

Status write(int fd, const void* data, size_t size, ptrdiff_t& put) {
  put = retryOnInterrupt([&] { return send(fd, data, size, MSG_DONTWAIT | kWithoutSignal); });
  return put != -1 || wouldBlock() ? Status::success() : Status::lastError("send");
}

Status poll(Awaited* awaited, size_t count, Deadline deadline) {
  std::vector<pollfd> entries(count);
  for (size_t i = 0; i < count; i++) {
    entries[i] = {awaited[i].fd, static_cast<short>((awaited[i].readable ? POLLIN : 0) | (awaited[i].writable ? POLLOUT : 0)), 0};
    awaited[i].isReady = false;
  }
  for (;;) {
    const int ready = ::poll(entries.data(), static_cast<nfds_t>(count), millisecondsUntil(deadline));
    if (ready == -1 && errno != EINTR) return Status::lastError("poll");
    if (ready > 0) break;
    if (deadline.passed()) return Status::success();
  }
  for (size_t i = 0; i < count; i++) {
    if ((entries[i].revents & POLLNVAL) != 0) return Status::fail(EBADF, "poll");
    awaited[i].isReady = entries[i].revents != 0;
  }
  return Status::success();
}

Status resolve(const std::string& name, Family family, std::string& out) {
  addrinfo hints{};
  hints.ai_family = family == Family::kInet6 ? AF_INET6 : AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int result = getaddrinfo(name.c_str(), nullptr, &hints, &found);
  if (result == EAI_SYSTEM) return Status::lastError("getaddrinfo");
  if (result != 0) return Status::fail(result == EAI_AGAIN ? EAGAIN : result == EAI_MEMORY ? ENOMEM : ENOENT, "getaddrinfo");
  Name first;
  first.length = found->ai_addrlen;
  memcpy(&first.storage, found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  Address address;
  if (Status status = addressOf(first, address); !status.ok()) return status;
  out = address.host;
  return Status::success();
}

}  // namespace forkful::os::stream_socket

#pragma once
// Sockets of byte streams: TCP over IPv4 and IPv6, and Unix sockets. All are non-blocking and close-on-exec; only poll() waits, and resolve().

#include <sys/socket.h>

#include <cstddef>
#include <string>

#include "deadline.h"
#include "status.h"
#include "unique_fd.h"

namespace forkful::os::stream_socket {

enum class Family { kUnix, kInet, kInet6 };

struct Address {
  Family family = Family::kUnix;
  /** A numeric IP address, or the bytes of a path; with a zero in front a name of Linux's own namespace. A socket without a name has none. */
  std::string host;
  int port = 0;
};

/** Bound and listening. REQUIRES: 0 <= backlog. EINVAL for a host that is no numeric address of its family, ENAMETOOLONG for a path. */
Status listen(const Address& address, int backlog, UniqueFd& out);

/**
 * Begins to connect. When the socket is writable, `connectOutcome` tells how it went; of one that is connected already, too. EAGAIN: a Unix listener's queue
 * is full, and the system cannot tell when it no longer is.
 */
Status connect(const Address& address, UniqueFd& out);
Status connectOutcome(int fd);

/** `out` stays invalid when nobody is waiting to be accepted, or whoever was has gone again. */
Status accept(int fd, UniqueFd& out);

/** The socket's own address, or its peer's. */
Status localAddress(int fd, Address& out);
Status peerAddress(int fd, Address& out);

/** At most `size` bytes that are there. `got` is 0 at the end of the stream, -1 when there is nothing yet. REQUIRES: size > 0 */
Status read(int fd, void* data, size_t size, ptrdiff_t& got);

/** As many of the bytes as there is room for; -1 when there is none. A peer that is gone is EPIPE or ECONNRESET, never a signal. REQUIRES: size > 0 */
Status write(int fd, const void* data, size_t size, ptrdiff_t& put);

struct Awaited {
  int fd;
  bool readable;
  bool writable;
  /** Out: one of the two holds, or the stream has ended or failed. */
  bool isReady;
};

/** Blocks until something awaited is there, or the deadline; never early, whatever signals come. */
Status poll(Awaited* awaited, size_t count, Deadline deadline);

/** The first numeric address of that name in the family: kInet or kInet6. Blocks. ENOENT: there is none; EAGAIN: the name service does not answer. */
Status resolve(const std::string& name, Family family, std::string& out);

}  // namespace forkful::os::stream_socket

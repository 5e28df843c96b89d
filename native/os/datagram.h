#pragma once
// Messages with descriptors, over sockets that keep their boundaries and their order (SOCK_SEQPACKET). No call blocks but for a deadline.

#include <cstddef>
#include <string>
#include <vector>

#include "deadline.h"
#include "status.h"
#include "unique_fd.h"

namespace forkful::os {

/** Two connected ends, close-on-exec. */
Status socketPair(UniqueFd (&out)[2]);

/** `sent` is false when there is no room now. REQUIRES: bytes > 0, since an empty message looks like the end. */
Status sendDatagram(int fd, const void* data, size_t bytes, const int* fds, size_t fdCount, bool& sent);

struct Datagram {
  std::string bytes;  // empty: the other end is closed
  std::vector<UniqueFd> fds;  // close-on-exec
};

/** `came` is false when the deadline came first. EMFILE when descriptors had to be dropped for want of numbers: `out.bytes` is whole, `out.fds` empty. */
Status receiveDatagram(int fd, Deadline deadline, bool& came, Datagram& out);

/** Whether it is a socket of this kind. */
bool isDatagramSocket(int fd);

}  // namespace forkful::os

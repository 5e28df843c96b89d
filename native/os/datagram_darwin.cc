// macOS has no SOCK_SEQPACKET for local sockets. What uses it here, the fork server, is not for this system.
#include "datagram.h"

namespace forkful::os {

Status socketPair(UniqueFd (&)[2]) { return Status::fail(ENOTSUP, "socketpair"); }
Status sendDatagram(int, const void*, size_t, const int*, size_t, bool&) { return Status::fail(ENOTSUP, "sendmsg"); }
Status receiveDatagram(int, Deadline, bool&, Datagram&) { return Status::fail(ENOTSUP, "recvmsg"); }
bool isDatagramSocket(int) { return false; }

}  // namespace forkful::os

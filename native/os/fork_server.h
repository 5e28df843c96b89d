#pragma once
// The fork server: a process that does nothing but fork itself for its clients, and tell them when those children end.
//
// Over each client's socket (datagram.h), all numbers little endian:
//   request: u32 id, u32 flags (bit 0: daemon), payload; with two descriptors, the child's stdout and stderr
//   reply:   u32 kind, u32 id, i32 pid, i32 status
//     1 started, with the child's pidfd   2 ended; status = exit code or minus the signal   3 not forked; status = errno
//
// A child runs only if `started` lies in its client's socket: until then it waits at a pipe, and ends when that breaks. A client that
// goes takes its daemons with it; the server goes with its last client.

#include <string>

#include "status.h"
#include "unique_fd.h"

namespace forkful::os {

/** What a child finds itself with. */
struct ForkedChild {
  std::string payload;
  /** A socket by which a child of the server, or its descendants, can send it a further client's socket: one byte with one descriptor. */
  UniqueFd door;
  /** For waitForGo(). */
  UniqueFd go;
};

/**
 * Serves. Returns in a child, with its stdio in place and nothing of the server's left open but what is in `out`; or at once with a failure
 * to begin. In the server it ends by _exit(0) when the last client has gone. Takes over `clientFd`. REQUIRES: main thread, no JavaScript.
 */
Status serveForks(UniqueFd clientFd, ForkedChild& out);

/** In the child, once it could run: returns when its client has been told, and ends the process when that cannot be any more. */
void waitForGo(UniqueFd go);

}  // namespace forkful::os

#pragma once
// Giving out duplicates of descriptors to other processes of the same user, as CPython's resource_sharer does: a thread of this process serves whoever
// presents a ticket that cannot be guessed, however busy the other threads are. In the system's namespace of sockets without files.

#include <array>

#include "status.h"
#include "unique_fd.h"

namespace forkful::os::descriptor_door {

/** Random: the name of a door, or what is presented there. */
using Key = std::array<unsigned char, 16>;

/** Keeps a duplicate of `fd` for those who present `ticket` at `door`, which this process has as long as it lends something. ENOSYS where there is no such thing. */
Status lend(int fd, Key& door, Key& ticket);

/**
 * A duplicate of what is lent; close-on-exec. Blocks for as long as the door takes. ECONNREFUSED: its process has ended, or lends nothing; ENOENT: not this;
 * ETIMEDOUT: the process has not answered within `patienceMs`, in which time that this process was stopped does not count: it is stopped.
 */
Status borrow(const Key& door, const Key& ticket, double patienceMs, UniqueFd& out);

/** Nobody will present the ticket any more: whoever lent closes its duplicate. As `borrow`; a door that is gone is no failure. */
Status release(const Key& door, const Key& ticket, double patienceMs);

/** In a forked child: what its parent lends is its parent's to give. */
void becomeForked();

}  // namespace forkful::os::descriptor_door

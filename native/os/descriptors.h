#pragma once
// Moving file descriptors to numbers.

#include "status.h"
#include "unique_fd.h"

namespace forkful::os {

/** `onto` becomes another name of `fd`, which stays, and survives an exec. */
Status redirect(int fd, int onto);

/** The three become 0, 1 and 2, whatever numbers they have now, each other's included. Their old numbers are closed. */
Status becomeStdio(UniqueFd in, UniqueFd out, UniqueFd err);

/** Opens /dev/null for those of 0, 1 and 2 that are closed: no descriptor opened from then on is taken for one of them. */
Status fillStdio();

/** Nothing is to be read from 0 any more. `isWatched`: an event loop has it, which could not wait for /dev/null. */
Status emptyStdin(bool isWatched);

/**
 * When `fd` is a listening socket it becomes something that never has anything to read, and this process no longer accepts for whoever
 * else has the socket. Otherwise nothing happens.
 */
void replaceListener(int fd);

}  // namespace forkful::os

#pragma once
// The mappings of this process, as /proc/self/maps has them.

#include <cstddef>
#include <cstdint>

#include "status.h"

namespace forkful::os::memory_map {

/** Whether the byte at `address` may be written now; false too when that cannot be told. */
bool isWritable(uintptr_t address);

/**
 * Has fork() copy every private mapping. V8 asks the kernel to leave out its heap and code (MADV_DONTFORK), anew for every chunk that it
 * maps: what this undoes holds only until V8 runs again, on any thread.
 */
Status copyAllOnFork();

/**
 * In a forked child that will never run JavaScript, nor anything else that allocates: lets go of what it shares with others, and of most of
 * what its parent would have to copy before writing to it. Best effort.
 */
void abandonMost();

}  // namespace forkful::os::memory_map

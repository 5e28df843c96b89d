#pragma once
// How much memory a process could still get without anybody being killed for it.

#include <cstddef>

namespace forkful::os {

/**
 * A careful guess in bytes, from the system and the container's limit, whichever is less; SIZE_MAX where neither tells. Costs some 50 µs.
 */
size_t availableMemory();

}  // namespace forkful::os

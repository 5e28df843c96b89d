#pragma once
// Shared memory without a name: made, checked, mapped, backed with memory and given back. One file per system.
//
// All functions are thread-safe and keep no state. None is meant for the time between fork and exec.

#include <cstddef>

#include "status.h"
#include "unique_fd.h"

namespace forkful::os {

inline constexpr size_t kPageBytes = 4096;

/** Anonymous shared memory of exactly `bytes`, sealed against change of size where the system can. No memory is used until touched. */
Status createShared(size_t bytes, UniqueFd& out);

/** Whether `fd` is memory made by createShared() of at least `bytes`: touching a mapping of anything shorter would be a SIGBUS. */
Status checkShared(int fd, size_t bytes);

/** Maps the first `bytes` for reading and writing. The caller owns the mapping: munmap(out, bytes). */
Status mapShared(int fd, size_t bytes, void*& out);

/**
 * Backs the range with memory, zeroed where it was never used. Refuses (ENOMEM) what the system or the container could only grant by
 * killing somebody. After a failure part of the range may be backed: punch what you do not keep.
 */
Status commit(int fd, size_t offset, size_t bytes);

/** Gives the range back; it reads as zeros afterwards. REQUIRES: both numbers are multiples of kPageBytes. */
Status punch(int fd, size_t offset, size_t bytes);

}  // namespace forkful::os

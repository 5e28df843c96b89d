#pragma once
// Shared memory with a name, as shm_open() makes it, for programs outside the family (CPython's SharedMemory is the same thing).
//
// A name is one path component without its leading slash. All functions are thread-safe.

#include <cstddef>

#include "status.h"
#include "unique_fd.h"

namespace forkful::os::named_segment {

/**
 * Makes a segment of `bytes`, all backed with memory (ENOSPC instead of a SIGBUS later). EEXIST when the name is taken. Leaves nothing when
 * it fails.
 */
Status create(const char* name, size_t bytes, UniqueFd& out);
/** Opens an existing one. ENOENT when there is none. */
Status open(const char* name, UniqueFd& out);
/** Its present size. */
Status size(int fd, size_t& out);
/** Maps the first `bytes`. The mapping outlives descriptor and name; the caller owns it: unmap(out, bytes). */
Status map(int fd, size_t bytes, void*& out);
void unmap(void* base, size_t bytes);
/** Removes the name; those who have it open keep the memory. */
Status unlink(const char* name);

}  // namespace forkful::os::named_segment

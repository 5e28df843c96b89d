#pragma once
// Shared memory with a name, as shm_open() makes it, for programs outside the family (CPython's SharedMemory is the same thing).
//
// A name is one path component without its leading slash. All functions are thread-safe.

#include <cstddef>
#include <cstdint>

#include "status.h"
#include "unique_fd.h"

namespace forkful::os::named_segment {

/**
 * Makes a segment of `bytes`, all backed with memory (ENOSPC instead of a SIGBUS later). EEXIST when the name is taken. Leaves nothing when
 * it fails. Where the system can, the name appears last, in one step: nobody finds a segment that is not whole. What tells the segment from
 * all others that ever have its name is stored in `*identity`, if given, before that (where the system cannot, right after it).
 */
Status create(const char* name, size_t bytes, uint64_t* identity, UniqueFd& out);
/** Opens an existing one. ENOENT when there is none. */
Status open(const char* name, UniqueFd& out);
/** Its present size. */
Status size(int fd, size_t& out);
/** Maps the first `bytes`. The mapping outlives descriptor and name; the caller owns it: unmap(out, bytes). */
Status map(int fd, size_t bytes, void*& out);
void unmap(void* base, size_t bytes);
/**
 * Lets go of the segment, while somebody may still look at the mapping: from now on that is private memory of zeros, which costs nothing until written to.
 * Still to be unmapped. ENOMEM: nothing has changed.
 */
Status letGo(void* base, size_t bytes);
/** Removes the name; those who have it open keep the memory. */
Status unlink(const char* name);
/** The identity of what has that name now; 0: nothing has, or it cannot be told. */
uint64_t identityOf(const char* name);

}  // namespace forkful::os::named_segment

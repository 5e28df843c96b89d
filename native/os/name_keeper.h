#pragma once
// The keeper of names: a small process that outlives the family, however that ends, and removes the segments that the family listed as its
// own and left behind.
//
// All processes of a family have the region open through one open file description. Whoever starts the keeper locks that (flock); the
// keeper has the region open through another one and waits for the lock: the kernel gives it when the last descriptor of the family is
// closed. Then the keeper reads the list, which lies in the region:
//   head:   u32 number of the list's first page, 0 for none
//   page:   u32 number of the next page, 0 for none; records from kFirstRecord on, kRecords of them
//   record: i32 state, 0 for a free one; 4 bytes unused; u64 identity (named_segment.h); name, with a zero at its end
// src/shared/segment-names.ts writes it.

#include <sys/types.h>

#include <cstddef>

#include "status.h"

namespace forkful::os::name_keeper {

inline constexpr size_t kPageBytes = 65536;
inline constexpr size_t kFirstRecord = 64;
inline constexpr size_t kRecordBytes = 320;
inline constexpr size_t kRecords = (kPageBytes - kFirstRecord) / kRecordBytes;
inline constexpr size_t kIdentityAt = 8;
inline constexpr size_t kNameAt = 16;

/**
 * Starts one, unless `former` (0: none) still runs; it waits already when this returns. `regionFd`: this process's descriptor of the region; `headOffset`: of the list's head in
 * it. ENOTSUP where that cannot be done.
 */
Status start(int regionFd, size_t headOffset, pid_t former, pid_t& out);

}  // namespace forkful::os::name_keeper

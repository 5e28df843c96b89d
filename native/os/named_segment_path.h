#pragma once
// How named segments are found and backed on this system: the part of named_segment.h that differs.

#include "named_segment.h"

namespace forkful::os::named_segment {

/** Opens for reading and writing, close-on-exec; `flags` may add O_CREAT | O_EXCL (mode 0600). EINVAL for a name that is none. */
Status openByName(const char* name, int flags, UniqueFd& out);
/** A segment without a name, to be given one. ENOTSUP where there are none such. */
Status openNameless(UniqueFd& out);
/** Gives it that name. EEXIST when it is taken. */
Status giveName(int fd, const char* name);
Status backWithMemory(int fd, size_t bytes);

}  // namespace forkful::os::named_segment

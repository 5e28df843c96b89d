#include <sys/mman.h>

#include <cstdio>
#include <cstring>

#include "named_segment_path.h"

namespace forkful::os::named_segment {

namespace {

constexpr size_t kNameBytes = 32;  // PSHMNAMLEN, with slash and end

Status slashed(const char* name, char (&out)[kNameBytes]) {
  if (name[0] == '\0' || strchr(name, '/') != nullptr) return Status::fail(EINVAL, "shm_open");
  if (strlen(name) + 2 > kNameBytes) return Status::fail(ENAMETOOLONG, "shm_open");
  snprintf(out, sizeof out, "/%s", name);
  return Status::success();
}

}  // namespace

Status openByName(const char* name, int flags, UniqueFd& out) {
  char full[kNameBytes];
  if (Status status = slashed(name, full); !status.ok()) return status;
  const int fd = shm_open(full, O_RDWR | flags, 0600);
  if (fd == -1) return Status::lastError("shm_open");
  out.reset(fd);
  return setCloseOnExec(fd);
}

Status openNameless(UniqueFd&) { return Status::fail(ENOTSUP, "shm_open"); }

Status giveName(int, const char*) { return Status::fail(ENOTSUP, "shm_open"); }

// Memory comes with the first touch, as with anonymous segments (mapping_darwin.cc).
Status backWithMemory(int, size_t) { return Status::success(); }

Status unlink(const char* name) {
  char full[kNameBytes];
  if (Status status = slashed(name, full); !status.ok()) return status;
  return shm_unlink(full) == -1 ? Status::lastError("shm_unlink") : Status::success();
}

}  // namespace forkful::os::named_segment

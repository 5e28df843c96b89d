// By open() below /dev/shm, which is what shm_open() does here: the call itself would bind the addon to young C libraries.
#include <climits>
#include <cstdio>
#include <cstring>

#include "deadline.h"
#include "named_segment_path.h"

namespace forkful::os::named_segment {

namespace {

constexpr size_t kPathBytes = sizeof("/dev/shm/") + NAME_MAX;

Status pathOf(const char* name, char (&path)[kPathBytes]) {
  const size_t length = strlen(name);
  const bool isFolder = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
  if (length == 0 || isFolder || strchr(name, '/') != nullptr) return Status::fail(EINVAL, "shm_open");
  if (length > NAME_MAX) return Status::fail(ENAMETOOLONG, "shm_open");
  snprintf(path, sizeof path, "/dev/shm/%s", name);
  return Status::success();
}

}  // namespace

Status openByName(const char* name, int flags, UniqueFd& out) {
  char path[kPathBytes];
  if (Status status = pathOf(name, path); !status.ok()) return status;
  const int fd = retryOnInterrupt([&] { return ::open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600); });
  if (fd == -1) return Status::lastError("shm_open");
  out.reset(fd);
  return Status::success();
}

Status backWithMemory(int fd, size_t bytes) {
  const int result = retryOnInterrupt([&] { return fallocate(fd, 0, 0, static_cast<off_t>(bytes)); });
  return result == -1 ? Status::lastError("fallocate") : Status::success();
}

Status unlink(const char* name) {
  char path[kPathBytes];
  if (Status status = pathOf(name, path); !status.ok()) return status;
  return ::unlink(path) == -1 ? Status::lastError("shm_unlink") : Status::success();
}

}  // namespace forkful::os::named_segment

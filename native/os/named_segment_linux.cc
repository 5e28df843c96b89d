// By open() below /dev/shm, which is what shm_open() does here: the call itself would bind the addon to young C libraries.
#include <fcntl.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <cstring>

#include "deadline.h"
#include "named_segment_path.h"

namespace forkful::os::named_segment {

namespace {

constexpr char kFolder[] = "/dev/shm/";
constexpr size_t kPathBytes = sizeof kFolder + NAME_MAX;

Status pathOf(const char* name, char (&path)[kPathBytes]) {
  const size_t length = strlen(name);
  const bool isFolder = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
  if (length == 0 || isFolder || strchr(name, '/') != nullptr) return Status::fail(EINVAL, "shm_open");
  if (length > NAME_MAX) return Status::fail(ENAMETOOLONG, "shm_open");
  // No snprintf: the keeper of names (name_keeper.h) has little of a C library left.
  memcpy(path, kFolder, sizeof kFolder - 1);
  memcpy(path + sizeof kFolder - 1, name, length + 1);
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

Status openNameless(UniqueFd& out) {
  const int fd = retryOnInterrupt([] { return ::open("/dev/shm", O_RDWR | O_CLOEXEC | O_TMPFILE, 0600); });
  if (fd == -1) return Status::lastError("shm_open");
  out.reset(fd);
  return Status::success();
}

Status giveName(int fd, const char* name) {
  char path[kPathBytes];
  if (Status status = pathOf(name, path); !status.ok()) return status;
  char nameless[64];
  snprintf(nameless, sizeof nameless, "/proc/self/fd/%d", fd);
  const int result = linkat(AT_FDCWD, nameless, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
  return result == -1 ? Status::lastError("shm_open") : Status::success();
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

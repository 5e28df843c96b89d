// macOS has no memfd and no sealing: a segment that loses its name at once comes closest. Its size can be set only once there.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>

#include "deadline.h"
#include "file_info.h"
#include "mapping.h"

namespace forkful::os {

Status createShared(size_t bytes, UniqueFd& out) {
  static std::atomic<unsigned> serial{0};
  char name[31];  // PSHMNAMLEN
  snprintf(name, sizeof name, "/forkful.%d.%u", getpid(), serial.fetch_add(1));
  UniqueFd fd(shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600));
  if (!fd.valid()) return Status::lastError("shm_open");
  shm_unlink(name);
  if (Status status = setCloseOnExec(fd.get()); !status.ok()) return status;
  if (retryOnInterrupt([&] { return ftruncate(fd.get(), static_cast<off_t>(bytes)); }) == -1) return Status::lastError("ftruncate");
  out = std::move(fd);
  return Status::success();
}

Status checkShared(int fd, size_t bytes) {
  FileInfo info;
  if (Status status = fileInfo(fd, info); !status.ok()) return status;
  return info.bytes >= bytes ? Status::success() : Status::fail(EINVAL, "mmap");
}

Status mapShared(int fd, size_t bytes, void*& out) {
  void* base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (base == MAP_FAILED) return Status::lastError("mmap");
  out = base;
  return Status::success();
}

// Such a segment cannot be backed in advance, nor given back in part: memory comes with the first touch and goes with the segment.
Status commit(int, size_t, size_t) { return Status::success(); }
Status punch(int, size_t, size_t) { return Status::fail(ENOTSUP, "fallocate"); }

}  // namespace forkful::os

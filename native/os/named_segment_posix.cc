#include <sys/mman.h>

#include "deadline.h"
#include "file_info.h"
#include "named_segment.h"
#include "named_segment_path.h"

namespace forkful::os::named_segment {

Status create(const char* name, size_t bytes, UniqueFd& out) {
  UniqueFd fd;
  if (Status status = openByName(name, O_CREAT | O_EXCL, fd); !status.ok()) return status;
  Status status = Status::success();
  if (retryOnInterrupt([&] { return ftruncate(fd.get(), static_cast<off_t>(bytes)); }) == -1) status = Status::lastError("ftruncate");
  if (status.ok() && bytes > 0) status = backWithMemory(fd.get(), bytes);
  if (!status.ok()) {
    // Ours since O_EXCL: nobody else's segment goes with it.
    (void)unlink(name);
    return status;
  }
  out = std::move(fd);
  return status;
}

Status open(const char* name, UniqueFd& out) { return openByName(name, 0, out); }

Status size(int fd, size_t& out) {
  FileInfo info;
  if (Status status = fileInfo(fd, info); !status.ok()) return status;
  out = info.bytes;
  return Status::success();
}

Status map(int fd, size_t bytes, void*& out) {
  size_t actual = 0;
  if (Status status = size(fd, actual); !status.ok()) return status;
  if (bytes == 0 || bytes > actual) return Status::fail(EINVAL, "mmap");
  void* base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (base == MAP_FAILED) return Status::lastError("mmap");
  out = base;
  return Status::success();
}

void unmap(void* base, size_t bytes) { munmap(base, bytes); }

}  // namespace forkful::os::named_segment

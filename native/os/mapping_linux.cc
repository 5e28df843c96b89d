#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "available_memory.h"
#include "deadline.h"
#include "file_info.h"
#include "mapping.h"

// By value, since older headers lack them.
#ifndef MFD_CLOEXEC
#define MFD_CLOEXEC 0x0001U
#define MFD_ALLOW_SEALING 0x0002U
#endif
#ifndef F_ADD_SEALS
#define F_ADD_SEALS 1033
#define F_GET_SEALS 1034
#define F_SEAL_SHRINK 0x0002
#define F_SEAL_GROW 0x0004
#endif

namespace forkful::os {

static_assert(sizeof(off_t) == 8, "offsets beyond 2 GiB");

namespace {

// A failing fallocate gives back what it had got, so one that signals interrupt again and again would never end: pieces make progress.
constexpr size_t kCommitPiece = size_t{32} << 20;

// Below this, asking how much memory there is costs more than it saves.
constexpr size_t kWorthAsking = size_t{64} << 20;

/** Bytes of the range that nothing backs yet. Positions given absolutely, so the offset shared with other processes plays no part. */
size_t holesIn(int fd, size_t offset, size_t bytes) {
  const off_t end = static_cast<off_t>(offset + bytes);
  size_t holes = 0;
  for (off_t at = static_cast<off_t>(offset); at < end;) {
    off_t data = lseek(fd, at, SEEK_DATA);
    if (data == -1 || data > end) data = end;
    holes += static_cast<size_t>(data - at);
    if (data == end) break;
    at = lseek(fd, data, SEEK_HOLE);
    if (at == -1) break;
  }
  return holes;
}

}  // namespace

Status createShared(size_t bytes, UniqueFd& out) {
  // Exceeding the limit on file sizes would send SIGXFSZ, which kills; so look first.
  rlimit limit;
  const bool isLimited = getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
  if (isLimited && bytes > limit.rlim_cur) return Status::fail(EFBIG, "ftruncate");
  // Raw: the C library's wrapper is younger than some systems we run on.
  UniqueFd fd(static_cast<int>(syscall(SYS_memfd_create, "forkful", MFD_CLOEXEC | MFD_ALLOW_SEALING)));
  if (!fd.valid()) return Status::lastError("memfd_create");
  if (retryOnInterrupt([&] { return ftruncate(fd.get(), static_cast<off_t>(bytes)); }) == -1) return Status::lastError("ftruncate");
  if (fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == -1) return Status::lastError("fcntl");
  out = std::move(fd);
  return Status::success();
}

Status checkShared(int fd, size_t bytes) {
  FileInfo info;
  if (Status status = fileInfo(fd, info); !status.ok()) return status;
  const int seals = fcntl(fd, F_GET_SEALS);
  if (seals == -1) return Status::lastError("fcntl");
  if ((seals & F_SEAL_SHRINK) == 0 || info.bytes < bytes) return Status::fail(EINVAL, "mmap");
  return Status::success();
}

Status mapShared(int fd, size_t bytes, void*& out) {
  void* base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
  if (base == MAP_FAILED) return Status::lastError("mmap");
  // A core dump of hundreds of sparse gigabytes helps nobody. Failing changes nothing but that.
  madvise(base, bytes, MADV_DONTDUMP);
  out = base;
  return Status::success();
}

Status commit(int fd, size_t offset, size_t bytes) {
  if (bytes >= kWorthAsking) {
    const size_t available = availableMemory();
    if (bytes > available && holesIn(fd, offset, bytes) > available) return Status::fail(ENOMEM, "fallocate");
  }
  for (size_t done = 0; done < bytes;) {
    const size_t piece = bytes - done < kCommitPiece ? bytes - done : kCommitPiece;
    const auto at = static_cast<off_t>(offset + done);
    if (retryOnInterrupt([&] { return fallocate(fd, 0, at, static_cast<off_t>(piece)); }) == -1) return Status::lastError("fallocate");
    done += piece;
  }
  return Status::success();
}

Status punch(int fd, size_t offset, size_t bytes) {
  if (bytes == 0) return Status::success();
  const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  const int result = retryOnInterrupt([&] { return fallocate(fd, mode, static_cast<off_t>(offset), static_cast<off_t>(bytes)); });
  return result == -1 ? Status::lastError("fallocate") : Status::success();
}

}  // namespace forkful::os

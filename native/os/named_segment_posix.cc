#include <sys/mman.h>

#include "deadline.h"
#include "file_info.h"
#include "named_segment.h"
#include "named_segment_path.h"

namespace forkful::os::named_segment {

namespace {

Status fill(int fd, size_t bytes) {
  if (retryOnInterrupt([&] { return ftruncate(fd, static_cast<off_t>(bytes)); }) == -1) return Status::lastError("ftruncate");
  return bytes > 0 ? backWithMemory(fd, bytes) : Status::success();
}

Status identify(int fd, uint64_t* identity) {
  FileInfo info;
  Status status = fileInfo(fd, info);
  // release: whoever finds the name finds what it belongs to.
  if (status.ok()) __atomic_store_n(identity, info.inode, __ATOMIC_RELEASE);
  return status;
}

/** The name first, for systems that know no nameless segments: killed on the way, it stays, and its identity may not be stored. */
Status createByName(const char* name, size_t bytes, uint64_t* identity, UniqueFd& out) {
  UniqueFd fd;
  if (Status status = openByName(name, O_CREAT | O_EXCL, fd); !status.ok()) return status;
  Status status = identity == nullptr ? Status::success() : identify(fd.get(), identity);
  if (status.ok()) status = fill(fd.get(), bytes);
  // Ours since O_EXCL: nobody else's segment goes with it.
  if (!status.ok()) return (void)unlink(name), status;
  out = std::move(fd);
  return status;
}

}  // namespace

Status create(const char* name, size_t bytes, uint64_t* identity, UniqueFd& out) {
  UniqueFd fd;
  if (!openNameless(fd).ok()) return createByName(name, bytes, identity, out);
  // Before the memory is got: a taken name is the error that helps.
  if (UniqueFd taken; openByName(name, 0, taken).ok()) return Status::fail(EEXIST, "shm_open");
  Status status = fill(fd.get(), bytes);
  if (status.ok() && identity != nullptr) status = identify(fd.get(), identity);
  if (!status.ok()) return status;
  status = giveName(fd.get(), name);
  if (status.ok()) out = std::move(fd);
  // Without /proc nothing nameless can be given a name.
  else if (status.error == ENOENT) return createByName(name, bytes, identity, out);
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

Status letGo(void* base, size_t bytes) {
  // In one step: a thread that touches it meanwhile finds the one or the other.
  void* mapped = mmap(base, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  return mapped == MAP_FAILED ? Status::lastError("mmap") : Status::success();
}

uint64_t identityOf(const char* name) {
  UniqueFd fd;
  FileInfo info;
  return openByName(name, 0, fd).ok() && fileInfo(fd.get(), info).ok() ? info.inode : 0;
}

}  // namespace forkful::os::named_segment

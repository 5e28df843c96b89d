#include "region.h"

#include <sys/mman.h>

#include <mutex>

#include "file_info.h"
#include "freed_memory.h"
#include "mapping.h"
#include "parking.h"

namespace forkful::os::region {

namespace {

// Never destroyed: other threads may still use them while the process runs its exit handlers.
std::mutex& guard() {
  static std::mutex* mutex = new std::mutex;
  return *mutex;
}
std::atomic<char*> theBase{nullptr};
std::atomic<size_t> theBytes{0};
std::atomic<int> theFd{-1};

void publish(UniqueFd fd, void* base, size_t bytes) {
  theFd.store(fd.release());
  theBytes.store(bytes);
  theBase.store(static_cast<char*>(base));
  keepFreedMemory();
}

Status createAndMap(size_t bytes, UniqueFd& fd, void*& base) {
  if (Status status = createShared(bytes, fd); !status.ok()) return status;
  return mapShared(fd.get(), bytes, base);
}

}  // namespace

Status create(size_t maxBytes, size_t minBytes) {
  if (minBytes < kLeastBytes || maxBytes < minBytes) return Status::fail(EINVAL, "mmap");
  std::lock_guard lock(guard());
  if (theBase.load() != nullptr) return theBytes.load() >= minBytes ? Status::success() : Status::fail(EEXIST, "mmap");
  for (size_t bytes = maxBytes;; bytes /= 2) {
    UniqueFd fd;
    void* base = nullptr;
    Status status = createAndMap(bytes, fd, base);
    if (status.ok()) status = prepareParking(static_cast<char*>(base));
    if (status.ok()) {
      publish(std::move(fd), base, bytes);
      return status;
    }
    if (base != nullptr) munmap(base, bytes);
    if (bytes / 2 < minBytes) return status;
  }
}

Status attach(int fd, size_t bytes) {
  if (bytes < kLeastBytes) return Status::fail(EINVAL, "mmap");
  std::lock_guard lock(guard());
  if (theBase.load() != nullptr) {
    if (bytes != theBytes.load()) return Status::fail(EEXIST, "mmap");
    if (fd == theFd.load()) return Status::success();
    FileInfo offered, present;
    if (Status status = fileInfo(fd, offered); !status.ok()) return status;
    if (Status status = fileInfo(theFd.load(), present); !status.ok()) return status;
    if (!offered.isSameFile(present)) return Status::fail(EEXIST, "mmap");
    UniqueFd duplicate(fd);  // the same region by another number: ours to close
    return Status::success();
  }
  if (Status status = checkShared(fd, bytes); !status.ok()) return status;
  void* base = nullptr;
  if (Status status = mapShared(fd, bytes, base); !status.ok()) return status;
  Status status = setCloseOnExec(fd);
  if (status.ok()) status = adoptParking(static_cast<char*>(base));
  if (!status.ok()) {
    munmap(base, bytes);
    return status;
  }
  publish(UniqueFd(fd), base, bytes);
  return status;
}

char* base() { return theBase.load(std::memory_order_acquire); }
size_t bytes() { return theBytes.load(std::memory_order_relaxed); }
int descriptor() { return theFd.load(std::memory_order_relaxed); }

void lockForFork() { guard().lock(); }
void unlockAfterFork() { guard().unlock(); }

}  // namespace forkful::os::region

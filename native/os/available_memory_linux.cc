#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "available_memory.h"
#include "deadline.h"
#include "unique_fd.h"

namespace forkful::os {

namespace {

/** A small text file of the kernel, whole, or nothing. */
class KernelText {
 public:
  explicit KernelText(const char* path) {
    UniqueFd fd(open(path, O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) return;
    while (length_ < sizeof text_ - 1) {
      const ssize_t got = retryOnInterrupt([&] { return read(fd.get(), text_ + length_, sizeof text_ - 1 - length_); });
      if (got <= 0) break;
      length_ += static_cast<size_t>(got);
    }
    text_[length_] = '\0';
  }
  /** The number that follows `label` (the first number of the file when empty), or `otherwise`: absent, or a word such as "max". */
  uint64_t number(const char* label, uint64_t otherwise) const {
    const char* at = length_ == 0 ? nullptr : strstr(text_, label);
    if (at == nullptr) return otherwise;
    char* end = nullptr;
    const uint64_t value = strtoull(at + strlen(label), &end, 10);
    return end == at + strlen(label) ? otherwise : value;
  }

 private:
  char text_[4096];
  size_t length_ = 0;
};

uint64_t ofSystem() {
  const KernelText info("/proc/meminfo");
  const uint64_t free = info.number("MemAvailable:", UINT64_MAX);
  if (free == UINT64_MAX) return UINT64_MAX;
  return (free + info.number("SwapFree:", 0)) * 1024;
}

/** A container sees its own control group as the root of that tree. Elsewhere the files are missing and the system's answer stands. */
uint64_t ofContainer() {
  const uint64_t limit = KernelText("/sys/fs/cgroup/memory.max").number("", UINT64_MAX);
  if (limit == UINT64_MAX) return UINT64_MAX;
  const uint64_t used = KernelText("/sys/fs/cgroup/memory.current").number("", 0);
  // Cached files count as used, yet make room when asked.
  const KernelText detail("/sys/fs/cgroup/memory.stat");
  const uint64_t cached = detail.number("inactive_file ", 0) + detail.number("active_file ", 0);
  const uint64_t taken = used > cached ? used - cached : 0;
  return limit > taken ? limit - taken : 0;
}

}  // namespace

size_t availableMemory() {
  const uint64_t system = ofSystem();
  const uint64_t container = ofContainer();
  const uint64_t least = system < container ? system : container;
  return least > SIZE_MAX ? SIZE_MAX : static_cast<size_t>(least);
}

}  // namespace forkful::os

#include "memory_map.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "deadline.h"
#include "unique_fd.h"

namespace forkful::os::memory_map {

namespace {

// A sanitizer's own memory looks like any other.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kIsSanitized = true;
#else
constexpr bool kIsSanitized = false;
#endif

struct Mapping {
  uintptr_t start;
  uintptr_t end;
  bool isWritable;
  bool isPrivate;
  bool isAnonymous;  // backed by no file
  bool isKernels;  // [vdso], [vvar], [vsyscall]
  bool isHeap;     // the C library's
};

Status readMaps(std::string& out) {
  const UniqueFd file(retryOnInterrupt([] { return open("/proc/self/maps", O_RDONLY | O_CLOEXEC); }));
  if (!file.valid()) return Status::lastError("open");
  // The kernel gives at most a page per call, whatever is asked for; a busy process has a few of them.
  size_t length = 0;
  for (;;) {
    if (out.size() - length < 4096) out.resize(out.size() + 65536);
    const ssize_t got = retryOnInterrupt([&] { return read(file.get(), &out[length], out.size() - length); });
    if (got == -1) return Status::lastError("read");
    if (got == 0) break;
    length += static_cast<size_t>(got);
  }
  out.resize(length);
  return Status::success();
}

/** "55d0c8-55d0c9 rw-p 00000000 08:01 4711   /path". Moves `text` to the next line; false at the end. */
bool nextMapping(const char*& text, Mapping& out) {
  if (*text == '\0') return false;
  char* end = nullptr;
  out.start = strtoul(text, &end, 16);
  out.end = strtoul(end + 1, &end, 16);
  const char* flags = end + 1;
  out.isWritable = flags[1] == 'w';
  out.isPrivate = flags[3] == 'p';
  const char* lineEnd = strchr(flags, '\n');
  if (lineEnd == nullptr) lineEnd = flags + strlen(flags);
  // Behind the flags: offset, device, inode.
  strtoul(flags + 4, &end, 16);
  while (*end == ' ') end++;
  while (*end != ' ' && *end != '\0') end++;
  out.isAnonymous = strtoul(end, &end, 10) == 0;
  const void* bracket = memmem(flags, static_cast<size_t>(lineEnd - flags), "[v", 2);
  out.isKernels = bracket != nullptr;
  out.isHeap = memmem(flags, static_cast<size_t>(lineEnd - flags), "[heap]", 6) != nullptr;
  text = *lineEnd == '\n' ? lineEnd + 1 : lineEnd;
  return true;
}

bool copyRangeOnFork(uintptr_t start, uintptr_t end) {
  return start == end || madvise(reinterpret_cast<void*>(start), end - start, MADV_DOFORK) == 0;
}

/** As above, mapping by mapping: a refusal for one must not leave out those behind it. */
void copyEachOnFork(const char* maps, uintptr_t start, uintptr_t end) {
  for (Mapping mapping; nextMapping(maps, mapping);) {
    if (mapping.start >= start && mapping.end <= end) copyRangeOnFork(mapping.start, mapping.end);
  }
}

}  // namespace

bool isWritable(uintptr_t address) {
  std::string maps;
  if (!readMaps(maps).ok()) return false;
  const char* text = maps.c_str();
  for (Mapping mapping; nextMapping(text, mapping);) {
    if (address >= mapping.start && address < mapping.end) return mapping.isWritable;
  }
  return false;
}

Status copyAllOnFork() {
  std::string maps;
  if (Status status = readMaps(maps); !status.ok()) return status;
  // Neighbours together: a few dozen calls instead of hundreds.
  uintptr_t start = 0;
  uintptr_t end = 0;
  const auto flush = [&] {
    if (!copyRangeOnFork(start, end)) copyEachOnFork(maps.c_str(), start, end);
  };
  const char* text = maps.c_str();
  for (Mapping mapping; nextMapping(text, mapping);) {
    if (!mapping.isPrivate || mapping.isKernels) continue;
    if (mapping.start != end) {
      flush();
      start = mapping.start;
    }
    end = mapping.end;
  }
  flush();
  return Status::success();
}

void abandonMost() {
  // Where we stand, and the thread's own variables: errno is one.
  char here;
  const auto stack = reinterpret_cast<uintptr_t>(&here);
  const auto own = reinterpret_cast<uintptr_t>(&errno);
  const UniqueFd file(retryOnInterrupt([] { return open("/proc/self/maps", O_RDONLY | O_CLOEXEC); }));
  if (!file.valid()) return;
  // On the stack, since nothing may be allocated; read in pieces of whole lines.
  char text[8192];
  size_t length = 0;
  // Where the last mapping of a file ended, with what follows without a gap: variables of libraries that begin as zeros.
  uintptr_t endOfFile = 0;
  for (;;) {
    const ssize_t got = retryOnInterrupt([&] { return read(file.get(), text + length, sizeof text - 1 - length); });
    if (got <= 0) return;
    length += static_cast<size_t>(got);
    text[length] = '\0';
    const char* at = text;
    const char* lastLine = static_cast<const char*>(memrchr(text, '\n', length));
    if (lastLine == nullptr) return;
    for (Mapping mapping; at <= lastLine && nextMapping(at, mapping);) {
      const auto within = [&](uintptr_t address) { return address >= mapping.start && address < mapping.end; };
      const bool isOfFile = !mapping.isAnonymous || mapping.start == endOfFile;
      if (isOfFile && mapping.isPrivate) endOfFile = mapping.end;
      if (mapping.isKernels || mapping.isHeap || within(stack) || within(own)) continue;
      void* start = reinterpret_cast<void*>(mapping.start);
      const size_t bytes = mapping.end - mapping.start;
      if (!mapping.isPrivate) munmap(start, bytes);
      // Code and its variables, our own too, stay.
      else if (mapping.isWritable && !isOfFile && !kIsSanitized) madvise(start, bytes, MADV_DONTNEED);
    }
    length -= static_cast<size_t>(at - text);
    memmove(text, at, length);
  }
}

}  // namespace forkful::os::memory_map

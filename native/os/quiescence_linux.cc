#include "quiescence.h"

#include <dirent.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "unique_fd.h"

namespace forkful::os {

namespace {

constexpr char kTasks[] = "/proc/self/task";

// Calls in which a thread waits and changes nothing of the process. Some exist on some architectures only; futex_waitv is newer than
// the oldest headers. Whoever is in any other one (mmap, madvise, mprotect...) is at work.
constexpr long kWaiting[] = {
    SYS_futex,
    449,  // futex_waitv
#ifdef SYS_epoll_wait
    SYS_epoll_wait,
#endif
    SYS_epoll_pwait,
    441,  // epoll_pwait2
#ifdef SYS_poll
    SYS_poll,
#endif
    SYS_ppoll,
#ifdef SYS_select
    SYS_select,
#endif
    SYS_pselect6,
    SYS_read,
    SYS_pread64,
    SYS_readv,
    SYS_recvmsg,
    SYS_recvfrom,
#ifdef SYS_accept
    SYS_accept,
#endif
    SYS_accept4,
    SYS_nanosleep,
    SYS_clock_nanosleep,
    SYS_wait4,
    SYS_waitid,
    SYS_rt_sigtimedwait,
    426,  // io_uring_enter
    SYS_flock,
    SYS_fcntl,
};

enum class Look { kWaits, kWorks, kGone };

/** At most size - 1 bytes of a thread's file, ended by a zero. The length, or -1 with errno. */
ssize_t readTaskFile(const char* thread, const char* name, char* out, size_t size) {
  char path[96];
  snprintf(path, sizeof path, "%s/%s/%s", kTasks, thread, name);
  const UniqueFd file(open(path, O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return -1;
  const ssize_t length = retryOnInterrupt([&] { return read(file.get(), out, size - 1); });
  if (length >= 0) out[length] = '\0';
  return length;
}

bool isKernelWorker(const char* thread) {
  // io_uring's helpers are listed among our threads, but never run code of ours.
  char name[32];
  return readTaskFile(thread, "comm", name, sizeof name) > 0 && strncmp(name, "iou-", 4) == 0;
}

/** By the state in stat alone: 'S' is asleep, in whatever. For kernels that hide the system call. */
Look lookAtState(const char* thread) {
  char text[512];
  const ssize_t length = readTaskFile(thread, "stat", text, sizeof text);
  if (length <= 0) return Look::kGone;
  // The name stands in parentheses and may hold any.
  const char* close = strrchr(text, ')');
  return close != nullptr && close[1] == ' ' && close[2] == 'S' ? Look::kWaits : Look::kWorks;
}

Look lookAtThread(const char* thread) {
  char text[256];
  const ssize_t length = readTaskFile(thread, "syscall", text, sizeof text);
  if (length <= 0) return lookAtState(thread);
  // "running", or the number of the call; -1 is asleep outside of any, as at a page fault.
  if (text[0] < '0' || text[0] > '9') return text[0] == '-' && isKernelWorker(thread) ? Look::kWaits : Look::kWorks;
  const long call = strtol(text, nullptr, 10);
  for (const long waiting : kWaiting) {
    if (call == waiting) return Look::kWaits;
  }
  return Look::kWorks;
}

bool isQuietNow() {
  DIR* threads = opendir(kTasks);
  if (threads == nullptr) return false;
  char self[16];
  snprintf(self, sizeof self, "%ld", syscall(SYS_gettid));
  bool quiet = true;
  while (const dirent* entry = quiet ? readdir(threads) : nullptr) {
    if (entry->d_name[0] == '.' || strcmp(entry->d_name, self) == 0) continue;
    quiet = lookAtThread(entry->d_name) != Look::kWorks;
  }
  closedir(threads);
  return quiet;
}

void pauseFor(long ns) {
  const timespec pause{0, ns};
  nanosleep(&pause, nullptr);
}

}  // namespace

bool canSeeThreads() { return access(kTasks, R_OK | X_OK) == 0; }

bool waitUntilQuiet(Deadline deadline) {
  for (bool wasQuiet = false;;) {
    const bool isQuiet = isQuietNow();
    if (isQuiet && wasQuiet) return true;
    if (!isQuiet && deadline.passed()) return false;
    wasQuiet = isQuiet;
    pauseFor(isQuiet ? 50'000 : 200'000);
  }
}

}  // namespace forkful::os

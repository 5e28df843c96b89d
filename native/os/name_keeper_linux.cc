#include "name_keeper.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>

#include "deadline.h"
#include "memory_map.h"
#include "named_segment.h"
#include "pidfd.h"
#include "unique_fd.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

namespace forkful::os::name_keeper {

namespace {

// All below runs in a child of a process with threads: nothing allocates or takes a lock of the C library's.

void closeAllBut(int kept) {
  const auto last = static_cast<unsigned>(kept);
  if (kept > 0) syscall(SYS_close_range, 0u, last - 1, 0u);
  if (syscall(SYS_close_range, last + 1, ~0u, 0u) == 0) return;
  for (int fd = 0; fd < 65536; fd++) {
    if (fd != kept) close(fd);
  }
}

bool readAt(int fd, void* out, size_t bytes, size_t offset) {
  return pread(fd, out, bytes, static_cast<off_t>(offset)) == static_cast<ssize_t>(bytes);
}

void removeIfListed(const char (&record)[kRecordBytes]) {
  int32_t state = 0;
  uint64_t identity = 0;
  __builtin_memcpy(&state, record, sizeof state);
  __builtin_memcpy(&identity, record + kIdentityAt, sizeof identity);
  const char* name = record + kNameAt;
  const bool isTerminated = record[kRecordBytes - 1] == '\0';
  // The name may belong to another program's segment by now, or never have become ours.
  if (state == 0 || identity == 0 || !isTerminated || named_segment::identityOf(name) != identity) return;
  (void)named_segment::unlink(name).ok();
}

void removeAll(int region, size_t headOffset) {
  uint32_t page = 0;
  // No longer than the region can be, should somebody have written nonsense over it.
  for (uint32_t pages = 0; pages < 1u << 22; pages++) {
    if (!readAt(region, &page, sizeof page, pages == 0 ? headOffset : size_t{page} * kPageBytes) || page == 0) return;
    for (size_t i = 0; i < kRecords; i++) {
      char record[kRecordBytes];
      if (!readAt(region, record, sizeof record, size_t{page} * kPageBytes + kFirstRecord + i * kRecordBytes)) return;
      removeIfListed(record);
    }
  }
}

/** Calls what is called later, so that the loader finds it while it has its own notes still. */
void rehearse() {
  removeAll(-1, 0);
  constexpr char kNobodys[] = "forkful-keeper-rehearses";
  (void)named_segment::identityOf(kNobodys);
  (void)named_segment::unlink(kNobodys).ok();
  flock(-1, LOCK_EX);
  close(-1);
}

[[noreturn]] void keep(int regionFd, size_t headOffset, int answer) {
  setsid();
  prctl(PR_SET_NAME, "forkful-keeper");
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", regionFd);
  const int region = retryOnInterrupt([&] { return open(path, O_RDONLY | O_CLOEXEC); });
  const pid_t pid = getpid();
  if (region == -1 || write(answer, &pid, sizeof pid) != static_cast<ssize_t>(sizeof pid)) _exit(1);
  closeAllBut(region);
  if (chdir("/") == -1) {
    // It keeps a file system busy that somebody might want to unmount; no more.
  }
  rehearse();
  memory_map::abandonMost();
  while (flock(region, LOCK_EX) == -1 && errno == EINTR) {
  }
  removeAll(region, headOffset);
  _exit(0);
}

/** Not one that was killed and that nobody reaps: in many a container the first process does not. */
bool runs(pid_t keeper) {
  UniqueFd fd;
  Status status = pidfd::open(keeper, fd);
  if (status.error == ENOSYS) return kill(keeper, 0) == 0;
  auto end = pidfd::End::kTold;
  process_host::Exit exit;
  return status.ok() && pidfd::wait(fd.get(), Deadline::after(0), end, exit).ok() && end == pidfd::End::kRuns;
}

}  // namespace

Status start(int regionFd, size_t headOffset, pid_t former, pid_t& out) {
  if (former > 0 && runs(former)) return out = former, Status::success();
  if (flock(regionFd, LOCK_EX | LOCK_NB) == -1) return Status::lastError("flock");
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) == -1) return Status::lastError("pipe2");
  UniqueFd answer(ends[0]), told(ends[1]);
  // Blocked in the child for good: neither a terminal's Ctrl-C nor a polite end of everything is meant for it.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t between = ::fork();
  if (between == 0) {
    // Not a child of this process's: nobody who waits for those is to find it.
    if (::fork() == 0) keep(regionFd, headOffset, told.get());
    _exit(0);
  }
  const Status forked = between == -1 ? Status::lastError("fork") : Status::success();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  told.reset();
  if (!forked.ok()) return forked;
  retryOnInterrupt([&] { return waitpid(between, nullptr, 0); });
  pid_t pid = 0;
  const ssize_t got = retryOnInterrupt([&] { return read(answer.get(), &pid, sizeof pid); });
  if (got != static_cast<ssize_t>(sizeof pid)) return Status::fail(ENOTSUP, "fork");
  out = pid;
  return Status::success();
}

}  // namespace forkful::os::name_keeper

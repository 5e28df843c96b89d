#include "../os/pidfd.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

using namespace forkful;
using namespace forkful::test;
using os::Deadline;
using os::UniqueFd;
using os::pidfd::End;
using os::process_host::Exit;

TEST_WITHOUT_REGION("a pidfd tells of its process: it runs, it has ended with a code, it is reaped") {
  CHECK(os::pidfd::isSupported());
  const int pid = spawnChild([] {
    pause();
  });
  UniqueFd fd;
  CHECK(os::pidfd::open(pid, fd).ok());
  End end{};
  Exit exit;
  const double start = nowMs();
  CHECK(os::pidfd::wait(fd.get(), Deadline::after(20), end, exit).ok() && end == End::kRuns);
  CHECK(nowMs() - start >= 20);
  bool ended = true;
  CHECK(os::process_host::reap(pid, ended, exit).ok() && !ended);
  bool existed = false;
  CHECK(os::pidfd::signal(fd.get(), SIGTERM, existed).ok() && existed);
  CHECK(os::pidfd::wait(fd.get(), Deadline::after(60'000), end, exit).ok() && end == End::kTold && exit.signal == SIGTERM);
  Exit reaped;
  CHECK(os::process_host::reap(pid, ended, reaped).ok() && ended && reaped.signal == SIGTERM);
  CHECK(os::process_host::reap(pid, ended, reaped).error == ECHILD);
  CHECK(os::pidfd::signal(fd.get(), SIGTERM, existed).ok() && !existed);
  // Newer kernels tell it even now.
  exit = {};
  CHECK(os::pidfd::wait(fd.get(), Deadline::after(0), end, exit).ok());
  CHECK(end == End::kUntold || (end == End::kTold && exit.signal == SIGTERM));
  CHECK(os::pidfd::open(pid, fd).error == ESRCH);
}

TEST_WITHOUT_REGION("reaping tells the exit code") {
  const int pid = spawnChild([] { _exit(37); });
  bool ended = false;
  Exit exit;
  CHECK(eventually([&] { return os::process_host::reap(pid, ended, exit).ok() && ended; }));
  CHECK(exit.code == 37 && exit.signal == 0);
}

TEST_WITHOUT_REGION("the file mode mask is told and not changed") {
  const mode_t before = umask(0137);
  mode_t mask = 0;
  CHECK(os::process_host::fileModeMask(mask).ok() && mask == 0137);
  CHECK(umask(before) == 0137);
}

#include "../os/process_host.h"

#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

using namespace forkful;
using namespace forkful::test;
using os::Deadline;
using os::process_host::Exit;

namespace {

struct Waited {
  bool ended = false;
  Exit exit;
  int error = 0;
};

Waited waitExit(int pid, double timeoutMs) {
  Waited result;
  result.error = os::process_host::waitExit(pid, Deadline::after(timeoutMs), result.ended, result.exit).error;
  return result;
}

}  // namespace

TEST_WITHOUT_REGION("waitExit tells the exit code and leaves the zombie for another") {
  const int pid = spawnChild([] { _exit(37); });
  for (int i = 0; i < 2; i++) {
    const Waited waited = waitExit(pid, 60'000);
    CHECK(waited.ended && waited.exit.code == 37 && waited.exit.signal == 0);
  }
  int status = 0;
  CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 37);
  CHECK(waitExit(pid, 10).error == ECHILD);
}

TEST_WITHOUT_REGION("waitExit tells the signal that killed") {
  for (const int signal : {SIGKILL, SIGTERM}) {
    const int pid = spawnChild([] { pause(); });
    CHECK(!waitExit(pid, 0).ended);
    bool existed = false;
    CHECK(os::process_host::kill(pid, signal, existed).ok() && existed);
    const Waited waited = waitExit(pid, 60'000);
    CHECK(waited.ended && waited.exit.signal == signal);
    killChild(pid);
  }
}

TEST_WITHOUT_REGION("waitExit times out, not before its time, also under a storm of signals") {
  const int pid = spawnChild([] { pause(); });
  struct sigaction action {};
  action.sa_handler = [](int) {};
  sigaction(SIGALRM, &action, nullptr);
  const itimerval storm{{0, 500}, {0, 500}};
  setitimer(ITIMER_REAL, &storm, nullptr);
  const double start = nowMs();
  CHECK(!waitExit(pid, 50).ended);
  CHECK(nowMs() - start >= 50);
  const itimerval calm{};
  setitimer(ITIMER_REAL, &calm, nullptr);
  killChild(pid);
}

TEST_WITHOUT_REGION("waitExit ends soon after the child") {
  const int pid = spawnChild([] { usleep(30'000); });
  const double start = nowMs();
  CHECK(waitExit(pid, 60'000).ended);
  CHECK(nowMs() - start < 30'000);
  CHECK(childSucceeded(pid));
}

TEST_WITHOUT_REGION("waitExit refuses who is no child") { CHECK(waitExit(getppid(), 10).error == ECHILD); }

TEST_WITHOUT_REGION("kill tells of a process that is gone") {
  const int pid = spawnChild([] {});
  CHECK(childSucceeded(pid));
  bool existed = true;
  CHECK(os::process_host::kill(pid, 0, existed).ok() && !existed);
  CHECK(os::process_host::kill(getpid(), 0, existed).ok() && existed);
}

TEST_WITHOUT_REGION("a child that asked to die with its parent does, and one without that parent is told") {
  int pipeEnds[2];
  CHECK(pipe(pipeEnds) == 0);
  const int parent = spawnChild([&] {
    const int self = getpid();
    spawnChild([&] {
      CHECK(!os::process_host::dieWithParent(self + 100'000));
      CHECK(os::process_host::dieWithParent(self));
      const char ready = 'r';
      CHECK(write(pipeEnds[1], &ready, 1) == 1);
      pause();
    });
    pause();
  });
  close(pipeEnds[1]);
  char ready = 0;
  CHECK(read(pipeEnds[0], &ready, 1) == 1);
  killChild(parent);
  // End of file: the grandchild, which held the other end, is gone too.
  CHECK(read(pipeEnds[0], &ready, 1) == 0);
  close(pipeEnds[0]);
}

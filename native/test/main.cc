// Runs all tests linked into this program: `test [futex|semaphore]`. The last line says "N passed, N failed"; the exit code is 1 if any
// failed.
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>

#include "../os/parking.h"
#include "../os/region.h"
#include "check.h"

// glibc keeps the named semaphores that are open in a tree, under a lock of its own that the thread sanitizer does not see: sem_open in one thread and
// sem_close in another look like a race to it.
extern "C" const char* __tsan_default_suppressions() { return "race:tdelete\nrace:tsearch\n"; }

namespace forkful::test {

namespace {

Case* firstCase = nullptr;
Case** lastLink = &firstCase;
std::atomic<int> failedChecks{0};
std::atomic<int> wordsGiven{0};

int passed = 0;
int failed = 0;

void runCases(bool withRegion) {
  for (Case* test = firstCase; test != nullptr; test = test->next) {
    if (test->needsRegion != withRegion) continue;
    const int before = failedChecks.load();
    const double start = nowMs();
    test->body();
    const bool isOk = failedChecks.load() == before;
    (isOk ? passed : failed)++;
    printf("%s %s (%.0f ms)\n", isOk ? "ok  " : "FAIL", test->fact, nowMs() - start);
    fflush(stdout);
  }
}

}  // namespace

Case::Case(const char* fact, void (*body)(), bool needsRegion) : fact(fact), body(body), needsRegion(needsRegion) {
  *lastLink = this;
  lastLink = &next;
}

bool check(bool holds, const char* condition, const char* file, int line) {
  if (!holds) {
    failedChecks++;
    fprintf(stderr, "%s:%d: not true: %s\n", file, line, condition);
  }
  return holds;
}

os::Word& freshWord() {
  constexpr int kFirst = (1 << 20) / sizeof(os::Word);
  return *os::region::word(kFirst + 16 * wordsGiven++);
}

int spawnChild(const std::function<void()>& body) {
  fflush(stdout);
  const pid_t pid = fork();
  if (pid != 0) return pid;
  failedChecks = 0;
  body();
  _exit(failedChecks == 0 ? 0 : 1);
}

bool childSucceeded(int pid) {
  int status = 0;
  return os::retryOnInterrupt([&] { return waitpid(pid, &status, 0); }) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void killChild(int pid) {
  kill(pid, SIGKILL);
  os::retryOnInterrupt([&] { return waitpid(pid, nullptr, 0); });
}

double nowMs() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
}

bool eventually(const std::function<bool()>& condition) {
  for (const double end = nowMs() + 60'000; nowMs() < end; usleep(200)) {
    if (condition()) return true;
  }
  return condition();
}

}  // namespace forkful::test

int main(int argumentCount, char** arguments) {
  using namespace forkful;
  if (argumentCount > 1 && strcmp(arguments[1], "semaphore") == 0) os::chooseParking(os::ParkingKind::kSemaphore);
  test::runCases(false);
  if (!os::region::create(size_t{1} << 30, size_t{1} << 30).ok()) {
    fprintf(stderr, "no region\n");
    return 1;
  }
  printf("parking: %s, watches two words: %s\n", os::parking().name(), os::parking().watchesTwo() ? "yes" : "no");
  test::runCases(true);
  printf("%d passed, %d failed\n", test::passed, test::failed);
  return test::failed == 0 ? 0 : 1;
}

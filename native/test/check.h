#pragma once
// A test is a named fact. Each runs in the order of its file; a failed CHECK is printed and counted, and the test goes on.

#include <functional>

#include "../os/word.h"

namespace forkful::test {

struct Case {
  Case(const char* fact, void (*body)(), bool needsRegion);
  const char* fact;
  void (*body)();
  bool needsRegion;
  Case* next = nullptr;
};

bool check(bool holds, const char* condition, const char* file, int line);

/** A zeroed word of the region, on a cache line of its own, that no other test has. REQUIRES: a test with a region. */
os::Word& freshWord();

/**
 * Runs `body` in a forked child, which then ends without running exit handlers; its failed checks count here too, through its exit code.
 */
int spawnChild(const std::function<void()>& body);
/** Waits for a child of spawnChild() and reaps it. True when it ended by itself with no failed check. */
bool childSucceeded(int pid);
/** Kills a child with SIGKILL and reaps it. */
void killChild(int pid);

/** Milliseconds, monotonic. */
double nowMs();
/** Waits, at most a minute, until the condition holds. */
bool eventually(const std::function<bool()>& condition);

}  // namespace forkful::test

#define FORKFUL_JOIN2(a, b) a##b
#define FORKFUL_JOIN(a, b) FORKFUL_JOIN2(a, b)
#define FORKFUL_TEST(fact, needsRegion)                                                                                  \
  static void FORKFUL_JOIN(test_, __LINE__)();                                                                           \
  static const forkful::test::Case FORKFUL_JOIN(case_, __LINE__){fact, FORKFUL_JOIN(test_, __LINE__), needsRegion};      \
  static void FORKFUL_JOIN(test_, __LINE__)()

/** A test in a process that has created the region. */
#define TEST(fact) FORKFUL_TEST(fact, true)
/** A test that runs before the process has a region. */
#define TEST_WITHOUT_REGION(fact) FORKFUL_TEST(fact, false)
#define CHECK(condition) forkful::test::check(static_cast<bool>(condition), #condition, __FILE__, __LINE__)

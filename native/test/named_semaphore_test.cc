#include "../os/named_semaphore.h"

#include <signal.h>
#include <unistd.h>

#include <climits>
#include <string>

#include "check.h"

using namespace forkful;
using namespace forkful::test;
namespace named = forkful::os::named_semaphore;
using os::Deadline;

namespace {

/** A new semaphore for one test, without a name by the time the test goes on. */
struct Nameless {
  sem_t* semaphore = nullptr;
  explicit Nameless(unsigned value) {
    const std::string name = "/forkful-test-" + std::to_string(getpid());
    CHECK(named::open(name.c_str(), {true, true, 0600, value}, semaphore).ok());
    CHECK(named::unlink(name.c_str()).ok());
  }
  ~Nameless() { named::close(*semaphore); }
  int value() {
    int value = -1;
    CHECK(named::value(*semaphore, value).ok());
    return value;
  }
};

}  // namespace

TEST_WITHOUT_REGION("a named semaphore is created once, shared by name, and outlives its name") {
  const std::string name = "/forkful-test-" + std::to_string(getpid());
  sem_t* mine = nullptr;
  sem_t* theirs = nullptr;
  CHECK(named::open(name.c_str(), {}, mine).error == ENOENT);
  CHECK(named::open(name.c_str(), {true, true, 0600, 2}, mine).ok());
  CHECK(named::open(name.c_str(), {true, true, 0600, 5}, theirs).error == EEXIST);
  CHECK(named::open(name.c_str(), {true, false, 0600, 5}, theirs).ok());
  CHECK(named::tryTake(*theirs) && named::tryTake(*mine) && !named::tryTake(*theirs));
  CHECK(named::unlink(name.c_str()).ok());
  CHECK(named::unlink(name.c_str()).error == ENOENT);
  named::close(*mine);
  CHECK(named::post(*theirs, 1).ok() && named::tryTake(*theirs));
  named::close(*theirs);
}

TEST_WITHOUT_REGION("permits are added all or none") {
  Nameless one(INT_MAX - 2);
  CHECK(named::post(*one.semaphore, 3).error == EOVERFLOW);
  CHECK(one.value() == INT_MAX - 2);
  CHECK(named::post(*one.semaphore, 2).ok());
  CHECK(named::post(*one.semaphore, 1).error == EOVERFLOW);
  CHECK(one.value() == INT_MAX);
}

TEST_WITHOUT_REGION("a wait for a permit ends at its deadline, not before, though signals come") {
  Nameless one(0);
  struct sigaction action = {};
  struct sigaction before = {};
  action.sa_handler = [](int) {};
  sigaction(SIGALRM, &action, &before);
  ualarm(3000, 3000);
  const double start = nowMs();
  CHECK(!os::waitForPermit(*one.semaphore, Deadline::after(40)));
  CHECK(nowMs() - start >= 40);
  ualarm(0, 0);
  sigaction(SIGALRM, &before, nullptr);
}

TEST_WITHOUT_REGION("a wait ends with a permit that another process posts") {
  Nameless one(0);
  const int child = spawnChild([&] { CHECK(named::post(*one.semaphore, 1).ok()); });
  CHECK(os::waitForPermit(*one.semaphore, Deadline::after(60'000)));
  CHECK(childSucceeded(child));
  CHECK(one.value() == 0);
}

TEST_WITHOUT_REGION("a wait whose time is over takes a permit that is there") {
  Nameless one(1);
  CHECK(os::waitForPermit(*one.semaphore, Deadline::after(0)));
  CHECK(!os::waitForPermit(*one.semaphore, Deadline::after(0)));
}

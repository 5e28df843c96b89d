#include <unistd.h>

#include <atomic>
#include <string>

#include "../os/permit_waiter.h"
#include "check.h"

using namespace forkful;
using namespace forkful::test;
using os::PermitWaiter;
namespace named = forkful::os::named_semaphore;

namespace {

std::atomic<int> rings{0};

bool request(PermitWaiter& waiter) {
  return waiter.request([](void*) { rings++; }, nullptr).ok();
}

}  // namespace

TEST_WITHOUT_REGION("a forked child wants nothing that its parent wanted, and can want for itself") {
  const std::string name = "/forkful-test-" + std::to_string(getpid());
  sem_t* own = nullptr;
  CHECK(named::open(name.c_str(), {true, true, 0600, 0}, own).ok());
  CHECK(named::unlink(name.c_str()).ok());
  auto* waiter = new PermitWaiter(*own);
  CHECK(request(*waiter));
  PermitWaiter::lockForFork();
  const int child = spawnChild([&] {
    PermitWaiter::afterFork(true);
    CHECK(!waiter->take());
    CHECK(request(*waiter));
    CHECK(eventually([] { return rings == 1; }));
    CHECK(waiter->take());
    waiter->release();
  });
  PermitWaiter::afterFork(false);
  CHECK(named::post(waiter->semaphore(), 2).ok());
  CHECK(childSucceeded(child));
  CHECK(eventually([] { return rings == 1; }));
  CHECK(waiter->take());
  waiter->release();
}

#include "../os/permit_waiter.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>

#include "check.h"

using namespace forkful;
using namespace forkful::test;
using os::PermitWaiter;
namespace named = forkful::os::named_semaphore;

namespace {

/** A new semaphore twice: as the waiter has it, which owns its half, and as others do. Its name is gone by the time the test goes on. */
struct Both {
  PermitWaiter* waiter = nullptr;
  sem_t* others = nullptr;
  std::atomic<int> rings{0};

  explicit Both(unsigned value) {
    const std::string name = "/forkful-test-" + std::to_string(getpid());
    sem_t* own = nullptr;
    CHECK(named::open(name.c_str(), {true, true, 0600, value}, own).ok());
    CHECK(named::open(name.c_str(), {}, others).ok());
    CHECK(named::unlink(name.c_str()).ok());
    waiter = new PermitWaiter(*own);
  }
  ~Both() {
    waiter->finish();
    waiter->release();
    named::close(*others);
  }
  bool request() {
    return waiter->request([](void* self) { static_cast<Both*>(self)->rings++; }, this).ok();
  }
  bool rang(int times) {
    return eventually([&] { return rings == times; });
  }
  int value() {
    int value = -1;
    CHECK(named::value(*others, value).ok());
    return value;
  }
};

}  // namespace

TEST_WITHOUT_REGION("a permit wanted is taken when it comes, and rung once") {
  Both both(0);
  CHECK(both.request());
  CHECK(!both.waiter->take());
  CHECK(named::post(*both.others, 1).ok());
  CHECK(both.rang(1));
  CHECK(both.value() == 0);
  CHECK(both.waiter->take() && !both.waiter->take());
}

TEST_WITHOUT_REGION("each request takes one permit") {
  Both both(3);
  for (int round = 1; round <= 3; round++) {
    CHECK(both.request());
    CHECK(both.rang(round));
    CHECK(both.value() == 3 - round);
    CHECK(both.waiter->take());
  }
}

TEST_WITHOUT_REGION("a permit that nobody wants any more is given back") {
  Both both(1);
  CHECK(both.request());
  CHECK(both.rang(1));
  both.waiter->cancel();
  CHECK(!both.waiter->take());
  CHECK(both.value() == 1);
  CHECK(both.request());
  CHECK(both.rang(2));
  CHECK(both.waiter->take());
}

TEST_WITHOUT_REGION("one that comes after the request was cancelled is given back too, without a ring") {
  Both both(0);
  CHECK(both.request());
  both.waiter->cancel();
  CHECK(named::post(*both.others, 1).ok());
  both.waiter->finish();
  CHECK(both.rings == 0);
  CHECK(both.value() == 1);
}

TEST_WITHOUT_REGION("a request after a cancelled one is served") {
  Both both(0);
  for (int round = 0; round < 20; round++) {
    CHECK(both.request());
    both.waiter->cancel();
  }
  CHECK(both.request());
  CHECK(named::post(*both.others, 1).ok());
  CHECK(both.rang(1));
  CHECK(both.waiter->take());
  CHECK(both.value() == 0);
}

TEST_WITHOUT_REGION("no permit is lost or made by requests that are cancelled at any moment") {
  constexpr int kPermits = 2000;
  Both both(0);
  std::atomic<bool> isOver{false};
  std::thread poster([&] {
    for (int i = 0; i < kPermits; i++) {
      CHECK(named::post(*both.others, 1).ok());
      std::this_thread::yield();
    }
    isOver = true;
  });
  int taken = 0;
  for (int round = 0; !isOver; round++) {
    CHECK(both.request());
    if (round % 3 == 0) std::this_thread::yield();
    if (both.waiter->take()) {
      taken++;
    } else {
      both.waiter->cancel();
    }
  }
  poster.join();
  both.waiter->finish();
  CHECK(taken + both.value() == kPermits);
}

TEST_WITHOUT_REGION("one released while its thread waits is closed by the thread") {
  const std::string name = "/forkful-test-" + std::to_string(getpid());
  for (int round = 0; round < 20; round++) {
    sem_t* own = nullptr;
    CHECK(named::open(name.c_str(), {true, true, 0600, 0}, own).ok());
    CHECK(named::unlink(name.c_str()).ok());
    auto* waiter = new PermitWaiter(*own);
    CHECK(waiter->request([](void*) {}, nullptr).ok());
    waiter->release();
  }
}

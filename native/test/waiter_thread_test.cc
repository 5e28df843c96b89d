#include "../os/waiter_thread.h"

#include <unistd.h>

#include <thread>
#include <vector>

#include "../os/parking.h"
#include "check.h"

using namespace forkful;
using namespace forkful::test;
using os::Deadline;
using os::WaiterThread;
using os::Word;

namespace {

WaiterThread& waiter() { return WaiterThread::instance(); }

/** An agent as the binding has one: rings are counted. */
struct Loop {
  Word& bell = freshWord();
  Word* door = nullptr;
  std::atomic<int> rings{0};
  WaiterThread::Agent agent;

  explicit Loop(Word& offeredDoor) {
    door = &waiter().open(agent, bell, offeredDoor, [](void* self) { static_cast<Loop*>(self)->rings++; }, this);
  }
  ~Loop() { waiter().close(agent); }
  bool arm(double timeoutMs) { return waiter().arm(agent, bell.load(), Deadline::after(timeoutMs)).ok(); }
  bool rang(int times) {
    return eventually([&] { return rings == times; });
  }
};

/** What any process does to wake an agent that is armed. */
void ringAgent(Word& bell, Word& door) {
  bell.fetch_add(1);
  door.fetch_add(1);
  os::parking().unpark(door, INT32_MAX);
}

}  // namespace

TEST("an armed agent is rung once when its bell moves") {
  Loop loop(freshWord());
  CHECK(loop.arm(60'000));
  usleep(10'000);
  CHECK(loop.rings == 0 && !waiter().takeRing(loop.agent));
  ringAgent(loop.bell, *loop.door);
  CHECK(loop.rang(1));
  CHECK(waiter().takeRing(loop.agent) && !waiter().takeRing(loop.agent));
  ringAgent(loop.bell, *loop.door);
  usleep(10'000);
  CHECK(loop.rings == 1);
}

TEST("an agent is rung at its deadline, not before, also when a later one is waited for already") {
  Word& door = freshWord();
  Loop late(door);
  CHECK(late.arm(60'000));
  usleep(10'000);
  Loop early(door);
  const double start = nowMs();
  CHECK(early.arm(30));
  CHECK(early.rang(1));
  CHECK(nowMs() - start >= 30 && nowMs() - start < 30'000);
  CHECK(late.rings == 0);
}

TEST("arming with an old value rings at once") {
  Loop loop(freshWord());
  CHECK(waiter().arm(loop.agent, loop.bell.load() - 1, Deadline::after(60'000)).ok());
  CHECK(loop.rings == 1 && waiter().takeRing(loop.agent));
}

TEST("a new arming replaces the last, its ring included") {
  Loop loop(freshWord());
  CHECK(loop.arm(1));
  CHECK(loop.rang(1));
  CHECK(loop.arm(60'000));
  CHECK(!waiter().takeRing(loop.agent));
  CHECK(loop.arm(20));
  CHECK(loop.rang(2));
  CHECK(waiter().takeRing(loop.agent));
}

TEST("the first agent's door is the process's until the last has closed") {
  Word& first = freshWord();
  Word& second = freshWord();
  {
    Loop a(first);
    CHECK(a.door == &first);
    Loop b(second);
    CHECK(b.door == &first);
    waiter().close(a.agent);
    waiter().close(a.agent);
    Loop c(second);
    CHECK(c.door == &first);
    CHECK(b.arm(60'000));
    ringAgent(b.bell, *b.door);
    CHECK(b.rang(1));
  }
  Loop d(second);
  CHECK(d.door == &second);
  CHECK(d.arm(60'000));
  ringAgent(d.bell, *d.door);
  CHECK(d.rang(1));
}

TEST("others may move the door") {
  Loop loop(freshWord());
  const double start = nowMs();
  CHECK(loop.arm(50));
  for (int i = 0; i < 1000; i++) {
    loop.door->fetch_add(1);
    os::parking().unpark(*loop.door, 1);
  }
  const int rings = loop.rings;
  CHECK(rings == 0 || nowMs() - start >= 50);
  CHECK(loop.rang(1));
}

TEST("no ring is lost between arming and ringing") {
  Loop loop(freshWord());
  std::atomic<int> wanted{0};
  std::thread ringer([&] {
    for (int round = 1; round <= 3000; round++) {
      while (wanted != round) std::this_thread::yield();
      ringAgent(loop.bell, *loop.door);
    }
  });
  for (int round = 1; round <= 3000; round++) {
    const uint32_t seen = loop.bell.load();
    wanted = round;
    CHECK(waiter().arm(loop.agent, seen, Deadline::after(60'000)).ok());
    if (!CHECK(loop.rang(round))) _exit(1);
  }
  ringer.join();
}

TEST("agents that open, arm, are rung and close all at once") {
  std::atomic<bool> isOver{false};
  Word& door = freshWord();
  Word& bell = freshWord();
  std::thread ringer([&] {
    while (!isOver) ringAgent(bell, door);
  });
  std::vector<std::thread> loops;
  for (int i = 0; i < 4; i++) {
    loops.emplace_back([&] {
      for (int round = 0; round < 300; round++) {
        WaiterThread::Agent agent;
        std::atomic<int> rings{0};
        waiter().open(agent, bell, door, [](void* count) { (*static_cast<std::atomic<int>*>(count))++; }, &rings);
        CHECK(waiter().arm(agent, bell.load(), Deadline::after(round % 3)).ok());
        if (round % 2 == 0) std::this_thread::yield();
        waiter().close(agent);
        CHECK(rings <= 1);
      }
    });
  }
  for (auto& loop : loops) loop.join();
  isOver = true;
  ringer.join();
}

#include "../os/parking.h"
#include "../os/quiescence.h"

#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <thread>
#include <vector>

#include "check.h"

using namespace forkful;
using namespace forkful::test;
using os::Deadline;
using os::ParkResult;
using os::Word;

namespace {

const auto inAMinute = [] { return Deadline::after(60'000); };

/** Gives a thread that is about to park the time to do so; if it is not enough the test proves less, and still holds. */
void letItPark() { usleep(20'000); }

/** Parks until the word differs from `expected`, as every caller does. False when no wake-up came in a minute: one was lost. */
bool parkUntilChanged(Word& word, uint32_t expected) {
  while (word.load() == expected) {
    if (os::parking().park(word, expected, inAMinute()) == ParkResult::kTimedOut) return false;
  }
  return true;
}

}  // namespace

TEST("park returns at once when the word differs") {
  Word& word = freshWord();
  CHECK(os::parking().park(word, 1, inAMinute()) == ParkResult::kChanged);
  CHECK(os::parking().parkEither(word, 1, freshWord(), 0, inAMinute()) == ParkResult::kChanged);
}

TEST("a timeout is never early, whatever its size") {
  Word& word = freshWord();
  for (const double timeoutMs : {0.0, 0.0004, 0.3, 1.0, 7.7, 40.0}) {
    double start = nowMs();
    CHECK(os::parking().park(word, 0, Deadline::after(timeoutMs)) == ParkResult::kTimedOut);
    CHECK(nowMs() - start >= timeoutMs);
    start = nowMs();
    CHECK(os::parking().parkEither(word, 0, freshWord(), 0, Deadline::after(timeoutMs)) == ParkResult::kTimedOut);
    CHECK(nowMs() - start >= timeoutMs);
  }
}

TEST("signals do not end a park early") {
  struct sigaction action {};
  action.sa_handler = [](int) {};  // without SA_RESTART
  sigaction(SIGALRM, &action, nullptr);
  const itimerval storm{{0, 500}, {0, 500}};
  setitimer(ITIMER_REAL, &storm, nullptr);
  Word& word = freshWord();
  const double start = nowMs();
  CHECK(os::parking().park(word, 0, Deadline::after(60)) == ParkResult::kTimedOut);
  CHECK(nowMs() - start >= 60);
  CHECK(os::parking().parkEither(word, 0, freshWord(), 0, Deadline::after(60)) == ParkResult::kTimedOut);
  CHECK(nowMs() - start >= 120);
  const itimerval calm{};
  setitimer(ITIMER_REAL, &calm, nullptr);
}

TEST("unpark wakes a parked thread and says so, and nobody else's") {
  Word& word = freshWord();
  Word& other = freshWord();
  CHECK(os::parking().unpark(word, 1) == 0);
  ParkResult result{};
  std::thread sleeper([&] { result = os::parking().park(word, 0, inAMinute()); });
  letItPark();
  CHECK(os::parking().unpark(other, 5) == 0);
  CHECK(eventually([&] { return os::parking().unpark(word, 1) == 1; }));
  sleeper.join();
  CHECK(result == ParkResult::kWoken);
}

TEST("unpark wakes at most as many as asked, earliest first") {
  Word& word = freshWord();
  std::atomic<int> woken[4] = {};
  std::vector<std::thread> sleepers;
  for (auto& flag : woken) {
    sleepers.emplace_back([&] {
      os::parking().park(word, 0, inAMinute());
      flag = 1;
    });
    // Its turn is over when it sleeps; one that has not run yet does not.
    if (os::canSeeThreads()) CHECK(os::waitUntilQuiet(inAMinute()));
    else letItPark();
  }
  CHECK(os::parking().unpark(word, 2) == 2);
  CHECK(eventually([&] { return woken[0] && woken[1]; }));
  letItPark();
  CHECK(!woken[2] && !woken[3]);
  CHECK(os::parking().unpark(word, INT32_MAX) == 2);
  for (auto& sleeper : sleepers) sleeper.join();
}

TEST("any number can park") {
  // More than the semaphores' table holds: the rest must do without it.
  constexpr int kThreads = 400;
  Word& word = freshWord();
  std::atomic<int> arrived{0};
  std::vector<std::thread> sleepers;
  for (int i = 0; i < kThreads; i++) {
    sleepers.emplace_back([&] {
      arrived++;
      CHECK(parkUntilChanged(word, 0));
    });
  }
  CHECK(eventually([&] { return arrived == kThreads; }));
  letItPark();
  word.store(1);
  const double start = nowMs();
  os::parking().unpark(word, INT32_MAX);
  for (auto& sleeper : sleepers) sleeper.join();
  CHECK(nowMs() - start < 30'000);
}

TEST("no wake-up is lost among threads that wait for different words") {
  constexpr int kThreads = 4;
  constexpr uint32_t kRounds = 1500;
  Word* requests[kThreads];
  Word& answers = freshWord();
  std::vector<std::thread> threads;
  for (auto*& request : requests) {
    request = &freshWord();
    threads.emplace_back([&answers, request] {
      for (uint32_t round = 0; round < kRounds; round++) {
        if (!CHECK(parkUntilChanged(*request, round))) return;
        answers.fetch_add(1);
        os::parking().unpark(answers, 1);
      }
    });
  }
  for (uint32_t round = 0; round < kRounds; round++) {
    for (auto* request : requests) {
      request->fetch_add(1);
      os::parking().unpark(*request, 1);
    }
    for (uint32_t seen = answers.load(); seen < (round + 1) * kThreads; seen = answers.load()) {
      if (!CHECK(parkUntilChanged(answers, seen))) break;
    }
  }
  for (auto& thread : threads) thread.join();
}

TEST("spin sees a change, and gives up when there is none") {
  Word& word = freshWord();
  CHECK(!os::spin(word, 0, 1000));
  CHECK(!os::spin(word, 0, 0));
  CHECK(os::spin(word, 1, 0));
  std::thread changer([&] {
    usleep(1000);
    word.store(3);
  });
  CHECK(os::spin(word, 0, 200'000'000));
  changer.join();
}

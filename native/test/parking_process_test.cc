// Parking across processes, and what deaths do to it.
#include <unistd.h>

#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "../os/liveness.h"
#include "../os/parking.h"
#include "check.h"

using namespace forkful;
using namespace forkful::test;
using os::Deadline;
using os::ParkResult;
using os::Word;

namespace {

/** Whether the system says that the process sleeps, where it says so. */
bool sleeps(int pid) {
  FILE* file = fopen(("/proc/" + std::to_string(pid) + "/stat").c_str(), "r");
  if (file == nullptr) return true;
  char state = 0;
  // the name, in parentheses, is this program's
  const bool told = fscanf(file, "%*d (%*[^)]) %c", &state) == 1;
  fclose(file);
  return told && state == 'S';
}

/** A child that parks on the word until woken; returns once it sleeps there, as far as can be told. */
int spawnSleeper(Word& word) {
  Word& started = freshWord();
  const int pid = spawnChild([&] {
    started.store(1);
    CHECK(os::parking().park(word, 0, Deadline::after(60'000)) == ParkResult::kWoken);
  });
  CHECK(eventually([&] { return started.load() == 1; }));
  usleep(30'000);
  CHECK(eventually([&] { return sleeps(pid); }));
  return pid;
}

/** A child that claims the life word and then waits to be killed. */
int spawnOwner(Word& lifeWord) {
  CHECK(os::liveness::init(lifeWord).ok());
  Word& claimed = freshWord();
  const int pid = spawnChild([&] {
    os::liveness::Claim claim{};
    CHECK(os::liveness::claim(lifeWord, claim).ok() && claim == os::liveness::Claim::kFree);
    claimed.store(1);
    pause();
  });
  CHECK(eventually([&] { return claimed.load() == 1; }));
  return pid;
}

/** What a waiter does before it parks on a life word: asks for a wake-up at its owner's death. Returns the word's value then. */
uint32_t watch(Word& lifeWord) { return lifeWord.fetch_or(os::liveness::kLifeWatched) | os::liveness::kLifeWatched; }

}  // namespace

TEST("unpark wakes a thread of another process") {
  Word& word = freshWord();
  const int pid = spawnSleeper(word);
  CHECK(os::parking().unpark(word, 8) == 1);
  CHECK(childSucceeded(pid));
}

TEST("two processes hand a word to and fro without losing a wake-up") {
  Word& turn = freshWord();
  const auto play = [&](uint32_t mine) {
    for (uint32_t round = 0; round < 3000; round++) {
      for (uint32_t now = turn.load(); now % 2 != mine; now = turn.load()) {
        if (!CHECK(os::parking().park(turn, now, Deadline::after(60'000)) != ParkResult::kTimedOut)) return;
      }
      turn.fetch_add(1);
      os::parking().unpark(turn, 1);
    }
  };
  const int pid = spawnChild([&] { play(1); });
  play(0);
  CHECK(childSucceeded(pid));
  CHECK(turn.load() == 6000);
}

TEST("a sleeper that was killed does not use up a wake-up of the living") {
  Word& word = freshWord();
  const int dead = spawnSleeper(word);
  const int living = spawnSleeper(word);
  killChild(dead);
  CHECK(os::parking().unpark(word, 1) == 1);
  CHECK(childSucceeded(living));
  CHECK(os::parking().unpark(word, 1) == 0);
}

TEST("hundreds killed asleep leave room for the living") {
  Word& word = freshWord();
  // Beyond the number of sleepers that the semaphores' table holds.
  for (int batch = 0; batch < 20; batch++) {
    std::vector<int> pids;
    Word& started = freshWord();
    for (int i = 0; i < 20; i++) {
      pids.push_back(spawnChild([&] {
        started.fetch_add(1);
        os::parking().park(word, 0, Deadline::after(60'000));
      }));
    }
    CHECK(eventually([&] { return started.load() == 20; }));
    usleep(5000);
    for (const int pid : pids) killChild(pid);
  }
  const int living = spawnSleeper(word);
  CHECK(os::parking().unpark(word, 1) == 1);
  CHECK(childSucceeded(living));
}

TEST("parkEither ends when somebody unparks the other word, where it watches two") {
  if (!os::parking().watchesTwo()) return;
  Word& word = freshWord();
  Word& other = freshWord();
  std::thread waker([&] {
    usleep(20'000);
    other.store(1);
    eventually([&] { return os::parking().unpark(other, 1) == 1; });
  });
  const double start = nowMs();
  CHECK(os::parking().parkEither(word, 0, other, 0, Deadline::after(60'000)) != ParkResult::kTimedOut);
  CHECK(nowMs() - start < 30'000);
  waker.join();
}

TEST("the death of a life word's owner by SIGKILL ends a park on it") {
  if (!os::parking().watchesTwo()) return;
  for (const bool either : {false, true}) {
    Word& word = freshWord();
    Word& lifeWord = freshWord();
    const int pid = spawnOwner(lifeWord);
    const uint32_t alive = watch(lifeWord);
    std::thread killer([&] {
      usleep(20'000);
      killChild(pid);
    });
    const double start = nowMs();
    const ParkResult result = either ? os::parking().parkEither(word, 0, lifeWord, alive, Deadline::after(60'000))
                                     : os::parking().park(lifeWord, alive, Deadline::after(60'000));
    CHECK(result == ParkResult::kWoken);
    CHECK(nowMs() - start < 30'000);
    CHECK((lifeWord.load() & os::liveness::kLifeDied) != 0);
    killer.join();
    os::liveness::Claim claim{};
    CHECK(os::liveness::claim(lifeWord, claim).ok() && claim == os::liveness::Claim::kDead);
    CHECK(os::liveness::release(lifeWord).ok());
  }
}

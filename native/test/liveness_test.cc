#include "../os/liveness.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "check.h"

using namespace forkful;
using namespace forkful::test;
using os::Word;
using os::liveness::Claim;
using os::liveness::kLifeDied;
using os::liveness::kLifeWatched;

namespace {

Word& freshLifeWord() {
  Word& lifeWord = freshWord();
  memset(static_cast<void*>(&lifeWord), 0xab, os::liveness::kLifeBytes);
  CHECK(os::liveness::init(lifeWord).ok());
  CHECK(lifeWord.load() == 0);
  return lifeWord;
}

Claim claim(Word& lifeWord) {
  Claim result{};
  CHECK(os::liveness::claim(lifeWord, result).ok());
  return result;
}

Claim claimInAnotherThread(Word& lifeWord) {
  Claim result{};
  std::thread([&] { result = claim(lifeWord); }).join();
  return result;
}

uint32_t ownId() { return static_cast<uint32_t>(syscall(SYS_gettid)); }

}  // namespace

TEST("this system has life words") { CHECK(os::liveness::isSupported()); }

TEST("a life word is free, then busy for all, then free again") {
  Word& lifeWord = freshLifeWord();
  CHECK(claim(lifeWord) == Claim::kFree);
  CHECK(lifeWord.load() == ownId());
  CHECK(claim(lifeWord) == Claim::kBusy);
  CHECK(claimInAnotherThread(lifeWord) == Claim::kBusy);
  CHECK(os::liveness::release(lifeWord).ok());
  CHECK(lifeWord.load() == 0);
  CHECK(claim(lifeWord) == Claim::kFree);
  CHECK(os::liveness::release(lifeWord).ok());
}

TEST("only the owner can release") {
  Word& lifeWord = freshLifeWord();
  CHECK(claim(lifeWord) == Claim::kFree);
  std::thread([&] { CHECK(os::liveness::release(lifeWord).error == EPERM); }).join();
  CHECK(os::liveness::release(lifeWord).ok());
  CHECK(os::liveness::release(lifeWord).error == EPERM);
}

TEST("a thread that ends normally leaves its word dead") {
  Word& lifeWord = freshLifeWord();
  CHECK(claimInAnotherThread(lifeWord) == Claim::kFree);
  CHECK(eventually([&] { return (lifeWord.load() & kLifeDied) != 0; }));
  CHECK(claim(lifeWord) == Claim::kDead);
  CHECK(lifeWord.load() == ownId());
  CHECK(claimInAnotherThread(lifeWord) == Claim::kBusy);
  CHECK(os::liveness::release(lifeWord).ok());
  CHECK(claim(lifeWord) == Claim::kFree);
  CHECK(os::liveness::release(lifeWord).ok());
}

TEST("a process that is killed leaves its word dead, also for one who had it watched") {
  for (const bool isWatched : {false, true}) {
    Word& lifeWord = freshLifeWord();
    const int pid = spawnChild([&] {
      CHECK(claim(lifeWord) == Claim::kFree);
      pause();
    });
    CHECK(eventually([&] { return lifeWord.load() == static_cast<uint32_t>(pid); }));
    if (isWatched) lifeWord.fetch_or(kLifeWatched);
    CHECK(claim(lifeWord) == Claim::kBusy);
    killChild(pid);
    CHECK(lifeWord.load() == (kLifeDied | (isWatched ? kLifeWatched : 0)));
    CHECK(claim(lifeWord) == Claim::kDead);
    // The mark of the watchers stays: the next release wakes one.
    CHECK(lifeWord.load() == (ownId() | (isWatched ? kLifeWatched : 0)));
    CHECK(os::liveness::release(lifeWord).ok());
    CHECK(lifeWord.load() == 0);
  }
}

TEST("a word dies again and again") {
  Word& lifeWord = freshLifeWord();
  for (int round = 0; round < 50; round++) {
    const Claim expected = round == 0 ? Claim::kFree : Claim::kDead;
    CHECK(childSucceeded(spawnChild([&] { CHECK(claim(lifeWord) == expected); })));
  }
  CHECK(claim(lifeWord) == Claim::kDead);
  CHECK(os::liveness::release(lifeWord).ok());
}

TEST("one thread can claim many, and all die with it") {
  Word* lifeWords[32];
  for (auto*& lifeWord : lifeWords) lifeWord = &freshLifeWord();
  CHECK(childSucceeded(spawnChild([&] {
    for (auto* lifeWord : lifeWords) CHECK(claim(*lifeWord) == Claim::kFree);
  })));
  for (auto* lifeWord : lifeWords) CHECK(lifeWord->load() == kLifeDied);
}

#include "../os/worker_pool.h"

#include <unistd.h>

#include <atomic>
#include <functional>

#include "check.h"

using namespace forkful;
using namespace forkful::test;
using os::Deadline;
using os::PoolTask;
using os::WorkerPool;

namespace {

class Task final : public PoolTask {
 public:
  explicit Task(std::function<void()> body) : body_(std::move(body)) {}
  void run() override { body_(); }

 private:
  std::function<void()> body_;
};

PoolTask* task(std::function<void()> body) { return new Task(std::move(body)); }

constexpr WorkerPool::Kind kAwaited{WorkerPool::kUserVisible, true};
constexpr WorkerPool::Kind kUnawaited{WorkerPool::kUserVisible, false};

/** Pools are never destroyed, and the leak checker must find them. */
WorkerPool& makePool(int threads) {
  static WorkerPool* pools[16];
  static int count = 0;
  pools[count] = new WorkerPool;
  pools[count]->limitThreads(threads);
  return *pools[count++];
}

}  // namespace

TEST_WITHOUT_REGION("a pool runs every task once, those posted by tasks and from several threads too") {
  WorkerPool& pool = makePool(3);
  std::atomic<int> runs{0};
  for (int i = 0; i < 500; i++) {
    pool.post(task([&] {
      runs++;
      pool.post(task([&] { runs++; }), kAwaited);
    }), kAwaited);
  }
  CHECK(pool.drain(Deadline::after(60'000)));
  CHECK(runs == 1000);
  CHECK(pool.finishedTasks() == 1000);
}

TEST_WITHOUT_REGION("a pool runs urgent tasks first") {
  WorkerPool& pool = makePool(1);
  CHECK(pool.pause(Deadline::after(60'000)));
  pool.resume();
  std::atomic<bool> mayGo{false};
  std::string order;
  pool.post(task([&] { CHECK(eventually([&] { return mayGo.load(); })); }), kAwaited);
  pool.post(task([&] { order += 'c'; }), {WorkerPool::kBestEffort, true});
  pool.post(task([&] { order += 'b'; }), {WorkerPool::kUserVisible, true});
  pool.post(task([&] { order += 'a'; }), {WorkerPool::kUserBlocking, true});
  mayGo = true;
  CHECK(pool.drain(Deadline::after(60'000)));
  CHECK(order == "abc");
}

TEST_WITHOUT_REGION("delayed tasks run in the order of their times and not before; draining does not wait for them") {
  WorkerPool& pool = makePool(1);
  std::string order;
  std::atomic<int> runs{0};
  const double start = nowMs();
  double lastAt = 0;
  pool.postDelayed(task([&] { order += 'b', lastAt = nowMs(), runs++; }), kAwaited, 60);
  pool.postDelayed(task([&] { order += 'a', runs++; }), kAwaited, 20);
  const double postedMs = nowMs() - start;
  // The second is due no sooner than that.
  CHECK(pool.drain(Deadline::after(0)) || nowMs() - start >= 20);
  CHECK(eventually([&] { return runs == 2; }));
  CHECK(pool.drain(Deadline::after(60'000)));
  CHECK(order == "ab" || postedMs >= 40);
  CHECK(lastAt - start >= 60);
}

TEST_WITHOUT_REGION("draining waits for awaited tasks only, and no longer than its deadline") {
  WorkerPool& pool = makePool(2);
  // The unawaited task may outlive this function by a moment.
  static std::atomic<bool> mayGo{false};
  static std::atomic<int> ended{0};
  const auto waitForGo = [] {
    CHECK(eventually([] { return mayGo.load(); }));
    ended++;
  };
  pool.post(task(waitForGo), kUnawaited);
  CHECK(pool.drain(Deadline::after(60'000)));
  pool.post(task(waitForGo), kAwaited);
  CHECK(!pool.drain(Deadline::after(10)));
  mayGo = true;
  CHECK(pool.drain(Deadline::after(60'000)));
  CHECK(eventually([] { return ended == 2; }));
}

TEST_WITHOUT_REGION("a pause gives up when a task does not end, and then all goes on") {
  WorkerPool& pool = makePool(2);
  std::atomic<bool> mayGo{false};
  std::atomic<bool> hasBegun{false};
  pool.post(task([&] {
    hasBegun = true;
    CHECK(eventually([&] { return mayGo.load(); }));
  }), kAwaited);
  CHECK(eventually([&] { return hasBegun.load(); }));
  const double start = nowMs();
  CHECK(!pool.pause(Deadline::after(20)));
  CHECK(nowMs() - start >= 20);
  mayGo = true;
  CHECK(pool.drain(Deadline::after(60'000)));
}

TEST_WITHOUT_REGION("what is posted in a pause that is given up runs after it, on threads that have looked in vain") {
  WorkerPool& pool = makePool(2);
  // Both threads are made, and sleep.
  std::atomic<int> met{0};
  const auto meet = [&] {
    met++;
    CHECK(eventually([&] { return met == 2; }));
  };
  for (int i = 0; i < 2; i++) pool.post(task(meet), kAwaited);
  CHECK(pool.drain(Deadline::after(60'000)));
  const auto isGivenUp = [&](double delayMs) {
    std::atomic<bool> hasBegun{false};
    std::atomic<bool> mayPost{false};
    std::atomic<bool> hasRun{false};
    pool.post(task([&] {
      hasBegun = true;
      CHECK(eventually([&] { return mayPost.load(); }));
      const auto other = [&] { hasRun = true; };
      delayMs < 0 ? pool.post(task(other), kAwaited) : pool.postDelayed(task(other), kAwaited, delayMs);
      CHECK(eventually([&] { return hasRun.load(); }));
    }), kAwaited);
    CHECK(eventually([&] { return hasBegun.load(); }));
    mayPost = true;
    const bool paused = pool.pause(Deadline::after(50));
    if (paused) pool.resume();
    CHECK(eventually([&] { return hasRun.load(); }));
    CHECK(pool.drain(Deadline::after(60'000)));
    return !paused;
  };
  // A moment without a processor, and all is done before the pause: then once more.
  for (const double delayMs : {-1.0, 1.0}) CHECK(eventually([&] { return isGivenUp(delayMs); }));
}

TEST_WITHOUT_REGION("a stopped pool begins nothing any more") {
  WorkerPool& pool = makePool(2);
  std::atomic<int> runs{0};
  pool.post(task([&] { runs++; }), kAwaited);
  CHECK(pool.drain(Deadline::after(60'000)));
  pool.stop();
  static PoolTask* never = nullptr;  // reachable, for the leak checker
  never = task([&] { runs++; });
  pool.post(never, kAwaited);
  CHECK(!pool.drain(Deadline::after(20)));
  CHECK(runs == 1);
}

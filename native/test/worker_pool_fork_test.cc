#include "../os/quiescence.h"
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

/** Pools are never destroyed, and the leak checker must find them. */
WorkerPool& makePool(int threads) {
  static WorkerPool* pools[16];
  static int count = 0;
  pools[count] = new WorkerPool;
  pools[count]->limitThreads(threads);
  return *pools[count++];
}

}  // namespace

TEST_WITHOUT_REGION("a fork in a pause: tasks that had not begun run in the parent and in the child") {
  WorkerPool& pool = makePool(2);
  std::atomic<int> runs{0};
  for (int round = 0; round < 20; round++) {
    runs = 0;
    for (int i = 0; i < 50; i++) pool.post(task([&] { runs++; }), kAwaited);
    pool.postDelayed(task([&] { runs++; }), kAwaited, 1);
    CHECK(pool.pause(Deadline::after(60'000)));
    // As before every fork: a thread that is just being made may hold locks, those of the sanitizer's allocator for one.
    CHECK(os::waitUntilQuiet(Deadline::after(60'000)));
    const int child = spawnChild([&] {
      WorkerPool* own = pool.successor();
      CHECK(eventually([&] { return runs == 51; }));
      CHECK(own->drain(Deadline::after(60'000)));
    });
    pool.resume();
    CHECK(eventually([&] { return runs == 51; }));
    CHECK(childSucceeded(child));
  }
}

#pragma once
// Threads that run V8's background tasks, made so that a process can fork between two tasks.
//
// Threads come into being with the tasks, up to a limit, and never end: a pool is never destroyed, since another thread may be inside it
// while the process runs its exit handlers.
//
// Thread safety: any method may be called from any thread. Between a pause() that returned true and the resume() or successor() that ends
// it the pool's lock is held by the thread that paused.

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <vector>

#include "deadline.h"

namespace forkful::os {

/** What v8::Task is: a destructor, then one method to run it. The order is that of V8's virtual table, through which these are called. */
class PoolTask {
 public:
  virtual ~PoolTask() = default;
  virtual void run() = 0;
};

class WorkerPool {
 public:
  /** Those of v8::TaskPriority. */
  enum Priority : int { kBestEffort = 0, kUserVisible = 1, kUserBlocking = 2 };

  /** What drain() has to know of a task. */
  struct Kind {
    Priority priority = kUserVisible;
    bool isAwaited = true;  // by drain()
  };

  WorkerPool() = default;
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /** At most so many threads, from now on. At least 1. */
  void limitThreads(int most);

  /** Takes over the task. */
  void post(PoolTask* task, Kind kind);
  void postDelayed(PoolTask* task, Kind kind, double delayMs);

  /** Waits until no awaited task is queued or running; delayed ones count once they are due. False when the deadline came first. */
  bool drain(Deadline deadline);

  /** Of drain(): whether it is as it was left then, with nothing done in between. `finished` is what was done until now. */
  bool isStillDrained(uint64_t& finished);
  /** Nothing runs, or could run now. */
  bool isIdle();

  /** Lets running tasks end and no other begin, for good. What is queued stays there. */
  void stop();

  /**
   * Lets running tasks end and no other begin. True: none runs, and the lock is held. False when the deadline came first: all goes on.
   */
  bool pause(Deadline deadline);
  /** Ends a pause where the threads still exist. */
  void resume();
  /** Ends a pause in a forked child, where they do not: a new pool with the same tasks. The old one is never touched again. */
  WorkerPool* successor();

  /** How many tasks have run. In a pause: if this is the number of another pause, no background code has run since then. */
  uint64_t finishedTasks() const { return finished_; }

 private:
  struct Entry {
    PoolTask* task;
    Kind kind;
  };
  struct Delayed {
    Deadline due;
    Entry entry;
    bool operator<(const Delayed& other) const { return other.due < due; }  // for a heap with the earliest on top
  };
  /**
   * A condition variable. Not pthread's: the addon takes its symbols without versions (binding.gyp says why), and so gets those of glibc
   * before 2.3.2, which know no clock but the wall's.
   */
  class Signal {
   public:
    /** Sleeps until raised, or until the deadline if there is one; may end early. False: the deadline has passed. REQUIRES: locked. */
    bool wait(pthread_mutex_t& mutex, const Deadline* deadline);
    /** REQUIRES: `mutex` of those who wait is locked. */
    void raiseOne() { raise(1); }
    void raiseAll();

   private:
    void raise(int count);
    std::atomic<uint32_t> raised_{0};
  };

  void lock() { pthread_mutex_lock(&mutex_); }
  void unlock() { pthread_mutex_unlock(&mutex_); }
  // The rest REQUIRES: the lock is held.
  void enqueue(Entry entry);
  bool hasQueued() const;
  bool takeTask(Entry& out);
  void takeDue();
  void sleepUntilWork();
  void addThreadIfNeeded();
  void work();

  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  Signal work_;     // something to do, or a pause is over
  Signal taskEnd_;  // a task has ended
  std::deque<Entry> queues_[3];
  std::vector<Delayed> delayed_;
  int most_ = 1;
  int threads_ = 0;
  int idle_ = 0;     // of threads_, those that wait for work_
  int running_ = 0;  // tasks
  int awaited_ = 0;  // tasks queued or running
  uint64_t finished_ = 0;
  bool paused_ = false;
};

}  // namespace forkful::os

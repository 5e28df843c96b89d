#include "worker_pool.h"

#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

namespace forkful::os {

namespace {

// What Node gives its own: V8's compilers recurse deeply.
constexpr size_t kStackBytes = size_t{8} << 20;

// Tells these threads from Node's in /proc and in a debugger.
constexpr char kThreadName[] = "forkful-v8";

}  // namespace

bool WorkerPool::Signal::wait(pthread_mutex_t& mutex, const Deadline* deadline) {
  if (deadline != nullptr && deadline->passed()) return false;
  // Read with the lock held, under which it is raised: one that comes after the unlock keeps the sleep from beginning.
  const uint32_t before = raised_.load();
  pthread_mutex_unlock(&mutex);
  const timespec until = deadline != nullptr ? deadline->absolute() : timespec{};
  // The BITSET form takes an absolute time, on the monotonic clock.
  syscall(SYS_futex, &raised_, FUTEX_WAIT_BITSET_PRIVATE, before, deadline != nullptr ? &until : nullptr, nullptr, FUTEX_BITSET_MATCH_ANY);
  pthread_mutex_lock(&mutex);
  return true;
}

void WorkerPool::Signal::raise(int count) {
  raised_.fetch_add(1);
  syscall(SYS_futex, &raised_, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

void WorkerPool::Signal::raiseAll() { raise(INT_MAX); }

void WorkerPool::limitThreads(int most) {
  lock();
  most_ = most < 1 ? 1 : most;
  unlock();
}

void WorkerPool::post(PoolTask* task, Kind kind) {
  lock();
  enqueue({task, kind});
  addThreadIfNeeded();
  work_.raiseOne();
  unlock();
}

void WorkerPool::postDelayed(PoolTask* task, Kind kind, double delayMs) {
  lock();
  delayed_.push_back({Deadline::after(delayMs > 0 ? delayMs : 0), {task, kind}});
  std::push_heap(delayed_.begin(), delayed_.end());
  addThreadIfNeeded();
  // Each, since any one may sleep for too long now.
  work_.raiseAll();
  unlock();
}

bool WorkerPool::drain(Deadline deadline) {
  lock();
  while (awaited_ > 0 && taskEnd_.wait(mutex_, &deadline)) {
  }
  const bool isDrained = awaited_ == 0;
  unlock();
  return isDrained;
}

void WorkerPool::stop() {
  lock();
  paused_ = true;
  while (running_ > 0) taskEnd_.wait(mutex_, nullptr);
  unlock();
}

bool WorkerPool::pause(Deadline deadline) {
  lock();
  paused_ = true;
  while (running_ > 0 && taskEnd_.wait(mutex_, &deadline)) {
  }
  if (running_ == 0) return true;
  resume();
  return false;
}

void WorkerPool::resume() {
  paused_ = false;
  // None of them without need: those that have been woken and have not run yet make the next attempt to fork fail.
  if (hasQueued() || !delayed_.empty()) work_.raiseAll();
  unlock();
}

bool WorkerPool::isStillDrained(uint64_t& finished) {
  lock();
  const bool isStill = awaited_ == 0 && finished_ == finished;
  finished = finished_;
  unlock();
  return isStill;
}

bool WorkerPool::isIdle() {
  lock();
  const bool isIdle = running_ == 0 && !hasQueued();
  unlock();
  return isIdle;
}

WorkerPool* WorkerPool::successor() {
  auto* next = new WorkerPool;
  for (int i = 0; i < 3; i++) next->queues_[i].swap(queues_[i]);
  next->delayed_.swap(delayed_);
  next->most_ = most_;
  next->awaited_ = awaited_;
  next->finished_ = finished_;
  next->lock();
  next->addThreadIfNeeded();
  next->unlock();
  return next;
}

void WorkerPool::enqueue(Entry entry) {
  queues_[entry.kind.priority].push_back(entry);
  if (entry.kind.isAwaited) awaited_++;
}

bool WorkerPool::hasQueued() const { return !queues_[0].empty() || !queues_[1].empty() || !queues_[2].empty(); }

void WorkerPool::takeDue() {
  while (!delayed_.empty() && delayed_.front().due.passed()) {
    enqueue(delayed_.front().entry);
    std::pop_heap(delayed_.begin(), delayed_.end());
    delayed_.pop_back();
  }
}

bool WorkerPool::takeTask(Entry& out) {
  if (paused_) return false;
  takeDue();
  for (int i = 2; i >= 0; i--) {
    if (queues_[i].empty()) continue;
    out = queues_[i].front();
    queues_[i].pop_front();
    return true;
  }
  return false;
}

void WorkerPool::sleepUntilWork() {
  idle_++;
  const bool hasDeadline = !paused_ && !delayed_.empty();
  const Deadline due = hasDeadline ? delayed_.front().due : Deadline::after(0);
  work_.wait(mutex_, hasDeadline ? &due : nullptr);
  idle_--;
}

void WorkerPool::addThreadIfNeeded() {
  if (idle_ > 0 || threads_ >= most_ || (!hasQueued() && delayed_.empty())) return;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  // Signals are the main thread's business; the new thread inherits this mask.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const auto body = [](void* self) -> void* {
    pthread_setname_np(pthread_self(), kThreadName);
    static_cast<WorkerPool*>(self)->work();
    return nullptr;
  };
  pthread_t thread;
  // One that cannot be had now is tried again with the next task; meanwhile the others do the work.
  if (pthread_create(&thread, &attributes, body, this) == 0) {
    threads_++;
    // Before it runs, which may be much later: whoever looks for threads of others must not take it for one.
    pthread_setname_np(thread, kThreadName);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
}

void WorkerPool::work() {
  lock();
  for (;;) {
    Entry entry{};
    if (!takeTask(entry)) {
      sleepUntilWork();
      continue;
    }
    // Several tasks may have come due at once, or been posted while this thread was being made.
    if (hasQueued()) addThreadIfNeeded();
    running_++;
    unlock();
    entry.task->run();
    delete entry.task;
    lock();
    running_--;
    finished_++;
    if (entry.kind.isAwaited) awaited_--;
    taskEnd_.raiseAll();
  }
}

}  // namespace forkful::os

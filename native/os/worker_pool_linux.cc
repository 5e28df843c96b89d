#include "worker_pool.h"

#include <signal.h>

#include <algorithm>

namespace forkful::os {

namespace {

// What Node gives its own: V8's compilers recurse deeply.
constexpr size_t kStackBytes = size_t{8} << 20;

// Tells these threads from Node's in /proc and in a debugger.
constexpr char kThreadName[] = "forkful-v8";

int64_t monotonicNs() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

}  // namespace

void WorkerPool::limitThreads(int most) {
  lock();
  most_ = most < 1 ? 1 : most;
  unlock();
}

void WorkerPool::post(PoolTask* task, Kind kind) {
  lock();
  enqueue({task, kind});
  addThreadIfNeeded();
  work_.signal();
  unlock();
}

void WorkerPool::postDelayed(PoolTask* task, Kind kind, double delayMs) {
  lock();
  delayed_.push_back({monotonicNs() + static_cast<int64_t>(delayMs * 1e6), {task, kind}});
  std::push_heap(delayed_.begin(), delayed_.end());
  addThreadIfNeeded();
  // Each, since any one may sleep for too long now.
  work_.broadcast();
  unlock();
}

bool WorkerPool::drain(Deadline deadline) {
  const timespec until = deadline.absolute();
  lock();
  while (awaited_ > 0 && taskEnd_.waitUntil(mutex_, until)) {
  }
  const bool isDrained = awaited_ == 0;
  unlock();
  return isDrained;
}

void WorkerPool::stop() {
  lock();
  paused_ = true;
  while (running_ > 0) taskEnd_.wait(mutex_);
  unlock();
}

bool WorkerPool::pause(Deadline deadline) {
  const timespec until = deadline.absolute();
  lock();
  paused_ = true;
  while (running_ > 0 && taskEnd_.waitUntil(mutex_, until)) {
  }
  if (running_ == 0) return true;
  resume();
  return false;
}

void WorkerPool::resume() {
  paused_ = false;
  work_.broadcast();
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
  if (delayed_.empty()) return;
  const int64_t now = monotonicNs();
  while (!delayed_.empty() && delayed_.front().dueNs <= now) {
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
  if (paused_ || delayed_.empty()) {
    work_.wait(mutex_);
  } else {
    const int64_t due = delayed_.front().dueNs;
    const timespec until{static_cast<time_t>(due / 1'000'000'000), static_cast<long>(due % 1'000'000'000)};
    work_.waitUntil(mutex_, until);
  }
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
  if (pthread_create(&thread, &attributes, body, this) == 0) threads_++;
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
    taskEnd_.broadcast();
  }
}

}  // namespace forkful::os

#include "waiter_thread.h"

#include <limits.h>

#include <new>

#include "background_thread.h"
#include "parking.h"

namespace forkful::os {

namespace {

// A bound on every sleep: whoever rings may die between changing the bell and the door.
constexpr double kLongestSleepMs = 60'000;

}  // namespace

WaiterThread& WaiterThread::instance() {
  static WaiterThread* waiter = new WaiterThread;
  return *waiter;
}

Word& WaiterThread::open(Agent& agent, Word& bell, Word& door, Agent::Ring onRing, void* context) {
  // Against stop(): with no agent left the door is about to be forgotten, and this agent must not be given it.
  std::lock_guard lifecycle(lifecycle_);
  std::lock_guard lock(lock_);
  agent.bell_ = &bell;
  agent.ring_ = onRing;
  agent.context_ = context;
  agent.armed_ = false;
  agent.rung_ = false;
  agent.next_ = agents_;
  agents_ = &agent;
  if (door_ == nullptr) door_ = &door;
  return *door_;
}

Status WaiterThread::arm(Agent& agent, uint32_t expected, Deadline deadline) {
  {
    std::lock_guard lock(lock_);
    agent.expected_ = expected;
    agent.deadline_ = deadline;
    agent.rung_ = false;
    agent.armed_ = true;
    // A ringer that came before us may have found nobody armed; one that comes after this load moves the door after it too, and the thread,
    // which reads the door before it looks around under the lock, will see either the arming or the moved door.
    if (agent.bell_->load() != expected) {
      ring(agent);
      return Status::success();
    }
    if (running_ && !(deadline < nextLook_)) return Status::success();
  }
  std::lock_guard lifecycle(lifecycle_);
  if (!running_) return start();
  wakeThread();
  return Status::success();
}

bool WaiterThread::takeRing(Agent& agent) {
  std::lock_guard lock(lock_);
  const bool rung = agent.rung_;
  agent.rung_ = false;
  return rung;
}

void WaiterThread::close(Agent& agent) {
  std::lock_guard lifecycle(lifecycle_);
  bool isLast = false;
  {
    std::lock_guard lock(lock_);
    Agent** link = &agents_;
    while (*link != nullptr && *link != &agent) link = &(*link)->next_;
    if (*link == nullptr) return;
    *link = agent.next_;
    agent.next_ = nullptr;
    agent.armed_ = false;
    isLast = agents_ == nullptr;
  }
  if (isLast) stop();
}

void WaiterThread::lockForFork() {
  lifecycle_.lock();
  lock_.lock();
}

void WaiterThread::afterFork(bool isChild) {
  if (!isChild) {
    lock_.unlock();
    lifecycle_.unlock();
    return;
  }
  // Threads that waited for these locks do not exist here, so the locks begin anew instead of being given back to them.
  new (&lifecycle_) std::mutex;
  new (&lock_) std::mutex;
  thread_ = {};
  running_ = false;
  stopping_ = false;
  agents_ = nullptr;
  door_ = nullptr;
}

// REQUIRES: lifecycle_ is held.
Status WaiterThread::start() {
  {
    std::lock_guard lock(lock_);
    nextLook_ = Deadline::after(0);
    stopping_ = false;
    running_ = true;
  }
  const auto body = [](void* self) -> void* {
    static_cast<WaiterThread*>(self)->run();
    return nullptr;
  };
  const Status status = startThread(thread_, body, this);
  if (status.ok()) return status;
  std::lock_guard lock(lock_);
  running_ = false;
  return status;
}

// REQUIRES: lifecycle_ is held, no agent is open.
void WaiterThread::stop() {
  if (running_) {
    {
      std::lock_guard lock(lock_);
      stopping_ = true;
    }
    wakeThread();
    pthread_join(thread_, nullptr);
  }
  std::lock_guard lock(lock_);
  running_ = false;
  door_ = nullptr;
}

// REQUIRES: an agent is open or was a moment ago (lifecycle_ is held), so there is a door.
void WaiterThread::wakeThread() {
  door_->fetch_add(1);
  // The door is one of the family's words: others may be parked on it.
  parking().unpark(*door_, INT_MAX);
}

void WaiterThread::run() {
  lock_.lock();
  Word& door = *door_;
  lock_.unlock();
  for (;;) {
    // Read before looking around: whatever changes after this moves the door, and the park below does not begin.
    const uint32_t before = door.load();
    lock_.lock();
    const bool stopping = stopping_;
    const Deadline next = lookAround();
    nextLook_ = next;
    lock_.unlock();
    if (stopping) return;
    parking().park(door, before, next);
  }
}

// REQUIRES: lock_ is held.
Deadline WaiterThread::lookAround() {
  Deadline next = Deadline::after(kLongestSleepMs);
  for (Agent* agent = agents_; agent != nullptr; agent = agent->next_) {
    if (!agent->armed_) continue;
    if (isDue(*agent)) {
      ring(*agent);
    } else {
      next = Deadline::earlier(next, agent->deadline_);
    }
  }
  return next;
}

bool WaiterThread::isDue(const Agent& agent) { return agent.bell_->load() != agent.expected_ || agent.deadline_.passed(); }

void WaiterThread::ring(Agent& agent) {
  agent.armed_ = false;
  agent.rung_ = true;
  agent.ring_(agent.context_);
}

}  // namespace forkful::os

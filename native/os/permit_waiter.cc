#include "permit_waiter.h"

#include <mutex>
#include <new>

#include "background_thread.h"

namespace forkful::os {

namespace {

// How long the thread may not notice that nothing is wanted any more.
constexpr double kSliceMs = 100;

/** Never destroyed: threads may run while the process runs its exit handlers. */
std::mutex& everything() {
  static std::mutex* mutex = new std::mutex;
  return *mutex;
}

PermitWaiter* all = nullptr;

}  // namespace

PermitWaiter::PermitWaiter(sem_t& semaphore) : semaphore_(semaphore) {
  std::lock_guard lock(everything());
  next_ = all;
  all = this;
}

// REQUIRES: the lock is held. It also keeps a fork from copying the C library's list of semaphores while that is changed here.
PermitWaiter::~PermitWaiter() {
  PermitWaiter** link = &all;
  while (*link != this) link = &(*link)->next_;
  *link = next_;
  named_semaphore::close(semaphore_);
}

Status PermitWaiter::request(Ring ring, void* context) {
  std::lock_guard lock(everything());
  ring_ = ring;
  context_ = context;
  state_ = State::kWanted;
  // The thread of a request that was cancelled may still be there: it goes on for this one.
  if (hasThread_) return Status::success();
  const Status status = start();
  if (!status.ok()) state_ = State::kIdle;
  return status;
}

bool PermitWaiter::take() {
  std::lock_guard lock(everything());
  if (state_ != State::kTaken) return false;
  state_ = State::kIdle;
  return true;
}

void PermitWaiter::cancel() {
  std::lock_guard lock(everything());
  cancelLocked();
}

void PermitWaiter::finish() {
  pthread_t thread;
  {
    std::lock_guard lock(everything());
    cancelLocked();
    if (!hasThread_) return;
    isJoined_ = true;
    thread = thread_;
  }
  pthread_join(thread, nullptr);
  isJoined_ = false;
}

void PermitWaiter::release() {
  std::lock_guard lock(everything());
  cancelLocked();
  isReleased_ = true;
  if (!hasThread_) delete this;
}

void PermitWaiter::lockForFork() { everything().lock(); }

void PermitWaiter::afterFork(bool isChild) {
  if (!isChild) {
    everything().unlock();
    return;
  }
  // Threads that waited for it do not exist here, so the lock begins anew instead of being given back to them.
  new (&everything()) std::mutex;
  for (PermitWaiter *waiter = all, *next; waiter != nullptr; waiter = next) {
    next = waiter->next_;
    waiter->state_ = State::kIdle;
    waiter->hasThread_ = false;
    waiter->isJoined_ = false;
    if (waiter->isReleased_) delete waiter;
  }
}

void PermitWaiter::cancelLocked() {
  // It was there a moment ago, so there is room for it; if others have filled that up, nobody misses it.
  if (state_ == State::kTaken) (void)named_semaphore::post(semaphore_, 1);
  state_ = State::kIdle;
}

Status PermitWaiter::start() {
  const auto body = [](void* self) -> void* {
    static_cast<PermitWaiter*>(self)->run();
    return nullptr;
  };
  // The thread begins with the lock, and so finds `thread_` and `hasThread_` written.
  const Status status = startThread(thread_, body, this);
  hasThread_ = status.ok();
  return status;
}

void PermitWaiter::run() {
  std::lock_guard lock(everything());
  while (state_ == State::kWanted) {
    everything().unlock();
    const bool isTaken = waitForPermit(semaphore_, Deadline::after(kSliceMs));
    everything().lock();
    if (!isTaken) continue;
    if (state_ == State::kWanted) {
      state_ = State::kTaken;
      ring_(context_);
    } else {
      (void)named_semaphore::post(semaphore_, 1);
    }
  }
  hasThread_ = false;
  if (!isJoined_) pthread_detach(pthread_self());
  if (isReleased_) delete this;
}

}  // namespace forkful::os

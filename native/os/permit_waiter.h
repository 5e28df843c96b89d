#pragma once
// An open named semaphore, and the thread that waits in it on behalf of an event loop.
//
// POSIX has no way to wait for a semaphore but to block a thread in it, nor to get a thread out again. So there is one thread for each
// semaphore that promises wait for, as long as they do, and it looks up every 100 ms whether a permit is still wanted. Which promise a permit
// is for, and until when, is the event loop's business.
//
// Thread safety: the methods of one waiter are called by one thread at a time.

#include <pthread.h>

#include "named_semaphore.h"

namespace forkful::os {

class PermitWaiter {
 public:
  using Ring = void (*)(void* context);

  /** Takes over an open semaphore, and closes it when neither the owner nor the thread uses it. */
  explicit PermitWaiter(sem_t& semaphore);

  sem_t& semaphore() { return semaphore_; }

  /**
   * Wants one permit. When the thread has taken it, `ring(context)` is called once, on that thread, with a lock held: it may only pass the
   * news on. REQUIRES: none is wanted or taken. EAGAIN: no thread is to be had.
   */
  Status request(Ring ring, void* context);
  /** Hands over the permit that the thread has taken, if it has: true once per request. */
  bool take();
  /**
   * Wants none any more; one that was taken is given back. After this `ring` is not running and never will. The thread may take another one
   * for up to 100 ms; it gives that back at once.
   */
  void cancel();
  /** As cancel(), and waits until the thread is gone: at most some 100 ms. */
  void finish();
  /** As cancel(), and the owner never touches this again. */
  void release();

  /** Before a fork(): waits until nobody changes anything here, and keeps it so. */
  static void lockForFork();
  /** After it, in both processes. In the child there are no threads, and nothing is wanted: permits wanted and taken are the parent's. */
  static void afterFork(bool isChild);

  PermitWaiter(const PermitWaiter&) = delete;
  PermitWaiter& operator=(const PermitWaiter&) = delete;

 private:
  enum class State { kIdle, kWanted, kTaken };

  ~PermitWaiter();
  void run();
  // These REQUIRE: the lock is held.
  void cancelLocked();
  Status start();

  // One lock guards all that follows, of all waiters: it is never held for long.
  sem_t& semaphore_;
  State state_ = State::kIdle;
  Ring ring_ = nullptr;
  void* context_ = nullptr;
  pthread_t thread_ = {};
  bool hasThread_ = false;
  bool isJoined_ = false;    // somebody waits for the thread's end
  bool isReleased_ = false;  // the thread, if there is one, is the last to use this
  PermitWaiter* next_ = nullptr;
};

}  // namespace forkful::os

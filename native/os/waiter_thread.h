#pragma once
// The one thread per process that waits on behalf of event loops.
//
// Each agent (event loop) has a bell word. All agents of a process share one door word, on which this thread sleeps. Ringing an agent from
// anywhere: add 1 to its bell; if it is armed, add 1 to the door and unpark everybody on the door. Both words lie in shared memory, so the
// door may move for other reasons too: the thread looks around and sleeps again.
//
// Thread safety: every method may be called from any thread, those of one Agent by one thread at a time.

#include <pthread.h>

#include <mutex>

#include "deadline.h"
#include "status.h"
#include "word.h"

namespace forkful::os {

class WaiterThread {
 public:
  /** One event loop. Owned by the caller, who may free it after close(). */
  class Agent {
   public:
    using Ring = void (*)(void* context);
    Agent() = default;
    Agent(const Agent&) = delete;
    Agent& operator=(const Agent&) = delete;

   private:
    friend class WaiterThread;
    Word* bell_ = nullptr;
    Ring ring_ = nullptr;
    void* context_ = nullptr;
    bool armed_ = false;
    bool rung_ = false;
    uint32_t expected_ = 0;
    Deadline deadline_ = Deadline::after(0);
    Agent* next_ = nullptr;
  };

  /** Of this process. Never destroyed. */
  static WaiterThread& instance();

  /**
   * Registers an agent. `onRing(context)` is called on any thread, with a lock held: it may only pass the news on. Returns the process's
   * door, which is `door` when no other agent is open. REQUIRES: not open; both words stay mapped for ever.
   */
  Word& open(Agent& agent, Word& bell, Word& door, Agent::Ring onRing, void* context);

  /**
   * Rings the agent once, soon after its bell differs from `expected` or at the deadline. Replaces the last arming, and takes back its ring
   * when that was not taken yet. Starts the thread if there is none. REQUIRES: open.
   */
  Status arm(Agent& agent, uint32_t expected, Deadline deadline);

  /** Whether the last arming has rung; asked in answer to a ring, which may be late: true only once per arming. */
  bool takeRing(Agent& agent);

  /** After this, `onRing` is not running and never will. Idempotent. The last one to close ends the thread and waits for that. */
  void close(Agent& agent);

  /** Before a fork(): waits until nobody changes anything here, and keeps it so. */
  void lockForFork();
  /**
   * After it, in both processes. The child has no thread, no agents and no door: an agent of before is closed there, and close() of it does
   * nothing.
   */
  void afterFork(bool isChild);

  WaiterThread(const WaiterThread&) = delete;
  WaiterThread& operator=(const WaiterThread&) = delete;

 private:
  WaiterThread() = default;
  Status start();
  void stop();
  void run();
  void wakeThread();
  /** Rings whoever is due. Returns when to look again without being called. */
  Deadline lookAround();
  static bool isDue(const Agent& agent);
  static void ring(Agent& agent);

  // Held while the thread is started or stopped, so that neither overtakes the other. Taken before lock_; never by the thread itself.
  std::mutex lifecycle_;
  pthread_t thread_ = {};

  // Guards everything below, and every Agent.
  std::mutex lock_;
  bool running_ = false;  // written under both locks, so either suffices for reading
  Agent* agents_ = nullptr;
  Word* door_ = nullptr;
  bool stopping_ = false;
  // The thread will look around by then in any case, so arming for a later time need not wake it.
  Deadline nextLook_ = Deadline::after(0);
};

}  // namespace forkful::os

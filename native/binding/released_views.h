#pragma once
// Views that no JavaScript object can reach any more, waiting to be reported to the environment that made them.

#include <atomic>

#include "external_buffer.h"

namespace forkful::binding {

/** A stack that any thread adds to and one environment takes from, whole: so there is no ABA. */
class ReleasedViews {
 public:
  ReleasedViews() = default;
  ReleasedViews(const ReleasedViews&) = delete;
  ReleasedViews& operator=(const ReleasedViews&) = delete;
  ~ReleasedViews() {
    for (ExternalMemory* view = takeAll(); view != nullptr;) {
      ExternalMemory* next = view->nextReleased;
      delete view;
      view = next;
    }
  }

  /** Any thread. */
  void add(ExternalMemory* view) {
    view->nextReleased = head_.load(std::memory_order_relaxed);
    // release: pairs with the acquire in takeAll(), after which the view is read.
    while (!head_.compare_exchange_weak(view->nextReleased, view, std::memory_order_release, std::memory_order_relaxed)) {
    }
  }

  bool any() const { return head_.load(std::memory_order_relaxed) != nullptr; }

  /** All that were added, latest first, linked by `nextReleased`; the caller deletes them. */
  ExternalMemory* takeAll() { return head_.exchange(nullptr, std::memory_order_acquire); }

 private:
  std::atomic<ExternalMemory*> head_{nullptr};
};

}  // namespace forkful::binding

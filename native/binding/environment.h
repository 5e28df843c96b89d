#pragma once
// What the addon keeps per environment (the main thread's, or a Worker's).

#include <napi.h>

#include <memory>

#include "released_views.h"

namespace forkful::binding {

class Doorbell;
class PermitListener;

struct Environment {
  /** JavaScript's class for system failures; empty until `initialize()`. */
  Napi::FunctionReference systemError;
  /** Owned views that were let go of, to be reported here. */
  std::shared_ptr<ReleasedViews> releasedViews = std::make_shared<ReleasedViews>();
  /** The open doorbell, or nullptr. It frees itself once its handle is closed, which may be after this struct is gone. */
  Doorbell* doorbell = nullptr;
  /** What waiter threads of named semaphores ring, or nullptr. It frees itself when the environment ends. */
  PermitListener* permitListener = nullptr;

  static Environment& of(napi_env env) {
    void* data = nullptr;
    napi_get_instance_data(env, &data);
    return *static_cast<Environment*>(data);
  }
};

}  // namespace forkful::binding

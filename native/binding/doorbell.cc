#include <uv.h>

#include "../os/waiter_thread.h"
#include "args.h"
#include "doorbell.h"
#include "environment.h"
#include "error.h"
#include "exports.h"

namespace forkful::binding {

/**
 * One environment's doorbell: an agent of the waiter thread, and the handle by which that thread wakes the loop.
 *
 * It frees itself after libuv has closed the handle. Two roads lead there, close() from JavaScript and the end of the environment; the
 * environment waits for the handle in either case, since its clean-up hook is removed only then.
 */
class Doorbell {
 public:
  /** nullptr, with an exception thrown, when there is no handle to be had. */
  static Doorbell* open(napi_env env, napi_value onRing) {
    uv_loop_t* loop = nullptr;
    napi_get_uv_event_loop(env, &loop);
    auto* doorbell = new Doorbell(env);
    if (const int error = uv_async_init(loop, &doorbell->async_, onAsync); error != 0) {
      delete doorbell;
      throwStatus(env, os::Status::fail(-error, "uv_async_init"));
      return nullptr;
    }
    doorbell->async_.data = doorbell;
    uv_unref(doorbell->handle());
    napi_create_reference(env, onRing, 1, &doorbell->onRing_);
    napi_add_async_cleanup_hook(env, onEnvironmentEnd, doorbell, &doorbell->hook_);
    return doorbell;
  }

  os::Word& connect(os::Word& bell, os::Word& door) {
    // On the waiter thread or a thread that arms: no JavaScript here. The handle is open, since close() disconnects first.
    const auto ring = [](void* self) { uv_async_send(&static_cast<Doorbell*>(self)->async_); };
    return os::WaiterThread::instance().open(agent_, bell, door, ring, this);
  }

  os::Status arm(uint32_t expected, os::Deadline deadline) { return os::WaiterThread::instance().arm(agent_, expected, deadline); }

  void setRef(bool on) { on ? uv_ref(handle()) : uv_unref(handle()); }

  void close() {
    if (isClosing_) return;
    isClosing_ = true;
    os::WaiterThread::instance().close(agent_);
    napi_delete_reference(env_, onRing_);
    uv_close(handle(), [](uv_handle_t* handle) {
      auto* self = static_cast<Doorbell*>(handle->data);
      napi_remove_async_cleanup_hook(self->hook_);
      delete self;
    });
  }

 private:
  explicit Doorbell(napi_env env) : env_(env) {}

  uv_handle_t* handle() { return reinterpret_cast<uv_handle_t*>(&async_); }

  static void onAsync(uv_async_t* async) {
    auto* self = static_cast<Doorbell*>(async->data);
    // libuv may deliver what was sent before a new arming, or before close().
    if (self->isClosing_ || !os::WaiterThread::instance().takeRing(self->agent_)) return;
    const napi_env env = self->env_;
    const Napi::HandleScope scope(env);
    napi_value onRing = nullptr;
    napi_get_reference_value(env, self->onRing_, &onRing);
    // `self` may be closed, though not freed, by what runs now.
    if (napi_make_callback(env, nullptr, Napi::Env(env).Global(), onRing, 0, nullptr, nullptr) != napi_pending_exception) return;
    napi_value error = nullptr;
    if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
  }

  static void onEnvironmentEnd(napi_async_cleanup_hook_handle, void* self) { static_cast<Doorbell*>(self)->close(); }

  napi_env env_;
  uv_async_t async_;
  os::WaiterThread::Agent agent_;
  napi_ref onRing_ = nullptr;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  bool isClosing_ = false;
};

namespace {

/** The open doorbell of this environment, or nullptr with an error thrown. */
Doorbell* openDoorbell(Args& args) {
  Doorbell* doorbell = Environment::of(args.env()).doorbell;
  if (args.ok() && doorbell == nullptr) napi_throw_error(args.env(), "ERR_FORKFUL_CLOSED", "The doorbell of this thread is not open");
  return args.ok() ? doorbell : nullptr;
}

}  // namespace

napi_value doorbellOpen(napi_env env, napi_callback_info info) {
  Args args(env, info);
  os::Word& bell = args.word(0, "bellWord");
  os::Word& door = args.word(1, "doorWord");
  const napi_value onRing = args.function(2, "onRing");
  if (!args.ok()) return nullptr;
  Environment& environment = Environment::of(env);
  if (environment.doorbell != nullptr) {
    napi_throw_error(env, "ERR_FORKFUL_OPEN", "The doorbell of this thread is open already");
    return nullptr;
  }
  environment.doorbell = Doorbell::open(env, onRing);
  if (environment.doorbell == nullptr) return nullptr;
  const os::Word& processDoor = environment.doorbell->connect(bell, door);
  const auto index = &processDoor - &args.word(0, "bellWord") + args.int32(0, "bellWord");
  return Napi::Number::New(env, static_cast<double>(index));
}

napi_value doorbellArm(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const auto expected = static_cast<uint32_t>(args.int32(0, "expected"));
  const double timeoutMs = args.number(1, "timeoutMs", 0);
  Doorbell* doorbell = openDoorbell(args);
  if (doorbell == nullptr) return nullptr;
  return nothingOr(env, doorbell->arm(expected, os::Deadline::after(timeoutMs)));
}

napi_value doorbellSetRef(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const bool on = args.boolean(0, "on");
  if (Doorbell* doorbell = openDoorbell(args)) doorbell->setRef(on);
  return nullptr;
}

void closeDoorbell(napi_env env) {
  Environment& environment = Environment::of(env);
  if (environment.doorbell == nullptr) return;
  environment.doorbell->close();
  environment.doorbell = nullptr;
}

napi_value doorbellClose(napi_env env, napi_callback_info) {
  closeDoorbell(env);
  return nullptr;
}

}  // namespace forkful::binding

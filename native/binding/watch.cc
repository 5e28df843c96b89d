#include <uv.h>

#include "../os/unique_fd.h"
#include "args.h"
#include "error.h"
#include "exports.h"

namespace forkful::binding {

namespace {

/** Marks the objects that watchOpen() returns. */
constexpr napi_type_tag kWatchTag = {0x6c4f0d5b2a7e4b11, 0x9b1d3a5c7e9f2468};

/**
 * A descriptor on an event loop. As a doorbell does (doorbell.cc) it frees itself after libuv has closed its handle, and the environment
 * waits for that. JavaScript holds a Holder instead, which may live on or go first. At the end of the environment the descriptor is closed:
 * a Worker may be terminated at any statement, and the process goes on.
 */
class Watch {
 public:
  struct Holder {
    Watch* watch;
  };

  /** nullptr, with an exception thrown, when the descriptor cannot be watched. */
  static Holder* open(napi_env env, int fd, napi_value onReady) {
    uv_loop_t* loop = nullptr;
    napi_get_uv_event_loop(env, &loop);
    auto* watch = new Watch(env, fd);
    if (const int error = uv_poll_init(loop, &watch->poll_, fd); error != 0) {
      // The handle is not in the loop yet.
      delete watch->holder_;
      delete watch;
      throwStatus(env, os::Status::fail(-error, "uv_poll_init"));
      return nullptr;
    }
    watch->poll_.data = watch;
    napi_create_reference(env, onReady, 1, &watch->onReady_);
    napi_add_async_cleanup_hook(env, onEnvironmentEnd, watch, &watch->hook_);
    uv_poll_start(&watch->poll_, UV_READABLE, onPoll);
    return watch->holder_;
  }

  /** libuv stops by itself at an error of the descriptor's; this starts it again. */
  void watchFor(bool readable, bool writable) {
    const int events = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);
    if (events != 0) uv_poll_start(&poll_, events, onPoll);
    else uv_poll_stop(&poll_);
  }

  void setRef(bool on) { on ? uv_ref(handle()) : uv_unref(handle()); }

  void close() {
    if (isClosing_) return;
    isClosing_ = true;
    if (holder_ != nullptr) holder_->watch = nullptr;
    napi_delete_reference(env_, onReady_);
    // From here on libuv has nothing to do with the descriptor, which its owner may close.
    uv_close(handle(), [](uv_handle_t* handle) {
      auto* self = static_cast<Watch*>(handle->data);
      napi_remove_async_cleanup_hook(self->hook_);
      delete self;
    });
  }

  /** The object of JavaScript's was collected: the watch goes on, until the environment ends. */
  static void drop(napi_env, void* data, void*) {
    auto* holder = static_cast<Holder*>(data);
    if (holder->watch != nullptr) holder->watch->holder_ = nullptr;
    delete holder;
  }

 private:
  Watch(napi_env env, int fd) : env_(env), holder_(new Holder{this}), fd_(fd) {}

  uv_handle_t* handle() { return reinterpret_cast<uv_handle_t*>(&poll_); }

  // The status is left out: after an error the next call on the descriptor says what is wrong.
  static void onPoll(uv_poll_t* poll, int, int) {
    auto* self = static_cast<Watch*>(poll->data);
    if (self->isClosing_) return;
    const napi_env env = self->env_;
    const Napi::HandleScope scope(env);
    napi_value onReady = nullptr;
    napi_get_reference_value(env, self->onReady_, &onReady);
    // `self` may be closed, though not freed, by what runs now.
    if (napi_make_callback(env, nullptr, Napi::Env(env).Global(), onReady, 0, nullptr, nullptr) != napi_pending_exception) return;
    napi_value error = nullptr;
    if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
  }

  static void onEnvironmentEnd(napi_async_cleanup_hook_handle, void* data) {
    auto* self = static_cast<Watch*>(data);
    if (self->isClosing_) return;  // the descriptor is its owner's, who has closed it by now
    const os::UniqueFd orphan(self->fd_);
    self->close();
  }

  napi_env env_;
  Holder* holder_;
  int fd_;
  uv_poll_t poll_;
  napi_ref onReady_ = nullptr;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  bool isClosing_ = false;
};

/** Of the object in the first argument; nullptr when it is closed, or with an error thrown when it is another object. */
Watch* watchAt(Args& args) {
  bool isWatch = false;
  void* holder = nullptr;
  if (napi_check_object_type_tag(args.env(), args.raw(0), &kWatchTag, &isWatch) != napi_ok || !isWatch ||
      napi_unwrap(args.env(), args.raw(0), &holder) != napi_ok) {
    napi_throw_type_error(args.env(), "ERR_INVALID_ARG_TYPE", "watch must be an object of watchOpen()");
    return nullptr;
  }
  return static_cast<Watch::Holder*>(holder)->watch;
}

}  // namespace

napi_value watchOpen(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const int fd = args.int32(0, "fd", 0, INT32_MAX);
  const napi_value onReady = args.function(1, "onReady");
  if (!args.ok()) return nullptr;
  Watch::Holder* holder = Watch::open(env, fd, onReady);
  if (holder == nullptr) return nullptr;
  napi_value object = nullptr;
  napi_create_object(env, &object);
  napi_wrap(env, object, holder, Watch::drop, nullptr, nullptr);
  napi_type_tag_object(env, object, &kWatchTag);
  return object;
}

napi_value watchFor(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const bool readable = args.boolean(1, "readable");
  const bool writable = args.boolean(2, "writable");
  if (!args.ok()) return nullptr;
  if (Watch* watch = watchAt(args)) watch->watchFor(readable, writable);
  return nullptr;
}

napi_value watchSetRef(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const bool on = args.boolean(1, "on");
  if (!args.ok()) return nullptr;
  if (Watch* watch = watchAt(args)) watch->setRef(on);
  return nullptr;
}

napi_value watchClose(napi_env env, napi_callback_info info) {
  Args args(env, info);
  if (Watch* watch = watchAt(args)) watch->close();
  return nullptr;
}

}  // namespace forkful::binding

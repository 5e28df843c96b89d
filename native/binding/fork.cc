#include <uv.h>

#include <unistd.h>

#include <cstdio>
#include <vector>

#include "../os/descriptor_door.h"
#include "../os/fork_server.h"
#include "../os/forking.h"
#include "../os/node_exit.h"
#include "args.h"
#include "bytes.h"
#include "doorbell.h"
#include "error.h"
#include "exports.h"

namespace forkful::binding {

namespace {

constexpr int kLostChildCode = 255;

napi_value undefinedOr(napi_env env, const std::string& reason) {
  if (reason.empty()) return nullptr;
  return Napi::String::New(env, reason);
}

/** In a forked child: makes the event loop and this environment's own state those of this process. */
void takeOver(napi_env env) {
  uv_loop_t* loop = nullptr;
  napi_get_uv_event_loop(env, &loop);
  // uv_loop_fork() clears the mark of each wake-up that is on its way, so they would be lost for good. Sent again are those alone: to send
  // to every handle would start, among others, the inspector.
  std::vector<uv_async_t*> pending;
  uv_walk(
      loop,
      [](uv_handle_t* handle, void* list) {
        auto* async = reinterpret_cast<uv_async_t*>(handle);
        if (uv_handle_get_type(handle) != UV_ASYNC || uv_is_closing(handle) || async->pending == 0) return;
        static_cast<std::vector<uv_async_t*>*>(list)->push_back(async);
      },
      &pending);
  if (const int error = uv_loop_fork(loop); error != 0) {
    // Half a loop: JavaScript could not even be told in a way that it can act upon.
    fprintf(stderr, "forkful: a forked child has no event loop: %s\n", uv_strerror(error));
    _exit(kLostChildCode);
  }
  for (uv_async_t* async : pending) uv_async_send(async);
  os::descriptor_door::becomeForked();
  // Its agent is unknown to the child's waiter thread, so this only lets go of the handle.
  closeDoorbell(env);
}

}  // namespace

napi_value forkEnable(napi_env env, napi_callback_info) { return undefinedOr(env, os::forking::enable()); }

napi_value fork(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const double quietMs = args.number(0, "quietMs", 0);
  if (!args.ok()) return nullptr;
  // JavaScript has run since any earlier fork, so nothing of its preparation holds.
  os::forking::Preparation none;
  pid_t pid = -1;
  if (os::Status status = os::forking::fork(os::Deadline::after(quietMs), none, pid); !status.ok()) return throwStatus(env, status);
  if (pid == 0) takeOver(env);
  return Napi::Number::New(env, pid);
}

napi_value forkServe(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const int clientFd = args.int32(0, "clientFd", 0, INT32_MAX);
  if (!args.ok()) return nullptr;
  os::ForkedChild child;
  if (os::Status status = os::serveForks(os::UniqueFd(clientFd), child); !status.ok()) return throwStatus(env, status);
  takeOver(env);
  os::waitForGo(std::move(child.go));
  Napi::Object result = Napi::Object::New(env);
  result.Set("payload", toUint8Array(env, child.payload));
  result.Set("door", child.door.release());
  return result;
}

napi_value exitDirectly(napi_env env, napi_callback_info) { return undefinedOr(env, os::node_exit::exitDirectly()); }

napi_value exitNow(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const int code = args.int32(0, "code");
  if (!args.ok()) return nullptr;
  os::node_exit::exitNow(code);
}

}  // namespace forkful::binding

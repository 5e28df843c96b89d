// The handles of this environment's event loop, Node's own among them.
#include <uv.h>

#include <string>

#include "../os/descriptors.h"
#include "args.h"
#include "exports.h"

namespace forkful::binding {

namespace {

uv_loop_t* loopOf(napi_env env) {
  uv_loop_t* loop = nullptr;
  napi_get_uv_event_loop(env, &loop);
  return loop;
}

/** Stops a stream of the parent's from taking what is the parent's: bytes, and connections. False for the standard streams. */
bool quellStream(uv_handle_t* handle) {
  uv_os_fd_t fd = -1;
  if (uv_fileno(handle, &fd) == 0 && fd >= 0 && fd <= 2) return false;
  uv_read_stop(reinterpret_cast<uv_stream_t*>(handle));
  // libuv cannot stop listening without closing, which is for the owner to do: so the socket itself is exchanged.
  if (fd > 2) os::replaceListener(fd);
  return true;
}

/** Whether it was one that has to do with the world outside. */
bool quell(uv_handle_t* handle) {
  switch (uv_handle_get_type(handle)) {
    case UV_TCP:
    case UV_NAMED_PIPE:
    case UV_TTY:
      return quellStream(handle);
    case UV_UDP:
      uv_udp_recv_stop(reinterpret_cast<uv_udp_t*>(handle));
      return true;
    case UV_POLL:
      uv_poll_stop(reinterpret_cast<uv_poll_t*>(handle));
      return true;
    case UV_FS_EVENT:
      uv_fs_event_stop(reinterpret_cast<uv_fs_event_t*>(handle));
      return true;
    case UV_FS_POLL:
      uv_fs_poll_stop(reinterpret_cast<uv_fs_poll_t*>(handle));
      return true;
    // Signals of this process are its own; children of the parent's end elsewhere.
    case UV_SIGNAL:
    case UV_PROCESS:
      return true;
    default:
      return false;
  }
}

}  // namespace

napi_value quellHandles(napi_env env, napi_callback_info) {
  int quelled = 0;
  uv_walk(
      loopOf(env),
      [](uv_handle_t* handle, void* count) {
        if (uv_is_closing(handle) || !quell(handle)) return;
        uv_unref(handle);
        ++*static_cast<int*>(count);
      },
      &quelled);
  return Napi::Number::New(env, quelled);
}

napi_value countHandles(napi_env env, napi_callback_info) {
  int counts[UV_HANDLE_TYPE_MAX] = {};
  uv_walk(
      loopOf(env),
      [](uv_handle_t* handle, void* array) {
        const int type = uv_handle_get_type(handle);
        if (type >= 0 && type < UV_HANDLE_TYPE_MAX) static_cast<int*>(array)[type]++;
      },
      counts);
  Napi::Object result = Napi::Object::New(env);
  for (int type = 0; type < UV_HANDLE_TYPE_MAX; type++) {
    const char* name = uv_handle_type_name(static_cast<uv_handle_type>(type));
    if (counts[type] > 0 && name != nullptr) result.Set(name, counts[type]);
  }
  return result;
}

}  // namespace forkful::binding

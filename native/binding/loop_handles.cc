// The handles of this environment's event loop, Node's own among them.
#include <unistd.h>
#include <uv.h>

#include <string>

#include "../os/descriptors.h"
#include "../os/forking.h"
#include "args.h"
#include "error.h"
#include "exports.h"

namespace forkful::binding {

namespace {

uv_loop_t* loopOf(napi_env env) {
  uv_loop_t* loop = nullptr;
  napi_get_uv_event_loop(env, &loop);
  return loop;
}

int fdOf(uv_handle_t* handle) {
  uv_os_fd_t fd = -1;
  return uv_fileno(handle, &fd) == 0 ? fd : -1;
}

/** Stops a stream of the parent's from taking what is the parent's: bytes, and connections. False for standard output and error. */
bool quellStream(uv_handle_t* handle) {
  const int fd = fdOf(handle);
  uv_read_stop(reinterpret_cast<uv_stream_t*>(handle));
  if (fd == STDOUT_FILENO || fd == STDERR_FILENO) return false;
  // libuv cannot stop listening without closing, which is for the owner to do: so the socket itself is exchanged. A handle that is not active does not
  // accept, though its socket may be listening: another copy of this process may have begun that.
  if (fd > 2 && uv_is_active(handle)) os::replaceListener(fd);
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
    // Signals of this process are its own; children of the parent's end elsewhere; whoever would wake this loop does not know of it.
    case UV_SIGNAL:
    case UV_PROCESS:
    case UV_ASYNC:
      return true;
    default:
      return false;
  }
}

/**
 * What the thread pool had done for the parent when it forked, and the parent had not yet been told: the parent is, so this process is not. Such requests
 * stay under way here, as those that the pool was still at. No thread of the pool exists yet in this process.
 */
void forgetFinishedWork(uv_loop_t* loop) {
  // An empty queue is a ring of one: some versions of libuv declare it as two pointers, some as a struct of two.
  auto** queue = reinterpret_cast<void**>(&loop->wq);
  queue[0] = queue[1] = queue;
}

}  // namespace

napi_value quellHandles(napi_env env, napi_callback_info) {
  bool isStdinWatched = false;
  uv_walk(
      loopOf(env),
      [](uv_handle_t* handle, void* watched) {
        if (fdOf(handle) == STDIN_FILENO) *static_cast<bool*>(watched) = true;
        if (!uv_is_closing(handle) && quell(handle)) uv_unref(handle);
      },
      &isStdinWatched);
  forgetFinishedWork(loopOf(env));
  // What the parent is given to read is the parent's.
  if (os::Status status = os::emptyStdin(isStdinWatched); !status.ok()) return throwStatus(env, status);
  return nullptr;
}

napi_value loopLoad(napi_env env, napi_callback_info) {
  uv_loop_t* loop = loopOf(env);
  int handles = 0;
  uv_walk(
      loop,
      [](uv_handle_t* handle, void* count) {
        if (uv_is_active(handle) && uv_has_ref(handle) && !uv_is_closing(handle)) ++*static_cast<int*>(count);
      },
      &handles);
  Napi::Object result = Napi::Object::New(env);
  result.Set("handles", handles);
  result.Set("requests", static_cast<double>(loop->active_reqs.count));
  result.Set("isIdle", os::forking::isIdle());
  return result;
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

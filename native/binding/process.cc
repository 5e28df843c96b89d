#include <unistd.h>

#include "../os/descriptors.h"
#include "../os/pidfd.h"
#include "../os/process_host.h"
#include "args.h"
#include "error.h"
#include "exports.h"

namespace forkful::binding {

namespace {

// 0 and below would mean a group of processes, or all of them.
pid_t pidAt(Args& args, size_t i, const char* name) { return args.int32(i, name, 1, INT32_MAX); }

napi_value numberOrNull(napi_env env, bool isNumber, int value) {
  if (!isNumber) return Napi::Env(env).Null();
  return Napi::Number::New(env, value);
}

/** An ExitStatus. */
napi_value toExitStatus(napi_env env, const os::process_host::Exit& exit) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("code", numberOrNull(env, exit.signal == 0, exit.code));
  result.Set("signal", numberOrNull(env, exit.signal != 0, exit.signal));
  return result;
}

}  // namespace

napi_value kill(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const pid_t pid = pidAt(args, 0, "pid");
  const int signal = args.int32(1, "signal", 0, 64);
  if (!args.ok()) return nullptr;
  bool existed = false;
  if (os::Status status = os::process_host::kill(pid, signal, existed); !status.ok()) return throwStatus(env, status);
  return Napi::Boolean::New(env, existed);
}

napi_value waitExit(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const pid_t pid = pidAt(args, 0, "pid");
  const double timeoutMs = args.number(1, "timeoutMs", 0);
  if (!args.ok()) return nullptr;
  bool ended = false;
  os::process_host::Exit exit;
  os::Status status = os::process_host::waitExit(pid, os::Deadline::after(timeoutMs), ended, exit);
  if (!status.ok()) return throwStatus(env, status);
  if (!ended) return Napi::Env(env).Null();
  return toExitStatus(env, exit);
}

napi_value dieWithParent(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const pid_t parentPid = pidAt(args, 0, "parentPid");
  if (!args.ok()) return nullptr;
  return Napi::Boolean::New(env, os::process_host::dieWithParent(parentPid));
}

napi_value reap(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const pid_t pid = pidAt(args, 0, "pid");
  if (!args.ok()) return nullptr;
  bool ended = false;
  os::process_host::Exit exit;
  if (os::Status status = os::process_host::reap(pid, ended, exit); !status.ok()) return throwStatus(env, status);
  return ended ? toExitStatus(env, exit) : static_cast<napi_value>(Napi::Env(env).Null());
}

napi_value pidfdOpen(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const pid_t pid = pidAt(args, 0, "pid");
  if (!args.ok()) return nullptr;
  os::UniqueFd fd;
  if (os::Status status = os::pidfd::open(pid, fd); !status.ok()) return throwStatus(env, status);
  return Napi::Number::New(env, fd.release());
}

napi_value pidfdSignal(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const int pidfd = args.int32(0, "pidfd", 0, INT32_MAX);
  const int signal = args.int32(1, "signal", 0, 64);
  if (!args.ok()) return nullptr;
  bool existed = false;
  if (os::Status status = os::pidfd::signal(pidfd, signal, existed); !status.ok()) return throwStatus(env, status);
  return Napi::Boolean::New(env, existed);
}

napi_value pidfdWait(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const int pidfd = args.int32(0, "pidfd", 0, INT32_MAX);
  const double timeoutMs = args.number(1, "timeoutMs", 0);
  if (!args.ok()) return nullptr;
  os::pidfd::End end{};
  os::process_host::Exit exit;
  os::Status status = os::pidfd::wait(pidfd, os::Deadline::after(timeoutMs), end, exit);
  if (!status.ok()) return throwStatus(env, status);
  switch (end) {
    case os::pidfd::End::kTold:
      return toExitStatus(env, exit);
    case os::pidfd::End::kUntold:
      return Napi::Env(env).Null();
    case os::pidfd::End::kRuns:
      break;
  }
  return nullptr;
}

napi_value umask(napi_env env, napi_callback_info) {
  mode_t mask = 0;
  if (os::Status status = os::process_host::fileModeMask(mask); !status.ok()) return throwStatus(env, status);
  return Napi::Number::New(env, mask);
}

napi_value redirect(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const int fd = args.int32(0, "fd", 0, INT32_MAX);
  const int onto = args.int32(1, "onto", 0, INT32_MAX);
  if (!args.ok()) return nullptr;
  return nothingOr(env, os::redirect(fd, onto));
}

napi_value pid(napi_env env, napi_callback_info) { return Napi::Number::New(env, getpid()); }

napi_value parentPid(napi_env env, napi_callback_info) { return Napi::Number::New(env, getppid()); }

}  // namespace forkful::binding

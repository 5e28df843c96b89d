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
  Napi::Object result = Napi::Object::New(env);
  result.Set("code", numberOrNull(env, exit.signal == 0, exit.code));
  result.Set("signal", numberOrNull(env, exit.signal != 0, exit.signal));
  return result;
}

napi_value dieWithParent(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const pid_t parentPid = pidAt(args, 0, "parentPid");
  if (!args.ok()) return nullptr;
  return Napi::Boolean::New(env, os::process_host::dieWithParent(parentPid));
}

}  // namespace forkful::binding

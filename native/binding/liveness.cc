#include "../os/liveness.h"

#include "args.h"
#include "error.h"
#include "exports.h"

namespace forkful::binding {

napi_value lifeInit(napi_env env, napi_callback_info info) {
  Args args(env, info);
  os::Word& lifeWord = args.wordWithRoom(0, "lifeWord", os::liveness::kLifeBytes);
  if (!args.ok()) return nullptr;
  return nothingOr(env, os::liveness::init(lifeWord));
}

napi_value lifeClaim(napi_env env, napi_callback_info info) {
  Args args(env, info);
  os::Word& lifeWord = args.wordWithRoom(0, "lifeWord", os::liveness::kLifeBytes);
  if (!args.ok()) return nullptr;
  os::liveness::Claim result{};
  if (os::Status status = os::liveness::claim(lifeWord, result); !status.ok()) return throwStatus(env, status);
  return Napi::Number::New(env, static_cast<int>(result));
}

napi_value lifeRelease(napi_env env, napi_callback_info info) {
  Args args(env, info);
  os::Word& lifeWord = args.wordWithRoom(0, "lifeWord", os::liveness::kLifeBytes);
  if (!args.ok()) return nullptr;
  return nothingOr(env, os::liveness::release(lifeWord));
}

}  // namespace forkful::binding

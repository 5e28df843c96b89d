#pragma once
// os::Status → a thrown JavaScript error with what Node's own system errors carry: code, errno (negative), syscall.

#include <napi.h>

#include "../os/status.h"

namespace forkful::binding {

/** Throws the status as JavaScript's SystemError. REQUIRES: it is a failure. Returns nullptr, what a function that has thrown returns. */
napi_value throwStatus(napi_env env, os::Status status);

/** For functions that answer nothing: undefined, or the status thrown. */
inline napi_value nothingOr(napi_env env, os::Status status) { return status.ok() ? nullptr : throwStatus(env, status); }

}  // namespace forkful::binding

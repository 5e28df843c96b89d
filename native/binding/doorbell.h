#pragma once
// For a forked child: see fork.cc.

#include <node_api.h>

namespace forkful::binding {

/** Closes this environment's doorbell, if one is open; then another can be opened. Touches no thread when no agent of it is registered. */
void closeDoorbell(napi_env env);

}  // namespace forkful::binding

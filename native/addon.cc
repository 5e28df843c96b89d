// Module entry. State is per environment, so that any number of Workers may load the addon beside the main thread.
//
// Order of teardown, when an environment ends: its doorbell's clean-up hook leaves the waiter thread and closes the handle; then Node runs
// the finalisers of buffers, which report their tokens to whoever is left; then the Environment goes. The region, the parking and the
// waiter thread belong to the process and stay: the library is linked never to be unloaded, since another thread may be inside it.
#include <napi.h>

#include <cstdlib>
#include <cstring>

#include "binding/environment.h"
#include "binding/exports.h"
#include "os/liveness.h"
#include "os/parking.h"

namespace {

using forkful::binding::Environment;

/**
 * Raised with every change of the exports or of what lies at fixed places in the region. The twin of ADDON_ABI in src/platform/addon.ts.
 */
constexpr int kAbi = 4;

/** initialize(SystemError): hands over the class that JavaScript knows system failures by. */
napi_value initialize(napi_env env, napi_callback_info info) {
  const Napi::CallbackInfo call(env, info);
  if (!call[0].IsFunction()) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "SystemError must be a class");
    return nullptr;
  }
  Environment::of(env).systemError = Napi::Persistent(call[0].As<Napi::Function>());
  return nullptr;
}

/** Obeys FORKFUL_PARKING. Returns false for a value that is none. */
bool chooseParking() {
  const char* name = getenv("FORKFUL_PARKING");
  if (name == nullptr || *name == '\0' || strcmp(name, "futex") == 0) return true;
  if (strcmp(name, "semaphore") != 0) return false;
  forkful::os::chooseParking(forkful::os::ParkingKind::kSemaphore);
  return true;
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  if (!chooseParking()) {
    Napi::Error::New(env, "FORKFUL_PARKING must be futex or semaphore").ThrowAsJavaScriptException();
    return exports;
  }
  if (!forkful::os::liveness::isSupported()) {
    Napi::Error::New(env, "this system's C library has no robust mutexes whose first word names their owner").ThrowAsJavaScriptException();
    return exports;
  }
  napi_set_instance_data(env, new Environment, [](napi_env, void* data, void*) { delete static_cast<Environment*>(data); }, nullptr);
  exports.Set("abi", kAbi);
#define FORKFUL_PROPERTY(name) {#name, nullptr, forkful::binding::name, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
  const napi_property_descriptor properties[] = {
      FORKFUL_EXPORTS(FORKFUL_PROPERTY)  //
      {"initialize", nullptr, initialize, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
  };
#undef FORKFUL_PROPERTY
  napi_define_properties(env, exports, sizeof properties / sizeof *properties, properties);
  return exports;
}

NODE_API_MODULE(forkful, init)

}  // namespace

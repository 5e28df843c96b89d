#include "error.h"

#include <uv.h>

#include "environment.h"

namespace forkful::binding {

namespace {

/** "ENOMEM" for 12. libuv lacks the names of errors that its own calls never return. */
std::string nameOf(int error, int number) {
  switch (error) {
    case ECHILD:
      return "ECHILD";
    case ENOTRECOVERABLE:
      return "ENOTRECOVERABLE";
    default: {
      char name[64];
      return uv_err_name_r(number, name, sizeof name);
    }
  }
}

}  // namespace

napi_value throwStatus(napi_env env, os::Status status) {
  const int number = uv_translate_sys_error(status.error);
  const std::string code = nameOf(status.error, number);
  const auto& systemError = Environment::of(env).systemError;
  if (systemError.IsEmpty()) {
    Napi::Error error = Napi::Error::New(env, std::string(status.syscall) + " failed: " + code);
    error.Set("code", code);
    error.Set("errno", Napi::Number::New(env, number));
    error.Set("syscall", status.syscall);
    error.ThrowAsJavaScriptException();
    return nullptr;
  }
  const napi_value arguments[] = {Napi::String::New(env, status.syscall), Napi::String::New(env, code), Napi::Number::New(env, number)};
  napi_value error = nullptr;
  if (napi_new_instance(env, systemError.Value(), 3, arguments, &error) == napi_ok) napi_throw(env, error);
  return nullptr;
}

}  // namespace forkful::binding

#pragma once
// Bytes that JavaScript gets a copy of.

#include <napi.h>

#include <cstring>
#include <string>

namespace forkful::binding {

/** A Uint8Array, the only view of its ArrayBuffer. */
inline napi_value toUint8Array(napi_env env, const std::string& bytes) {
  void* data = nullptr;
  napi_value buffer = nullptr;
  napi_value array = nullptr;
  if (napi_create_arraybuffer(env, bytes.size(), &data, &buffer) != napi_ok) return nullptr;
  if (!bytes.empty()) memcpy(data, bytes.data(), bytes.size());
  napi_create_typedarray(env, napi_uint8_array, bytes.size(), buffer, 0, &array);
  return array;
}

}  // namespace forkful::binding

#include "external_buffer.h"

#include <dlfcn.h>

namespace forkful::binding {

namespace {

// Smaller ones are not worth telling the collector: their number, which it sees, is a fair measure.
constexpr size_t kWorthReporting = size_t{1} << 20;

using FinalizeShared = void (*)(void* data, void* hint);
using MakeShared = napi_status (*)(napi_env, void* data, size_t bytes, FinalizeShared finalize, void* hint, napi_value* result);

/** Node 22.23, 24.21 and 26.9 have it, Node 20 has not; so it is looked up, and one binary serves all. */
MakeShared makeSharedOfNode() {
  static const MakeShared found = reinterpret_cast<MakeShared>(dlsym(RTLD_DEFAULT, "node_api_create_external_sharedarraybuffer"));
  return found;
}

void reportBytes(napi_env env, const ExternalMemory& memory, int sign) {
  if (memory.bytes() < kWorthReporting) return;
  int64_t total = 0;
  napi_adjust_external_memory(env, sign * static_cast<int64_t>(memory.bytes()), &total);
}

napi_value throwRefusal(napi_env env, napi_status status) {
  if (status == napi_pending_exception) return nullptr;
  if (status == napi_no_external_buffers_allowed) {
    napi_throw_error(env, "ERR_FORKFUL_NO_EXTERNAL_BUFFERS",
                     "This JavaScript engine does not allow buffers over memory from outside (Electron does not): use FORKFUL_BACKEND=js");
  } else {
    const std::string message = "Node could not make a buffer over shared memory, status " + std::to_string(status);
    napi_throw_error(env, "ERR_FORKFUL_BUFFER", message.c_str());
  }
  return nullptr;
}

napi_value makeArrayBuffer(napi_env env, ExternalMemory* memory) {
  // Node calls this on the environment's own thread, at the latest when the environment ends.
  const auto finalize = [](napi_env finalEnv, void*, void* hint) {
    auto* released = static_cast<ExternalMemory*>(hint);
    reportBytes(finalEnv, *released, -1);
    released->released();
  };
  napi_value buffer = nullptr;
  const napi_status status = napi_create_external_arraybuffer(env, memory->data(), memory->bytes(), finalize, memory, &buffer);
  if (status != napi_ok) {
    memory->released();
    return throwRefusal(env, status);
  }
  reportBytes(env, *memory, +1);
  // So that detachBuffer() finds it by the object, however many buffers show the same bytes.
  napi_wrap(env, buffer, memory, nullptr, nullptr, nullptr);
  return buffer;
}

}  // namespace

napi_value makeSharedBuffer(napi_env env, ExternalMemory* memory) {
  const MakeShared makeShared = makeSharedOfNode();
  if (makeShared == nullptr) return makeArrayBuffer(env, memory);
  napi_value buffer = nullptr;
  const auto finalize = [](void*, void* hint) { static_cast<ExternalMemory*>(hint)->released(); };
  const napi_status status = makeShared(env, memory->data(), memory->bytes(), finalize, memory, &buffer);
  if (status == napi_ok) return buffer;
  memory->released();
  return throwRefusal(env, status);
}

napi_value makePlainBuffer(napi_env env, void* data, size_t bytes) {
  napi_value buffer = nullptr;
  const auto finalize = [](napi_env, void*, void*) {};
  const napi_status status = napi_create_external_arraybuffer(env, data, bytes, finalize, nullptr, &buffer);
  return status == napi_ok ? buffer : throwRefusal(env, status);
}

ExternalMemory* externalMemoryOf(napi_env env, napi_value buffer) {
  bool isArrayBuffer = false;
  void* memory = nullptr;
  if (napi_is_arraybuffer(env, buffer, &isArrayBuffer) != napi_ok || !isArrayBuffer) return nullptr;
  return napi_unwrap(env, buffer, &memory) == napi_ok ? static_cast<ExternalMemory*>(memory) : nullptr;
}

bool detachBuffer(napi_env env, napi_value buffer) {
  bool isDetached = true;
  // ArrayBuffer.prototype.transfer() moves the bytes to another object, which lives on; the one behind the wrap may be gone already.
  if (napi_is_detached_arraybuffer(env, buffer, &isDetached) != napi_ok || isDetached) return false;
  void* memory = nullptr;
  napi_remove_wrap(env, buffer, &memory);
  return napi_detach_arraybuffer(env, buffer) == napi_ok;
}

}  // namespace forkful::binding

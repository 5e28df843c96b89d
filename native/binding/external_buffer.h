#pragma once
// JavaScript buffers over memory that is not V8's.

#include <napi.h>

#include <cstddef>

namespace forkful::binding {

/**
 * Memory shown to JavaScript through one buffer. `released()` is called exactly once, when no JavaScript object can reach the memory
 * through that buffer any more, on any thread (a SharedArrayBuffer may end up in another Worker, or with the collector's helpers): it must
 * not touch JavaScript, allocate or wait. It owns and frees the object.
 */
class ExternalMemory {
 public:
  ExternalMemory(void* data, size_t bytes) : data_(data), bytes_(bytes) {}
  virtual ~ExternalMemory() = default;
  ExternalMemory(const ExternalMemory&) = delete;
  ExternalMemory& operator=(const ExternalMemory&) = delete;

  virtual void released() = 0;

  /** For ReleasedViews, once released. */
  ExternalMemory* nextReleased = nullptr;

  void* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  void* data_;
  size_t bytes_;
};

/**
 * A SharedArrayBuffer where this Node can make one, else an ArrayBuffer. On failure throws, releases `memory` at once and returns nullptr.
 */
napi_value makeSharedBuffer(napi_env env, ExternalMemory* memory);

/** An ArrayBuffer over memory that outlives the process's last environment. Throws and returns nullptr on failure. */
napi_value makePlainBuffer(napi_env env, void* data, size_t bytes);

/** The memory behind an ArrayBuffer of makeSharedBuffer(), or nullptr: another object, or let go of before. */
ExternalMemory* externalMemoryOf(napi_env env, napi_value buffer);

/**
 * Makes the ArrayBuffer useless now; `released()` follows. False when its contents have been moved to another ArrayBuffer. REQUIRES:
 * externalMemoryOf() is not nullptr.
 */
bool detachBuffer(napi_env env, napi_value buffer);

}  // namespace forkful::binding

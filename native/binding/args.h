#pragma once
// Checks and converts the arguments of one call from JavaScript. The first bad one throws; from then on ok() is false and the values are
// zeros.

#include <napi.h>

#include <vector>

#include "../os/word.h"

namespace forkful::binding {

class Args {
 public:
  static constexpr size_t kMost = 5;

  Args(napi_env env, napi_callback_info info) : env_(env) { napi_get_cb_info(env, info, &count_, values_, nullptr, nullptr); }

  napi_env env() const { return env_; }
  bool ok() const { return ok_; }
  napi_value raw(size_t i) const { return values_[i]; }

  /** Any number as JavaScript's `| 0` would have it. */
  int32_t int32(size_t i, const char* name) {
    int32_t value = 0;
    if (napi_get_value_int32(env_, values_[i], &value) != napi_ok) refuseType(name, "an integer");
    return value;
  }
  int32_t int32(size_t i, const char* name, int32_t least, int32_t most) {
    const int32_t value = int32(i, name);
    if (ok_ && (value < least || value > most)) refuseRange(name, least, most, value);
    return ok_ ? value : least;
  }
  /** An integer up to 2^53. */
  int64_t integer(size_t i, const char* name, int64_t least, int64_t most);
  /** Finite, not below `least`. */
  double number(size_t i, const char* name, double least);
  bool boolean(size_t i, const char* name);
  napi_value function(size_t i, const char* name);
  /** The bytes of a Uint8Array, valid until JavaScript runs again. */
  struct Bytes {
    const void* data;
    size_t size;
  };
  Bytes bytes(size_t i, const char* name);
  /** An array of file descriptors, at most 253 (the most that one message can carry). */
  std::vector<int> descriptors(size_t i, const char* name);
  /** UTF-8, at most 255 bytes and without zeros: a file name. */
  std::string fileName(size_t i, const char* name);

  /** The word of the region with this index; a harmless one after an error. */
  os::Word& word(size_t i, const char* name);
  /** The same, with room behind it: `bytes` from there must lie in the region. */
  os::Word& wordWithRoom(size_t i, const char* name, size_t bytes);
  /** `[offset, offset + bytes)`, within the region, `bytes` at least `leastBytes`. */
  struct Range {
    size_t offset;
    size_t bytes;
  };
  Range range(size_t offsetAt, size_t bytesAt, size_t leastBytes, size_t multipleOf = 1);

 private:
  void refuseType(const char* name, const char* expected);
  void refuseRange(const char* name, int64_t least, int64_t most, double got);
  void refuse(napi_status (*thrower)(napi_env, const char*, const char*), const char* code, const char* message);

  napi_env env_;
  size_t count_ = kMost;
  napi_value values_[kMost];
  bool ok_ = true;
};

}  // namespace forkful::binding

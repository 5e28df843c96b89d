#include "args.h"

#include <cmath>
#include <cstdio>

#include "../os/region.h"

namespace forkful::binding {

namespace {

constexpr double kLargestSafeInteger = 9007199254740991.0;

// Stands in for a bad word, so that callers need no branch of their own before they return.
os::Word nowhere{0};

}  // namespace

int64_t Args::integer(size_t i, const char* name, int64_t least, int64_t most) {
  double value = 0;
  if (napi_get_value_double(env_, values_[i], &value) != napi_ok) {
    refuseType(name, "an integer");
  } else if (!(value >= static_cast<double>(least) && value <= static_cast<double>(most) && std::fabs(value) <= kLargestSafeInteger &&
               value == std::floor(value))) {
    refuseRange(name, least, most, value);
  }
  return ok_ ? static_cast<int64_t>(value) : least;
}

double Args::number(size_t i, const char* name, double least) {
  double value = 0;
  if (napi_get_value_double(env_, values_[i], &value) != napi_ok) {
    refuseType(name, "a number");
  } else if (!(value >= least && std::isfinite(value))) {
    char message[160];
    snprintf(message, sizeof message, "%s must be a finite number >= %g, got %g", name, least, value);
    refuse(napi_throw_range_error, "ERR_OUT_OF_RANGE", message);
  }
  return ok_ ? value : least;
}

bool Args::boolean(size_t i, const char* name) {
  bool value = false;
  if (napi_get_value_bool(env_, values_[i], &value) != napi_ok) refuseType(name, "a boolean");
  return value;
}

napi_value Args::function(size_t i, const char* name) {
  napi_valuetype type = napi_undefined;
  if (napi_typeof(env_, values_[i], &type) != napi_ok || type != napi_function) refuseType(name, "a function");
  return values_[i];
}

Args::Bytes Args::bytes(size_t i, const char* name) {
  napi_typedarray_type type{};
  Bytes out{nullptr, 0};
  void* data = nullptr;
  const napi_status status = napi_get_typedarray_info(env_, values_[i], &type, &out.size, &data, nullptr, nullptr);
  if (status != napi_ok || type != napi_uint8_array) {
    refuseType(name, "a Uint8Array");
    return {nullptr, 0};
  }
  out.data = data;
  return out;
}

std::vector<int> Args::descriptors(size_t i, const char* name) {
  constexpr uint32_t kMostDescriptors = 253;
  uint32_t count = 0;
  std::vector<int> out;
  if (napi_get_array_length(env_, values_[i], &count) != napi_ok || count > kMostDescriptors) {
    refuseType(name, "an array of at most 253 file descriptors");
    return out;
  }
  for (uint32_t k = 0; k < count; k++) {
    napi_value element = nullptr;
    int32_t fd = -1;
    napi_get_element(env_, values_[i], k, &element);
    if (napi_get_value_int32(env_, element, &fd) != napi_ok || fd < 0) refuseType(name, "an array of file descriptors");
    out.push_back(fd);
  }
  return out;
}

std::string Args::fileName(size_t i, const char* name) {
  char text[257];
  size_t length = 0;
  if (napi_get_value_string_utf8(env_, values_[i], text, sizeof text, &length) != napi_ok) {
    refuseType(name, "a string");
    return {};
  }
  const std::string value(text, length);
  if (length > 255 || value.find('\0') != std::string::npos) refuseType(name, "a string of at most 255 bytes without zeros");
  return value;
}

os::Word& Args::word(size_t i, const char* name) { return wordWithRoom(i, name, sizeof(os::Word)); }

os::Word& Args::wordWithRoom(size_t i, const char* name, size_t bytes) {
  const int32_t index = int32(i, name);
  if (!ok_) return nowhere;
  const size_t regionBytes = os::region::bytes();
  if (index >= 0 && regionBytes >= bytes && static_cast<size_t>(index) <= (regionBytes - bytes) / sizeof(os::Word)) {
    return *os::region::word(index);
  }
  if (regionBytes == 0) {
    refuse(napi_throw_error, "ERR_FORKFUL_NOT_ATTACHED", "This process has no region yet: create or attach it first");
  } else {
    refuseRange(name, 0, static_cast<int64_t>((regionBytes - bytes) / sizeof(os::Word)), index);
  }
  return nowhere;
}

Args::Range Args::range(size_t offsetAt, size_t bytesAt, size_t leastBytes, size_t multipleOf) {
  const auto regionBytes = static_cast<int64_t>(os::region::bytes());
  if (regionBytes == 0) {
    refuse(napi_throw_error, "ERR_FORKFUL_NOT_ATTACHED", "This process has no region yet: create or attach it first");
    return {0, 0};
  }
  const int64_t offset = integer(offsetAt, "offset", 0, regionBytes);
  const int64_t bytes = integer(bytesAt, "bytes", static_cast<int64_t>(leastBytes), regionBytes - offset);
  if (ok_ && (static_cast<size_t>(offset) % multipleOf != 0 || static_cast<size_t>(bytes) % multipleOf != 0)) {
    char message[160];
    snprintf(message, sizeof message, "offset and bytes must be multiples of %zu, got %lld and %lld", multipleOf,
             static_cast<long long>(offset), static_cast<long long>(bytes));
    refuse(napi_throw_range_error, "ERR_OUT_OF_RANGE", message);
  }
  if (!ok_) return {0, 0};
  return {static_cast<size_t>(offset), static_cast<size_t>(bytes)};
}

void Args::refuseType(const char* name, const char* expected) {
  char message[160];
  snprintf(message, sizeof message, "%s must be %s", name, expected);
  refuse(napi_throw_type_error, "ERR_INVALID_ARG_TYPE", message);
}

void Args::refuseRange(const char* name, int64_t least, int64_t most, double got) {
  char message[200];
  snprintf(message, sizeof message, "%s must be an integer between %lld and %lld, got %.17g", name, static_cast<long long>(least),
           static_cast<long long>(most), got);
  refuse(napi_throw_range_error, "ERR_OUT_OF_RANGE", message);
}

void Args::refuse(napi_status (*thrower)(napi_env, const char*, const char*), const char* code, const char* message) {
  if (ok_) thrower(env_, code, message);
  ok_ = false;
}

}  // namespace forkful::binding

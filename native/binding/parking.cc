// Hot: these are called for every contended operation, so they use the C interface of Node-API alone.
#include "../os/parking.h"

#include <climits>

#include "args.h"
#include "exports.h"

namespace forkful::binding {

namespace {

napi_value toNumber(napi_env env, int32_t value) {
  napi_value result = nullptr;
  napi_create_int32(env, value, &result);
  return result;
}

}  // namespace

napi_value parkingTraits(napi_env env, napi_callback_info) {
  const os::Parking& parking = os::parking();
  Napi::Object traits = Napi::Object::New(env);
  traits.Set("name", parking.name());
  traits.Set("countsExactly", parking.countsExactly());
  traits.Set("watchesTwo", parking.watchesTwo());
  return traits;
}

napi_value park(napi_env env, napi_callback_info info) {
  Args args(env, info);
  os::Word& word = args.word(0, "word");
  const auto expected = static_cast<uint32_t>(args.int32(1, "expected"));
  const double timeoutMs = args.number(2, "timeoutMs", 0);
  if (!args.ok()) return nullptr;
  return toNumber(env, static_cast<int>(os::parking().park(word, expected, os::Deadline::after(timeoutMs))));
}

napi_value parkEither(napi_env env, napi_callback_info info) {
  Args args(env, info);
  os::Word& word = args.word(0, "word");
  const auto expected = static_cast<uint32_t>(args.int32(1, "expected"));
  os::Word& other = args.word(2, "otherWord");
  const auto otherExpected = static_cast<uint32_t>(args.int32(3, "otherExpected"));
  const double timeoutMs = args.number(4, "timeoutMs", 0);
  if (!args.ok()) return nullptr;
  return toNumber(env, static_cast<int>(os::parking().parkEither(word, expected, other, otherExpected, os::Deadline::after(timeoutMs))));
}

napi_value unpark(napi_env env, napi_callback_info info) {
  Args args(env, info);
  os::Word& word = args.word(0, "word");
  const int32_t count = args.int32(1, "count", 0, INT_MAX);
  if (!args.ok()) return nullptr;
  return toNumber(env, count == 0 ? 0 : os::parking().unpark(word, count));
}

napi_value spin(napi_env env, napi_callback_info info) {
  Args args(env, info);
  os::Word& word = args.word(0, "word");
  const auto expected = static_cast<uint32_t>(args.int32(1, "expected"));
  const int32_t iterations = args.int32(2, "iterations", 0, INT_MAX);
  if (!args.ok()) return nullptr;
  napi_value result = nullptr;
  napi_get_boolean(env, os::spin(word, expected, iterations), &result);
  return result;
}

}  // namespace forkful::binding

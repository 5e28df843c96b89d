#include "../os/datagram.h"

#include <cerrno>

#include "args.h"
#include "bytes.h"
#include "error.h"
#include "exports.h"

namespace forkful::binding {

napi_value socketPair(napi_env env, napi_callback_info) {
  os::UniqueFd ends[2];
  if (os::Status status = os::socketPair(ends); !status.ok()) return throwStatus(env, status);
  Napi::Array result = Napi::Array::New(env, 2);
  for (uint32_t i = 0; i < 2; i++) result.Set(i, ends[i].release());
  return result;
}

napi_value sendDatagram(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const int fd = args.int32(0, "fd", 0, INT32_MAX);
  const Args::Bytes bytes = args.bytes(1, "bytes");
  const std::vector<int> fds = args.descriptors(2, "fds");
  if (!args.ok()) return nullptr;
  if (bytes.size == 0) {
    // The other end would take it for the end of file.
    napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "bytes must not be empty");
    return nullptr;
  }
  bool sent = false;
  os::Status status = os::sendDatagram(fd, bytes.data, bytes.size, fds.data(), fds.size(), sent);
  if (!status.ok()) return throwStatus(env, status);
  return Napi::Boolean::New(env, sent);
}

napi_value receiveDatagram(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const int fd = args.int32(0, "fd", 0, INT32_MAX);
  const double timeoutMs = args.number(1, "timeoutMs", 0);
  if (!args.ok()) return nullptr;
  os::Datagram datagram;
  bool came = false;
  os::Status status = os::receiveDatagram(fd, os::Deadline::after(timeoutMs), came, datagram);
  // What was said came all the same, and will not come again.
  const bool isWithoutFds = status.error == EMFILE && !datagram.bytes.empty();
  if (!status.ok() && !isWithoutFds) return throwStatus(env, status);
  if (!came && !isWithoutFds) return Napi::Env(env).Null();
  const napi_value bytes = toUint8Array(env, datagram.bytes);
  if (bytes == nullptr) return nullptr;
  Napi::Array fds = Napi::Array::New(env, datagram.fds.size());
  for (uint32_t i = 0; i < datagram.fds.size(); i++) fds.Set(i, datagram.fds[i].release());
  Napi::Object result = Napi::Object::New(env);
  result.Set("bytes", bytes);
  result.Set("fds", isWithoutFds ? Napi::Env(env).Null() : static_cast<Napi::Value>(fds));
  return result;
}

napi_value closeDescriptor(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const int fd = args.int32(0, "fd", 0, INT32_MAX);
  if (args.ok()) os::UniqueFd(fd).reset();
  return nullptr;
}

}  // namespace forkful::binding

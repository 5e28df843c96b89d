#include "../os/stream_socket.h"

#include "args.h"
#include "bytes.h"
#include "error.h"
#include "exports.h"

namespace forkful::binding {

namespace {

namespace stream = os::stream_socket;

/** 0, 4 and 6 in JavaScript. */
stream::Family familyAt(Args& args, size_t i) {
  const int family = args.int32(i, "family", 0, 6);
  return family == 0 ? stream::Family::kUnix : family == 4 ? stream::Family::kInet : stream::Family::kInet6;
}

int numberOf(stream::Family family) { return family == stream::Family::kUnix ? 0 : family == stream::Family::kInet ? 4 : 6; }

/** From the first three arguments: family, host, port. */
stream::Address addressAt(Args& args) {
  const stream::Family family = familyAt(args, 0);
  const Args::Bytes host = args.bytes(1, "host");
  const int port = args.int32(2, "port", 0, 65535);
  if (!args.ok()) return {};
  return {family, std::string(static_cast<const char*>(host.data), host.size), port};
}

/** The part of a Uint8Array that the second to fourth arguments say: bytes, start, end. */
struct Part {
  uint8_t* data;
  size_t size;
};

Part partAt(Args& args) {
  const Args::Bytes bytes = args.bytes(1, "bytes");
  const int64_t start = args.integer(2, "start", 0, static_cast<int64_t>(bytes.size));
  const int64_t end = args.integer(3, "end", start, static_cast<int64_t>(bytes.size));
  if (!args.ok()) return {nullptr, 0};
  return {static_cast<uint8_t*>(const_cast<void*>(bytes.data)) + start, static_cast<size_t>(end - start)};
}

using Transfer = os::Status (*)(int fd, uint8_t* data, size_t size, ptrdiff_t& moved);

napi_value transfer(napi_env env, napi_callback_info info, Transfer call) {
  Args args(env, info);
  const int fd = args.int32(0, "fd", 0, INT32_MAX);
  const Part part = partAt(args);
  if (!args.ok()) return nullptr;
  ptrdiff_t moved = 0;
  // Nothing is asked for: an answer of the system's would look like the end.
  if (part.size > 0) {
    if (os::Status status = call(fd, part.data, part.size, moved); !status.ok()) return throwStatus(env, status);
  }
  return Napi::Number::New(env, static_cast<double>(moved));
}

}  // namespace

napi_value streamListen(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const stream::Address address = addressAt(args);
  const int backlog = args.int32(3, "backlog", 0, INT32_MAX);
  if (!args.ok()) return nullptr;
  os::UniqueFd fd;
  if (os::Status status = stream::listen(address, backlog, fd); !status.ok()) return throwStatus(env, status);
  return Napi::Number::New(env, fd.release());
}

napi_value streamConnect(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const stream::Address address = addressAt(args);
  if (!args.ok()) return nullptr;
  os::UniqueFd fd;
  if (os::Status status = stream::connect(address, fd); !status.ok()) return throwStatus(env, status);
  return Napi::Number::New(env, fd.release());
}

napi_value streamOutcome(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const int fd = args.int32(0, "fd", 0, INT32_MAX);
  if (!args.ok()) return nullptr;
  return nothingOr(env, stream::connectOutcome(fd));
}

napi_value streamAccept(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const int fd = args.int32(0, "fd", 0, INT32_MAX);
  if (!args.ok()) return nullptr;
  os::UniqueFd accepted;
  if (os::Status status = stream::accept(fd, accepted); !status.ok()) return throwStatus(env, status);
  return Napi::Number::New(env, accepted.release());
}

napi_value streamAddress(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const int fd = args.int32(0, "fd", 0, INT32_MAX);
  const bool ofPeer = args.boolean(1, "ofPeer");
  if (!args.ok()) return nullptr;
  stream::Address address;
  os::Status status = ofPeer ? stream::peerAddress(fd, address) : stream::localAddress(fd, address);
  if (!status.ok()) return throwStatus(env, status);
  const napi_value host = toUint8Array(env, address.host);
  if (host == nullptr) return nullptr;
  Napi::Object result = Napi::Object::New(env);
  result.Set("family", numberOf(address.family));
  result.Set("host", host);
  result.Set("port", address.port);
  return result;
}

napi_value streamRead(napi_env env, napi_callback_info info) {
  return transfer(env, info, [](int fd, uint8_t* data, size_t size, ptrdiff_t& got) { return stream::read(fd, data, size, got); });
}

napi_value streamWrite(napi_env env, napi_callback_info info) {
  return transfer(env, info, [](int fd, uint8_t* data, size_t size, ptrdiff_t& put) { return stream::write(fd, data, size, put); });
}

napi_value pollDescriptors(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const std::vector<int> readable = args.descriptors(0, "readable");
  const std::vector<int> writable = args.descriptors(1, "writable");
  const double timeoutMs = args.number(2, "timeoutMs", 0);
  if (!args.ok()) return nullptr;
  std::vector<stream::Awaited> awaited;
  for (const int fd : readable) awaited.push_back({fd, true, false, false});
  for (const int fd : writable) awaited.push_back({fd, false, true, false});
  os::Status status = stream::poll(awaited.data(), awaited.size(), os::Deadline::after(timeoutMs));
  if (!status.ok()) return throwStatus(env, status);
  Napi::Array result = Napi::Array::New(env);
  uint32_t count = 0;
  for (const stream::Awaited& one : awaited) {
    if (one.isReady) result.Set(count++, one.fd);
  }
  return result;
}

napi_value resolveHost(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const std::string name = args.fileName(0, "name");
  const stream::Family family = familyAt(args, 1);
  if (!args.ok()) return nullptr;
  std::string host;
  if (os::Status status = stream::resolve(name, family, host); !status.ok()) return throwStatus(env, status);
  return Napi::String::New(env, host);
}

}  // namespace forkful::binding

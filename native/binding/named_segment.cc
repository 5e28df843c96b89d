#include "../os/named_segment.h"

#include "args.h"
#include "error.h"
#include "exports.h"
#include "external_buffer.h"

namespace forkful::binding {

namespace {

constexpr int64_t kLargest = int64_t{1} << 52;

/** A mapping that ends with the last JavaScript object that can reach it. */
class MappedSegment final : public ExternalMemory {
 public:
  using ExternalMemory::ExternalMemory;
  void released() override {
    os::named_segment::unmap(data(), bytes());
    delete this;
  }
};

napi_value mapWhole(napi_env env, int fd, size_t bytes) {
  void* base = nullptr;
  if (os::Status status = os::named_segment::map(fd, bytes, base); !status.ok()) return throwStatus(env, status);
  return makeSharedBuffer(env, new MappedSegment(base, bytes));
}

}  // namespace

napi_value namedCreate(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const std::string name = args.fileName(0, "name");
  const auto bytes = static_cast<size_t>(args.integer(1, "bytes", 1, kLargest));
  if (!args.ok()) return nullptr;
  os::UniqueFd fd;
  if (os::Status status = os::named_segment::create(name.c_str(), bytes, fd); !status.ok()) return throwStatus(env, status);
  return mapWhole(env, fd.get(), bytes);
}

napi_value namedOpen(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const std::string name = args.fileName(0, "name");
  if (!args.ok()) return nullptr;
  os::UniqueFd fd;
  size_t bytes = 0;
  os::Status status = os::named_segment::open(name.c_str(), fd);
  if (status.ok()) status = os::named_segment::size(fd.get(), bytes);
  if (!status.ok()) return throwStatus(env, status);
  return mapWhole(env, fd.get(), bytes);
}

napi_value namedUnlink(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const std::string name = args.fileName(0, "name");
  if (!args.ok()) return nullptr;
  return nothingOr(env, os::named_segment::unlink(name.c_str()));
}

}  // namespace forkful::binding

#include "../os/named_segment.h"
#include "../os/name_keeper.h"
#include "../os/region.h"

#include "args.h"
#include "error.h"
#include "exports.h"
#include "external_buffer.h"

#include <map>
#include <mutex>

namespace forkful::binding {

namespace {

constexpr int64_t kLargest = int64_t{1} << 52;

/** The mappings that JavaScript can reach, by where they begin. Never destroyed: a finaliser may run while the process ends. */
struct Mapped {
  std::mutex mutex;
  std::map<void*, size_t> bytes;
  static Mapped& all() {
    static Mapped* mapped = new Mapped;
    return *mapped;
  }
};

/** A mapping that ends with the last JavaScript object that can reach it. */
class MappedSegment final : public ExternalMemory {
 public:
  MappedSegment(void* data, size_t bytes) : ExternalMemory(data, bytes) {
    std::lock_guard lock(Mapped::all().mutex);
    Mapped::all().bytes[data] = bytes;
  }
  void released() override {
    {
      std::lock_guard lock(Mapped::all().mutex);
      Mapped::all().bytes.erase(data());
      os::named_segment::unmap(data(), bytes());
    }
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
  const auto regionBytes = static_cast<int64_t>(os::region::bytes());
  const int64_t offset = args.integer(2, "identityOffset", -1, regionBytes > 8 ? regionBytes - 8 : -1);
  if (args.ok() && offset > 0 && offset % 8 != 0) {
    napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "identityOffset must be a multiple of 8");
    return nullptr;
  }
  if (!args.ok()) return nullptr;
  auto* identity = offset < 0 ? nullptr : reinterpret_cast<uint64_t*>(os::region::base() + offset);
  os::UniqueFd fd;
  if (os::Status status = os::named_segment::create(name.c_str(), bytes, identity, fd); !status.ok()) return throwStatus(env, status);
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

napi_value namedClose(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const auto [data, size] = args.bytes(0, "bytes");
  if (!args.ok()) return nullptr;
  napi_value buffer = nullptr;
  napi_get_typedarray_info(env, args.raw(0), nullptr, nullptr, nullptr, &buffer, nullptr);
  if (externalMemoryOf(env, buffer) != nullptr && detachBuffer(env, buffer)) return nullptr;
  // A SharedArrayBuffer, or moved away by transfer(): whoever can still reach it must not be hurt.
  std::lock_guard lock(Mapped::all().mutex);
  const auto found = Mapped::all().bytes.find(const_cast<void*>(data));
  if (found == Mapped::all().bytes.end() || found->second != size) return nullptr;
  return nothingOr(env, os::named_segment::letGo(found->first, found->second));
}

napi_value namedIdentity(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const std::string name = args.fileName(0, "name");
  if (!args.ok()) return nullptr;
  return Napi::BigInt::New(env, os::named_segment::identityOf(name.c_str()));
}

napi_value namedKeep(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const int64_t offset = args.integer(0, "headOffset", 0, static_cast<int64_t>(os::region::bytes()) - 4);
  const pid_t former = args.int32(1, "former", 0, INT32_MAX);
  if (!args.ok()) return nullptr;
  pid_t pid = 0;
  os::Status status = os::name_keeper::start(os::region::descriptor(), static_cast<size_t>(offset), former, pid);
  if (!status.ok()) return throwStatus(env, status);
  return Napi::Number::New(env, pid);
}

}  // namespace forkful::binding

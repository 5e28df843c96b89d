#include "../os/descriptor_door.h"

#include "args.h"
#include "bytes.h"
#include "error.h"
#include "exports.h"

namespace forkful::binding {

namespace {

namespace door = os::descriptor_door;

std::string textOf(const door::Key& key) { return {reinterpret_cast<const char*>(key.data()), key.size()}; }

/** A pass: the door and the ticket, one after the other. */
struct Pass {
  door::Key door;
  door::Key ticket;
};

Pass passAt(Args& args, size_t i) {
  const Args::Bytes bytes = args.bytes(i, "pass");
  Pass pass{};
  if (!args.ok()) return pass;
  if (bytes.size != sizeof pass) {
    napi_throw_range_error(args.env(), "ERR_OUT_OF_RANGE", "pass must have 32 bytes");
    return pass;
  }
  memcpy(&pass, bytes.data, sizeof pass);
  return pass;
}

bool hasThrown(napi_env env) {
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  return pending;
}

}  // namespace

napi_value descriptorLend(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const int fd = args.int32(0, "fd", 0, INT32_MAX);
  if (!args.ok()) return nullptr;
  Pass pass{};
  if (os::Status status = door::lend(fd, pass.door, pass.ticket); !status.ok()) return throwStatus(env, status);
  return toUint8Array(env, textOf(pass.door) + textOf(pass.ticket));
}

napi_value descriptorBorrow(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const Pass pass = passAt(args, 0);
  const double timeoutMs = args.number(1, "timeoutMs", 0);
  if (!args.ok() || hasThrown(env)) return nullptr;
  os::UniqueFd fd;
  os::Status status = door::borrow(pass.door, pass.ticket, timeoutMs, fd);
  if (!status.ok()) return throwStatus(env, status);
  return Napi::Number::New(env, fd.release());
}

napi_value descriptorRelease(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const Pass pass = passAt(args, 0);
  const double timeoutMs = args.number(1, "timeoutMs", 0);
  if (!args.ok() || hasThrown(env)) return nullptr;
  return nothingOr(env, door::release(pass.door, pass.ticket, timeoutMs));
}

}  // namespace forkful::binding

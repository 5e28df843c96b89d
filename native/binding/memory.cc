#include "../os/mapping.h"
#include "../os/region.h"
#include "args.h"
#include "environment.h"
#include "error.h"
#include "exports.h"
#include "external_buffer.h"
#include "released_views.h"

#include <memory>
#include <utility>

namespace forkful::binding {

namespace {

constexpr int64_t kLargest = int64_t{1} << 52;

/** Memory of the region that a user can see, known by a token. */
class OwnedView final : public ExternalMemory {
 public:
  OwnedView(void* data, size_t bytes, int64_t token, std::shared_ptr<ReleasedViews> list)
      : ExternalMemory(data, bytes), token_(token), list_(std::move(list)) {}

  /** Joins the list of its environment, from where `takeReleased` takes it; or is freed, when it has been forgotten. */
  void released() override {
    if (forgotten_) {
      delete this;
      return;
    }
    // The last reference to the list may be ours: keep it until we are on it.
    const std::shared_ptr<ReleasedViews> list = std::move(list_);
    list->add(this);
  }

  /** Its release will not be reported. On the thread of its environment, before that release. */
  void forget() { forgotten_ = true; }
  int64_t token() const { return token_; }

 private:
  int64_t token_;
  // Of the environment that made the view, whose tokens mean nothing to another; outlives it, since a SharedArrayBuffer may.
  std::shared_ptr<ReleasedViews> list_;
  bool forgotten_ = false;
};

napi_value toNumber(napi_env env, size_t value) { return Napi::Number::New(env, static_cast<double>(value)); }

}  // namespace

napi_value create(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const auto maxBytes = static_cast<size_t>(args.integer(0, "maxBytes", os::region::kLeastBytes, kLargest));
  const auto minBytes = static_cast<size_t>(args.integer(1, "minBytes", os::region::kLeastBytes, static_cast<int64_t>(maxBytes)));
  if (args.ok() && (maxBytes & (maxBytes - 1)) != 0) {
    napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "maxBytes must be a power of two");
    return nullptr;
  }
  if (!args.ok()) return nullptr;
  if (os::Status status = os::region::create(maxBytes, minBytes); !status.ok()) return throwStatus(env, status);
  return toNumber(env, os::region::bytes());
}

napi_value attach(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const int fd = args.int32(0, "fd", 0, INT32_MAX);
  const auto bytes = static_cast<size_t>(args.integer(1, "bytes", os::region::kLeastBytes, kLargest));
  if (!args.ok()) return nullptr;
  if (os::Status status = os::region::attach(fd, bytes); !status.ok()) return throwStatus(env, status);
  return toNumber(env, os::region::bytes());
}

napi_value grant(napi_env env, napi_callback_info) {
  if (os::region::base() == nullptr) return Napi::Env(env).Null();
  Napi::Object result = Napi::Object::New(env);
  result.Set("fd", os::region::descriptor());
  result.Set("bytes", static_cast<double>(os::region::bytes()));
  return result;
}

napi_value view(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const auto [offset, bytes] = args.range(0, 1, 0);
  if (!args.ok()) return nullptr;
  return makePlainBuffer(env, os::region::base() + offset, bytes);
}

napi_value ownedView(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const auto [offset, bytes] = args.range(0, 1, 1);
  const int64_t token = args.integer(2, "token", 1, (int64_t{1} << 53) - 1);
  if (!args.ok()) return nullptr;
  return makeSharedBuffer(env, new OwnedView(os::region::base() + offset, bytes, token, Environment::of(env).releasedViews));
}

napi_value detach(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const int64_t token = args.integer(1, "token", 1, (int64_t{1} << 53) - 1);
  if (!args.ok()) return nullptr;
  const napi_value buffer = args.raw(0);
  bool isDetached = false;
  napi_is_detached_arraybuffer(env, buffer, &isDetached);
  auto* owned = static_cast<OwnedView*>(externalMemoryOf(env, buffer));
  // Without its wrap and empty it has been through here before; otherwise it is a SharedArrayBuffer or not ours.
  if (owned == nullptr) return Napi::Boolean::New(env, isDetached);
  // Moved away by transfer(): `owned` may be freed already.
  if (isDetached) return Napi::Boolean::New(env, false);
  if (owned->token() != token) {
    napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "token is not the one that this buffer was made with");
    return nullptr;
  }
  owned->forget();
  return Napi::Boolean::New(env, detachBuffer(env, buffer));
}

napi_value takeReleased(napi_env env, napi_callback_info) {
  ReleasedViews& released = *Environment::of(env).releasedViews;
  if (!released.any()) return nullptr;
  Napi::Array tokens = Napi::Array::New(env);
  uint32_t count = 0;
  for (ExternalMemory* view = released.takeAll(); view != nullptr;) {
    tokens.Set(count++, static_cast<double>(static_cast<OwnedView*>(view)->token()));
    ExternalMemory* next = view->nextReleased;
    delete view;
    view = next;
  }
  return tokens;
}

napi_value commit(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const auto [offset, bytes] = args.range(0, 1, 0);
  if (!args.ok()) return nullptr;
  return nothingOr(env, os::commit(os::region::descriptor(), offset, bytes));
}

napi_value punch(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const auto [offset, bytes] = args.range(0, 1, 0, os::kPageBytes);
  if (!args.ok()) return nullptr;
  return nothingOr(env, os::punch(os::region::descriptor(), offset, bytes));
}

}  // namespace forkful::binding

// One function per call of named_semaphore.h and permit_waiter.h, on objects of JavaScript's that each own an open semaphore.
#include "../os/named_semaphore.h"

#include <climits>
#include <vector>

#include "../os/permit_waiter.h"
#include "args.h"
#include "environment.h"
#include "error.h"
#include "exports.h"

namespace forkful::binding {

namespace {

/** What an object of semaphoreOpen() owns. */
struct Holder {
  os::PermitWaiter* waiter;            // nullptr once it is closed
  PermitListener* listener = nullptr;  // set once it has been asked for a permit, and so may have a thread
};

}  // namespace

/**
 * What the waiter threads of one environment's semaphores ring. It lives until the environment ends: then no thread is left that could call
 * it, and no permit is in the hands of one.
 */
class PermitListener {
 public:
  /** nullptr, with an exception thrown, when there is no way to call back. */
  static PermitListener* open(napi_env env, napi_value onPermit) {
    auto* listener = new PermitListener(env);
    const napi_value name = Napi::String::New(env, "forkful named semaphores");
    napi_threadsafe_function& call = listener->call_;
    if (napi_create_threadsafe_function(env, onPermit, nullptr, name, 0, 1, nullptr, nullptr, nullptr, nullptr, &call) != napi_ok) {
      delete listener;
      napi_throw_error(env, nullptr, "The event loop cannot be called back");
      return nullptr;
    }
    listener->setRef(false);
    // Hooks run last added first: this one before Node closes the function.
    napi_add_env_cleanup_hook(env, onEnvironmentEnd, listener);
    return listener;
  }

  os::Status request(Holder& holder) {
    if (holder.listener == nullptr) holders_.push_back(&holder);
    holder.listener = this;
    // On a waiter's thread: no JavaScript here. Two rings in one go are two calls, of which the second finds nothing.
    const auto ring = [](void* self) {
      napi_call_threadsafe_function(static_cast<PermitListener*>(self)->call_, nullptr, napi_tsfn_nonblocking);
    };
    return holder.waiter->request(ring, this);
  }

  void forget(Holder& holder) {
    std::erase(holders_, &holder);
    holder.listener = nullptr;
  }

  void setRef(bool on) { on ? napi_ref_threadsafe_function(env_, call_) : napi_unref_threadsafe_function(env_, call_); }

 private:
  explicit PermitListener(napi_env env) : env_(env) {}

  static void onEnvironmentEnd(void* data) {
    auto* self = static_cast<PermitListener*>(data);
    // All at once first, since each wait below may take as long as a thread does not notice.
    for (Holder* holder : self->holders_) holder->waiter->cancel();
    for (Holder* holder : self->holders_) {
      holder->waiter->finish();
      holder->listener = nullptr;
    }
    Environment::of(self->env_).permitListener = nullptr;
    delete self;
  }

  napi_env env_;
  napi_threadsafe_function call_ = nullptr;
  std::vector<Holder*> holders_;
};

namespace {

/** Marks the objects that semaphoreOpen() returns. */
constexpr napi_type_tag kSemaphoreTag = {0x1f5d2c8e7b304a96, 0xa4c1e80f3d6b5927};

void close(Holder& holder) {
  if (holder.waiter == nullptr) return;
  if (holder.listener != nullptr) holder.listener->forget(holder);
  holder.waiter->release();
  holder.waiter = nullptr;
}

/** The object was collected, or its environment ends. */
void drop(napi_env, void* data, void*) {
  auto* holder = static_cast<Holder*>(data);
  close(*holder);
  delete holder;
}

/** Of the object in the first argument; nullptr, with an error thrown, when it is another object. */
Holder* holderAt(Args& args) {
  bool isSemaphore = false;
  void* holder = nullptr;
  if (napi_check_object_type_tag(args.env(), args.raw(0), &kSemaphoreTag, &isSemaphore) != napi_ok || !isSemaphore ||
      napi_unwrap(args.env(), args.raw(0), &holder) != napi_ok) {
    napi_throw_type_error(args.env(), "ERR_INVALID_ARG_TYPE", "semaphore must be an object of semaphoreOpen()");
    return nullptr;
  }
  return static_cast<Holder*>(holder);
}

/** The same, open; else nullptr with an error thrown. */
Holder* openAt(Args& args) {
  Holder* holder = args.ok() ? holderAt(args) : nullptr;
  if (holder == nullptr || holder->waiter != nullptr) return holder;
  napi_throw_error(args.env(), "ERR_FORKFUL_CLOSED", "The semaphore was closed");
  return nullptr;
}

os::PermitWaiter* waiterAt(Args& args) {
  const Holder* holder = openAt(args);
  return holder == nullptr ? nullptr : holder->waiter;
}

/** The listener of this environment; nullptr, with an error thrown, when there is none yet. */
PermitListener* listenerOf(Args& args) {
  PermitListener* listener = Environment::of(args.env()).permitListener;
  if (listener == nullptr) napi_throw_error(args.env(), "ERR_FORKFUL_CLOSED", "This thread does not listen for permits");
  return listener;
}

}  // namespace

napi_value semaphoreOpen(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const std::string name = args.fileName(0, "name");
  os::named_semaphore::Creation creation;
  creation.isWanted = args.boolean(1, "create");
  creation.isExclusive = args.boolean(2, "exclusive");
  creation.mode = static_cast<mode_t>(args.int32(3, "mode", 0, 0777));
  creation.value = static_cast<unsigned>(args.int32(4, "value", 0, INT_MAX));
  if (!args.ok()) return nullptr;
  sem_t* semaphore = nullptr;
  if (os::Status status = os::named_semaphore::open(name.c_str(), creation, semaphore); !status.ok()) return throwStatus(env, status);
  napi_value object = nullptr;
  napi_create_object(env, &object);
  napi_wrap(env, object, new Holder{.waiter = new os::PermitWaiter(*semaphore)}, drop, nullptr, nullptr);
  napi_type_tag_object(env, object, &kSemaphoreTag);
  return object;
}

napi_value semaphoreClose(napi_env env, napi_callback_info info) {
  Args args(env, info);
  if (Holder* holder = holderAt(args)) close(*holder);
  return nullptr;
}

napi_value semaphoreUnlink(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const std::string name = args.fileName(0, "name");
  if (!args.ok()) return nullptr;
  return nothingOr(env, os::named_semaphore::unlink(name.c_str()));
}

napi_value semaphoreTryAcquire(napi_env env, napi_callback_info info) {
  Args args(env, info);
  os::PermitWaiter* waiter = waiterAt(args);
  if (waiter == nullptr) return nullptr;
  return Napi::Boolean::New(env, os::named_semaphore::tryTake(waiter->semaphore()));
}

napi_value semaphoreAcquire(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const double timeoutMs = args.number(1, "timeoutMs", 0);
  os::PermitWaiter* waiter = waiterAt(args);
  if (waiter == nullptr) return nullptr;
  return Napi::Boolean::New(env, os::waitForPermit(waiter->semaphore(), os::Deadline::after(timeoutMs)));
}

napi_value semaphoreRelease(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const int32_t count = args.int32(1, "count", 1, INT_MAX);
  os::PermitWaiter* waiter = waiterAt(args);
  if (waiter == nullptr) return nullptr;
  return nothingOr(env, os::named_semaphore::post(waiter->semaphore(), count));
}

napi_value semaphoreValue(napi_env env, napi_callback_info info) {
  Args args(env, info);
  os::PermitWaiter* waiter = waiterAt(args);
  if (waiter == nullptr) return nullptr;
  int value = 0;
  if (os::Status status = os::named_semaphore::value(waiter->semaphore(), value); !status.ok()) return throwStatus(env, status);
  return Napi::Number::New(env, value);
}

napi_value semaphoreListen(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const napi_value onPermit = args.function(0, "onPermit");
  if (!args.ok()) return nullptr;
  Environment& environment = Environment::of(env);
  if (environment.permitListener != nullptr) {
    napi_throw_error(env, "ERR_FORKFUL_OPEN", "This thread listens for permits already");
    return nullptr;
  }
  environment.permitListener = PermitListener::open(env, onPermit);
  return nullptr;
}

napi_value semaphoreSetRef(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const bool on = args.boolean(0, "on");
  if (!args.ok()) return nullptr;
  if (PermitListener* listener = listenerOf(args)) listener->setRef(on);
  return nullptr;
}

napi_value semaphoreRequest(napi_env env, napi_callback_info info) {
  Args args(env, info);
  Holder* holder = openAt(args);
  PermitListener* listener = holder == nullptr ? nullptr : listenerOf(args);
  if (listener == nullptr) return nullptr;
  return nothingOr(env, listener->request(*holder));
}

napi_value semaphoreTake(napi_env env, napi_callback_info info) {
  Args args(env, info);
  os::PermitWaiter* waiter = waiterAt(args);
  if (waiter == nullptr) return nullptr;
  return Napi::Boolean::New(env, waiter->take());
}

napi_value semaphoreCancel(napi_env env, napi_callback_info info) {
  Args args(env, info);
  if (os::PermitWaiter* waiter = waiterAt(args)) waiter->cancel();
  return nullptr;
}

}  // namespace forkful::binding

#include "background_thread.h"

#include <signal.h>

namespace forkful::os {

namespace {

// Nothing deep is called; thread-local storage, which some C libraries put on the stack, is what takes room.
constexpr size_t kStackBytes = 256 * 1024;

}  // namespace

Status startThread(pthread_t& out, void* (*body)(void*), void* argument) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  // The new thread inherits this mask.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int error = pthread_create(&out, &attributes, body, argument);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  return error == 0 ? Status::success() : Status::fail(error, "pthread_create");
}

}  // namespace forkful::os

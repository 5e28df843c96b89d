// A life word is the lock word of a robust mutex: the kernel keeps, per thread, a list of those it holds, and walks it when the thread
// ends.
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "liveness.h"

namespace forkful::os::liveness {

namespace {

static_assert(sizeof(pthread_mutex_t) <= kLifeBytes);
#ifdef __GLIBC__
static_assert(offsetof(pthread_mutex_t, __data.__lock) == 0, "the lock word must be the life word");
#endif

pthread_mutex_t* mutexAt(Word& lifeWord) { return reinterpret_cast<pthread_mutex_t*>(&lifeWord); }

Status initMutex(pthread_mutex_t* mutex) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  int error = pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  if (error == 0) error = pthread_mutex_init(mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);
  return error == 0 ? Status::success() : Status::fail(error, "pthread_mutex_init");
}

/** Whether this C library keeps the owner in the first word, as glibc does (musl does not): one binary may meet either. */
bool ownerIsFirstWord() {
  alignas(64) Word words[kLifeBytes / sizeof(Word)] = {};
  pthread_mutex_t* mutex = mutexAt(words[0]);
  if (!initMutex(mutex).ok() || pthread_mutex_lock(mutex) != 0) return false;
  const bool isFirst = words[0].load() == static_cast<uint32_t>(syscall(SYS_gettid));
  pthread_mutex_unlock(mutex);
  pthread_mutex_destroy(mutex);
  return isFirst;
}

}  // namespace

bool isSupported() {
  static const bool supported = ownerIsFirstWord();
  return supported;
}

Status init(Word& lifeWord) {
  if (!isSupported()) return Status::fail(ENOTSUP, "pthread_mutex_init");
  memset(static_cast<void*>(&lifeWord), 0, kLifeBytes);
  return initMutex(mutexAt(lifeWord));
}

Status claim(Word& lifeWord, Claim& out) {
  const int error = pthread_mutex_trylock(mutexAt(lifeWord));
  switch (error) {
    case 0:
      out = Claim::kFree;
      return Status::success();
    case EBUSY:
      out = Claim::kBusy;
      return Status::success();
    case EOWNERDEAD: {
      out = Claim::kDead;
      // Else the next unlock would spoil the mutex for good. What the dead one left behind is for the caller to mend.
      const int failed = pthread_mutex_consistent(mutexAt(lifeWord));
      return failed == 0 ? Status::success() : Status::fail(failed, "pthread_mutex_consistent");
    }
    default:
      return Status::fail(error, "pthread_mutex_trylock");
  }
}

Status release(Word& lifeWord) {
  const int error = pthread_mutex_unlock(mutexAt(lifeWord));
  return error == 0 ? Status::success() : Status::fail(error, "pthread_mutex_unlock");
}

}  // namespace forkful::os::liveness

#include "named_semaphore.h"

#include <fcntl.h>

#include <climits>

namespace forkful::os::named_semaphore {

#ifndef SEM_VALUE_MAX
#define SEM_VALUE_MAX INT_MAX
#endif

Status open(const char* name, Creation creation, sem_t*& out) {
  const int flags = (creation.isWanted ? O_CREAT : 0) | (creation.isExclusive ? O_EXCL : 0);
  for (;;) {
    sem_t* opened = sem_open(name, flags, creation.mode, creation.value);
    if (opened != SEM_FAILED) {
      out = opened;
      return Status::success();
    }
    if (errno != EINTR) return Status::lastError("sem_open");
  }
}

void close(sem_t& semaphore) { sem_close(&semaphore); }

Status unlink(const char* name) { return sem_unlink(name) == -1 ? Status::lastError("sem_unlink") : Status::success(); }

bool tryTake(sem_t& semaphore) {
  return retryOnInterrupt([&] { return sem_trywait(&semaphore); }) == 0;
}

Status post(sem_t& semaphore, int count) {
  int before = 0;
  if (value(semaphore, before).ok() && before > SEM_VALUE_MAX - count) return Status::fail(EOVERFLOW, "sem_post");
  for (int posted = 0; posted < count; posted++) {
    if (sem_post(&semaphore) == 0) continue;
    const Status status = Status::lastError("sem_post");
    // Others post too. Permits are alike, so it does not matter whose are taken back; when some are gone meanwhile, all the better.
    while (posted-- > 0 && tryTake(semaphore)) continue;
    return status;
  }
  return Status::success();
}

Status value(sem_t& semaphore, int& out) {
  if (sem_getvalue(&semaphore, &out) == -1) return Status::lastError("sem_getvalue");
  // Some systems count those who wait, below zero.
  if (out < 0) out = 0;
  return Status::success();
}

}  // namespace forkful::os::named_semaphore

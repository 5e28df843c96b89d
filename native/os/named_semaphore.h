#pragma once
// Semaphores with a name, as sem_open() makes them, for all programs of the machine.
//
// All functions may be called from any thread. What is opened is closed by whoever opened it, when nobody waits in it any more.

#include <semaphore.h>
#include <sys/types.h>

#include "semaphore_wait.h"
#include "status.h"

namespace forkful::os::named_semaphore {

/** How to open one that need not be there. */
struct Creation {
  bool isWanted = false;
  bool isExclusive = false;  // EEXIST when it is there
  mode_t mode = 0;           // less the umask
  unsigned value = 0;
};

/**
 * Opens it; of one that is there mode and value stay as they are. The same name opened twice may give the same address; each opening wants
 * a closing of its own. ENOENT: there is none. EINVAL: the name is none, or the file behind it no semaphore.
 */
Status open(const char* name, Creation creation, sem_t*& out);
void close(sem_t& semaphore);
/** Removes the name; those who have it open keep the semaphore. */
Status unlink(const char* name);

/** Takes a permit if there is one now. */
bool tryTake(sem_t& semaphore);
/** Adds permits: all of them, or none (EOVERFLOW). REQUIRES: count >= 1. */
Status post(sem_t& semaphore, int count);
/** How many permits there are now; 0 when somebody waits. ENOSYS where the system does not tell. */
Status value(sem_t& semaphore, int& out);

}  // namespace forkful::os::named_semaphore

#pragma once
// Putting threads to sleep on a word of the region, and waking them, across processes.
//
// Two ways: the kernel's own (futex), and one made of POSIX semaphores for systems without such a call. A family of processes uses one way:
// the creator of the region chooses, and writes its choice into the parking table (region.h says where), where all others read it.

#include <cstdint>

#include "deadline.h"
#include "status.h"
#include "word.h"

namespace forkful::os {

/** Numbers known to JavaScript (PARK_WOKEN and its kin). Woken may be spurious. */
enum class ParkResult : int { kWoken = 0, kChanged = 1, kTimedOut = 2 };

class Parking {
 public:
  virtual ~Parking() = default;

  /** Sleeps while `word` holds `expected`, until unparked or `deadline`. Never ends early for a signal. */
  virtual ParkResult park(Word& word, uint32_t expected, Deadline deadline) = 0;
  /**
   * As park(), and ends too when `other` no longer holds `otherExpected` and somebody unparked it. Watches `word` only unless watchesTwo().
   */
  virtual ParkResult parkEither(Word& word, uint32_t expected, Word& other, uint32_t otherExpected, Deadline deadline) = 0;
  /**
   * Wakes at most `count` of those asleep on the word, earliest first; returns how many. REQUIRES: the caller has changed the word before.
   */
  virtual int unpark(Word& word, int count) = 0;

  virtual bool countsExactly() const = 0;
  virtual bool watchesTwo() const = 0;
  virtual const char* name() const = 0;
};

/** Values in the first word of the parking table. */
enum class ParkingKind : uint32_t { kUndecided = 0, kFutex = 1, kSemaphore = 2 };

/** What a region created by this process will use. Once, before create(); the default is the best that the system has. */
void chooseParking(ParkingKind kind);

/** The parking of this process's region; before there is one, what was chosen. */
Parking& parking();

/** For region.cc: lays out the parking table of a new region, which is all zeros, and makes its parking the process's own. */
Status prepareParking(char* regionBase);
/** For region.cc: makes the parking that the region was created with the process's own. */
Status adoptParking(char* regionBase);

/** The system's own way, in futex_linux.cc and its kin. Lives for ever. Needs no table. */
Parking& futexParking();
/** The portable way. The sleepers' table lies in the region at `regionBase`. Lives for ever; one region per process. */
Parking& semaphoreParking(char* regionBase);
Status prepareSemaphoreTable(char* regionBase);

/** Busy-waits, at most `iterations` pauses with growing gaps, until the word differs from `expected`. Returns whether it does. */
bool spin(const Word& word, uint32_t expected, int iterations);

}  // namespace forkful::os

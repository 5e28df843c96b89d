#pragma once
// The region of this process: one mapping, shared by all its agents. Lives until the process ends.
//
// create() and attach() may be called from any thread; the rest only after one of them has succeeded in this process.

#include <cstddef>

#include "status.h"
#include "word.h"

namespace forkful::os::region {

/** Where the parking table lies in every region; see parking.h. The bytes before and behind are not ours. */
inline constexpr size_t kParkingTableOffset = 4096;
inline constexpr size_t kParkingTableBytes = 16384;
/** Smaller regions cannot hold what lies at fixed places. */
inline constexpr size_t kLeastBytes = size_t{1} << 20;

/**
 * Makes the region, of `maxBytes` halved until the system agrees, not below `minBytes`; or finds the one that another thread of the process
 * has made, unless that is smaller than `minBytes` (EEXIST).
 */
Status create(size_t maxBytes, size_t minBytes);

/**
 * Joins a region by a descriptor that came by inheritance, and owns the descriptor from then on. With the region that the process has
 * already it does nothing, and EEXIST with any other.
 */
Status attach(int fd, size_t bytes);

/** nullptr before create() or attach(). */
char* base();
/** 0 before create() or attach(). */
size_t bytes();
/** -1 before create() or attach(). Close-on-exec. */
int descriptor();

/** Around a fork(), on the thread that forks: keeps out create() and attach() of other threads, which would never end in the child. */
void lockForFork();
void unlockAfterFork();

/** The word with this index, or nullptr when the region has no such word. */
inline Word* word(int32_t index) {
  return index >= 0 && static_cast<size_t>(index) < bytes() / sizeof(Word) ? reinterpret_cast<Word*>(base()) + index : nullptr;
}

}  // namespace forkful::os::region

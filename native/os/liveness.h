#pragma once
// Life words: who is alive, told by memory alone.
//
// A life word is the first word of kLifeBytes. A thread claims it for as long as it lives; when the thread ends, however it ends, the
// kernel sets kLifeDied in it, and wakes one of those parked on it if kLifeWatched is set (by whoever parks; nobody here sets it).
//
// Thread safety: any thread of any process may call any of these on any life word.

#include <cstddef>
#include <cstdint>

#include "status.h"
#include "word.h"

namespace forkful::os::liveness {

inline constexpr size_t kLifeBytes = 64;
inline constexpr uint32_t kLifeDied = 0x40000000;
inline constexpr uint32_t kLifeWatched = 0x80000000;

/** Numbers known to JavaScript (CLAIM_BUSY and its kin). */
enum class Claim : int { kBusy = 0, kFree = 1, kDead = 2 };

/** Whether this system has such words. Where not, the functions below fail with ENOTSUP or do nonsense. */
bool isSupported();
/** Prepares kLifeBytes of memory, whatever they held. REQUIRES: nobody else uses them yet. */
Status init(Word& lifeWord);
/** Takes the life word for the calling thread, if it is free or its owner has died. */
Status claim(Word& lifeWord, Claim& out);
/** EPERM when the calling thread does not have it. */
Status release(Word& lifeWord);

}  // namespace forkful::os::liveness

#pragma once
// One Int32 of the region, as every process sees it: JavaScript through Atomics, C++ through this type.

#include <atomic>
#include <cstdint>

namespace forkful::os {

using Word = std::atomic<uint32_t>;
static_assert(sizeof(Word) == 4 && alignof(Word) == 4 && Word::is_always_lock_free, "a word is a plain aligned 32-bit integer in memory");

}  // namespace forkful::os

#include <cstdlib>

#include "freed_memory.h"

namespace forkful::os {

void keepFreedMemory() {
  // glibc raises its thresholds by itself when a large block is freed (mallopt(3), M_MMAP_THRESHOLD): the largest that it heeds is 32 MiB. Nothing is
  // touched, so this costs one mmap and one munmap. Settings that the user made by MALLOC_ variables or mallopt() switch the mechanism off, and stay.
  constexpr size_t kLargestHeeded = (size_t{32} << 20) - (size_t{64} << 10);
  void* volatile block = std::malloc(kLargestHeeded);  // volatile: else the compiler drops the pair
  std::free(block);
}

}  // namespace forkful::os

#include "parking.h"

#include <algorithm>

#include "region.h"

namespace forkful::os {

namespace {

std::atomic<ParkingKind> chosen{ParkingKind::kFutex};
std::atomic<Parking*> current{nullptr};

Word& kindWord(char* regionBase) { return *reinterpret_cast<Word*>(regionBase + region::kParkingTableOffset); }

void pauseOnce() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  // `yield` is a no-op on most cores; `isb` takes about as long as `pause` does.
  asm volatile("isb" ::: "memory");
#else
  asm volatile("" ::: "memory");
#endif
}

}  // namespace

void chooseParking(ParkingKind kind) { chosen.store(kind); }

Parking& parking() {
  Parking* known = current.load(std::memory_order_acquire);
  return known != nullptr ? *known : futexParking();
}

Status prepareParking(char* regionBase) {
  const ParkingKind kind = chosen.load();
  if (kind == ParkingKind::kSemaphore) {
    if (Status status = prepareSemaphoreTable(regionBase); !status.ok()) return status;
  }
  kindWord(regionBase).store(static_cast<uint32_t>(kind));
  return adoptParking(regionBase);
}

Status adoptParking(char* regionBase) {
  switch (static_cast<ParkingKind>(kindWord(regionBase).load())) {
    case ParkingKind::kFutex:
      current.store(&futexParking());
      return Status::success();
    case ParkingKind::kSemaphore:
      current.store(&semaphoreParking(regionBase));
      return Status::success();
    case ParkingKind::kUndecided:
      break;
  }
  return Status::fail(EINVAL, "mmap");  // not a region of ours, or one of another version
}

bool spin(const Word& word, uint32_t expected, int iterations) {
  // Growing gaps keep the poller off the writer's cache line, and let it see a change at most a quarter later than it came; 64 pauses are about 1 µs,
  // little beside what a park would cost.
  constexpr int kShortestGap = 2;
  constexpr int kLongestGap = 64;
  for (int done = 0; done < iterations;) {
    if (word.load(std::memory_order_acquire) != expected) return true;
    const int gap = std::clamp(done / 4, kShortestGap, kLongestGap);
    for (int i = 0; i < gap; i++) pauseOnce();
    done += gap;
  }
  return word.load(std::memory_order_acquire) != expected;
}

}  // namespace forkful::os

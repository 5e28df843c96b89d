// The floor: what an atomic pair costs in C++ on this machine. One JSON line per figure.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <ctime>

static double now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

int main() {
  alignas(64) static std::atomic<int32_t> word{0};
  const long n = 5000000;
  double best = 1e18;
  for (int round = 0; round < 5; round++) {
    double start = now();
    for (long i = 0; i < n; i++) {
      int32_t free = 0;
      word.compare_exchange_strong(free, 7);
      word.exchange(0);
    }
    best = std::min(best, (now() - start) / n);
  }
  std::printf("{\"metric\":\"lock_pair_ns\",\"value\":%.2f}\n", best);
}

// The floor, in C++ on this machine: `primitives lock`, an atomic pair; `primitives handover`, two processes in turns by futexes; `primitives trip`, there and
// back, by spinning and by futexes. One JSON line per figure.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static double now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

static void report(const char* metric, double value) {
  std::printf("{\"metric\":\"%s\",\"value\":%.2f}\n", metric, value);
  std::fflush(stdout);
}

static void lockPair() {
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
  report("lock_pair_ns", best);
}

using Word = std::atomic<uint32_t>;
const double WORK_NS = 25000;

static void wait(Word& word, uint32_t until) {
  for (uint32_t seen; (seen = word.load()) != until;) syscall(SYS_futex, &word, FUTEX_WAIT, seen, nullptr, nullptr, 0);
}

static void tell(Word& word, uint32_t value) {
  word.store(value);
  syscall(SYS_futex, &word, FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

static void work(bool works) {
  if (!works) return;
  for (double end = now() + WORK_NS; now() < end;) {
  }
}

// Nanoseconds per hand-over, the work not counted.
static double handOver(char* shared, uint32_t n, bool works) {
  Word& ours = *new (shared) Word(0);
  Word& theirs = *new (shared + 128) Word(0);
  pid_t child = fork();
  if (child == 0) {
    for (uint32_t i = 1; i <= n; i++) {
      wait(theirs, i);
      work(works);
      tell(ours, i);
    }
    _exit(0);
  }
  double start = now();
  for (uint32_t i = 1; i <= n; i++) {
    work(works);
    tell(theirs, i);
    wait(ours, i);
  }
  double each = (now() - start) / (2.0 * n) - (works ? WORK_NS : 0);
  waitpid(child, nullptr, 0);
  return each;
}

// Nanoseconds there and back, both spinning.
static double spinTrip(char* shared, uint32_t n) {
  Word& ours = *new (shared) Word(0);
  Word& theirs = *new (shared + 128) Word(0);
  auto until = [](Word& word, uint32_t value) {
    while (word.load(std::memory_order_acquire) != value) __builtin_ia32_pause();
  };
  pid_t child = fork();
  if (child == 0) {
    for (uint32_t i = 1; i <= n; i++) {
      until(theirs, i);
      ours.store(i, std::memory_order_release);
    }
    _exit(0);
  }
  double start = now();
  for (uint32_t i = 1; i <= n; i++) {
    theirs.store(i, std::memory_order_release);
    until(ours, i);
  }
  double each = (now() - start) / n;
  waitpid(child, nullptr, 0);
  return each;
}

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "lock") == 0) {
    lockPair();
    return 0;
  }
  void* shared = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return 1;
  if (argc > 1 && std::strcmp(argv[1], "trip") == 0) {
    double spinning = 1e18, asleep = 1e18;
    for (int round = 0; round < 3; round++) {
      spinning = std::min(spinning, spinTrip(static_cast<char*>(shared), 100000));
      asleep = std::min(asleep, 2 * handOver(static_cast<char*>(shared), 6000, true));
    }
    report("pipe_round_trip_hot_ns", spinning);
    report("pipe_round_trip_asleep_ns", asleep);
    return 0;
  }
  double hot = 1e18, asleep = 1e18;
  for (int round = 0; round < 3; round++) {
    hot = std::min(hot, handOver(static_cast<char*>(shared), 30000, false));
    asleep = std::min(asleep, handOver(static_cast<char*>(shared), 6000, true));
  }
  report("handover_ns", hot);
  report("handover_asleep_ns", asleep);
}

#pragma once
// Points in monotonic time, and the one helper that restarts what a signal interrupted.

#include <time.h>

#include <cerrno>
#include <cmath>
#include <cstdint>

namespace forkful::os {

class Deadline {
 public:
  /** `timeoutMs` from now, rounded up, so that no wait ends early. REQUIRES: not NaN, >= 0; what exceeds 30 years is 30 years. */
  static Deadline after(double timeoutMs) {
    constexpr double kLongestMs = 1e12;
    return Deadline(now() + static_cast<int64_t>(std::ceil((timeoutMs < kLongestMs ? timeoutMs : kLongestMs) * 1e6)));
  }
  static Deadline earlier(Deadline a, Deadline b) { return a.ns_ < b.ns_ ? a : b; }

  /** On CLOCK_MONOTONIC. */
  timespec absolute() const { return toTimespec(ns_); }
  /** From now; zero when it has passed. */
  timespec remaining() const { return toTimespec(remainingNs()); }
  int64_t remainingNs() const {
    const int64_t left = ns_ - now();
    return left > 0 ? left : 0;
  }
  bool passed() const { return now() >= ns_; }
  bool operator<(Deadline other) const { return ns_ < other.ns_; }

 private:
  explicit Deadline(int64_t ns) : ns_(ns) {}
  static int64_t now() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
  }
  static timespec toTimespec(int64_t ns) { return {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)}; }

  int64_t ns_;
};

/**
 * Calls until a signal is no longer the reason for failing. REQUIRES: `call` returns -1 and sets errno on failure; timeouts are absolute.
 */
template <class Call>
auto retryOnInterrupt(Call call) -> decltype(call()) {
  for (;;) {
    const auto result = call();
    if (result != -1 || errno != EINTR) return result;
  }
}

}  // namespace forkful::os

#pragma once
// The result of a system call: no error, or its number and the name of the call that failed. Safe anywhere: it allocates nothing.

#include <cerrno>

namespace forkful::os {

struct [[nodiscard]] Status {
  int error = 0;             // an errno value; 0 is success
  const char* syscall = "";  // a string literal

  bool ok() const { return error == 0; }

  static Status success() { return {}; }
  static Status fail(int error, const char* syscall) { return {error, syscall}; }
  /** The failure that errno describes now. */
  static Status lastError(const char* syscall) { return {errno, syscall}; }
};

}  // namespace forkful::os

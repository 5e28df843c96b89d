#pragma once
// What a descriptor refers to.

#include <cstdint>

#include "status.h"

namespace forkful::os {

struct FileInfo {
  uint64_t bytes = 0;
  uint64_t device = 0;
  uint64_t inode = 0;

  bool isSameFile(const FileInfo& other) const { return device == other.device && inode == other.inode; }
};

Status fileInfo(int fd, FileInfo& out);

}  // namespace forkful::os

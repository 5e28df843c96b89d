#include "file_info.h"

#include <sys/stat.h>

namespace forkful::os {

Status fileInfo(int fd, FileInfo& out) {
  struct stat info;
  if (fstat(fd, &info) == -1) return Status::lastError("fstat");
  out = {static_cast<uint64_t>(info.st_size), static_cast<uint64_t>(info.st_dev), info.st_ino};
  return Status::success();
}

}  // namespace forkful::os

#include "../os/named_segment.h"

#include <unistd.h>

#include <string>

#include "check.h"

using namespace forkful;
using namespace forkful::test;
namespace named = forkful::os::named_segment;

namespace {

std::string freshName() { return "forkful-test-" + std::to_string(getpid()); }

}  // namespace

TEST_WITHOUT_REGION("a named segment is created once, shared by name, and outlives its name") {
  const std::string name = freshName();
  os::UniqueFd mine, theirs;
  CHECK(named::create(name.c_str(), 100'000, nullptr, mine).ok());
  os::UniqueFd second;
  CHECK(named::create(name.c_str(), 100'000, nullptr, second).error == EEXIST);
  CHECK(named::open(name.c_str(), theirs).ok());
  size_t bytes = 0;
  CHECK(named::size(theirs.get(), bytes).ok() && bytes == 100'000);
  void* a = nullptr;
  void* b = nullptr;
  CHECK(named::map(mine.get(), bytes, a).ok() && named::map(theirs.get(), bytes, b).ok());
  static_cast<char*>(a)[99'999] = 5;
  CHECK(static_cast<char*>(b)[99'999] == 5);
  CHECK(named::unlink(name.c_str()).ok());
  CHECK(named::unlink(name.c_str()).error == ENOENT);
  CHECK(named::open(name.c_str(), second).error == ENOENT);
  mine.reset();
  CHECK(static_cast<char*>(b)[99'999] == 5);
  named::unmap(a, bytes);
  named::unmap(b, bytes);
}

TEST_WITHOUT_REGION("a segment that cannot be backed is an error and leaves no name") {
  const std::string name = freshName();
  os::UniqueFd fd;
  const os::Status status = named::create(name.c_str(), size_t{1} << 44, nullptr, fd);
  CHECK(status.error == ENOSPC || status.error == ENOMEM || status.error == EFBIG);
  CHECK(named::open(name.c_str(), fd).error == ENOENT);
}

TEST_WITHOUT_REGION("a name is one path component") {
  os::UniqueFd fd;
  for (const char* name : {"", ".", "..", "a/b", "/a"}) CHECK(named::create(name, 1, nullptr, fd).error == EINVAL);
  CHECK(named::create(std::string(256, 'x').c_str(), 1, nullptr, fd).error == ENAMETOOLONG);
}

TEST_WITHOUT_REGION("mapping beyond the end is refused") {
  const std::string name = freshName();
  os::UniqueFd fd;
  void* base = nullptr;
  CHECK(named::create(name.c_str(), 4096, nullptr, fd).ok());
  CHECK(named::map(fd.get(), 4097, base).error == EINVAL);
  CHECK(named::map(fd.get(), 0, base).error == EINVAL);
  CHECK(named::unlink(name.c_str()).ok());
}

TEST_WITHOUT_REGION("what was let go of can still be touched, and nobody shares it") {
  const std::string name = freshName();
  os::UniqueFd fd;
  void* mine = nullptr;
  void* theirs = nullptr;
  uint64_t identity = 0;
  CHECK(named::create(name.c_str(), 10'000, &identity, fd).ok());
  CHECK(identity != 0 && identity == named::identityOf(name.c_str()));
  CHECK(named::map(fd.get(), 10'000, mine).ok() && named::map(fd.get(), 10'000, theirs).ok());
  static_cast<char*>(mine)[9'999] = 5;
  CHECK(named::letGo(mine, 10'000).ok());
  CHECK(static_cast<char*>(mine)[9'999] == 0);
  static_cast<char*>(mine)[9'999] = 6;
  CHECK(static_cast<char*>(theirs)[9'999] == 5);
  named::unmap(mine, 10'000);
  named::unmap(theirs, 10'000);
  CHECK(named::unlink(name.c_str()).ok() && named::identityOf(name.c_str()) == 0);
}

#include "../os/name_keeper.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "../os/mapping.h"
#include "../os/named_segment.h"
#include "check.h"

using namespace forkful;
using namespace forkful::test;
namespace named = forkful::os::named_segment;
namespace keeper = forkful::os::name_keeper;

namespace {

constexpr size_t kHead = 24;
constexpr uint32_t kPage = 1;

std::string nameOf(const char* what) { return std::string("forkful-keeper-test-") + what + "-" + std::to_string(getpid()); }

bool isThere(const std::string& name) { return named::identityOf(name.c_str()) != 0; }

/** A region with a list of one page, as long as this process lives. */
struct List {
  os::UniqueFd fd;
  char* base = nullptr;

  List() {
    void* mapped = nullptr;
    CHECK(os::createShared(4 * keeper::kPageBytes, fd).ok() && os::mapShared(fd.get(), 4 * keeper::kPageBytes, mapped).ok());
    base = static_cast<char*>(mapped);
    memcpy(base + kHead, &kPage, sizeof kPage);
  }

  char* record(size_t i) const { return base + kPage * keeper::kPageBytes + keeper::kFirstRecord + i * keeper::kRecordBytes; }

  void add(size_t i, int32_t state, const std::string& name, bool makesIt) const {
    memcpy(record(i), &state, sizeof state);
    strcpy(record(i) + keeper::kNameAt, name.c_str());
    os::UniqueFd segment;
    if (makesIt) CHECK(named::create(name.c_str(), 10, reinterpret_cast<uint64_t*>(record(i) + keeper::kIdentityAt), segment).ok());
  }
};

}  // namespace

TEST_WITHOUT_REGION("a keeper removes the segments of a family that ended, and nobody else's") {
  const std::string listed = nameOf("listed"), half = nameOf("half"), others = nameOf("others"), freed = nameOf("freed");
  os::UniqueFd mine;
  CHECK(named::create(others.c_str(), 10, nullptr, mine).ok());
  const int child = spawnChild([&] {
    const List list;
    pid_t pid = 0, again = 0;
    CHECK(keeper::start(list.fd.get(), kHead, 0, pid).ok() && pid > 0);
    CHECK(keeper::start(list.fd.get(), kHead, pid, again).ok() && again == pid);
    list.add(0, -1, listed, true);
    list.add(1, 1025, half, true);
    list.add(2, 1025, others, false);
    list.add(keeper::kRecords - 1, -2, freed, true);
    CHECK(named::unlink(freed.c_str()).ok());
    // Not yet.
    CHECK(isThere(listed) && isThere(half));
  });
  CHECK(childSucceeded(child));
  CHECK(eventually([&] { return !isThere(listed) && !isThere(half); }));
  CHECK(isThere(others) && !isThere(freed));
  CHECK(named::unlink(others.c_str()).ok());
}

TEST_WITHOUT_REGION("a keeper waits for the last descriptor of the region, whoever has it, and for no other of its parent's") {
  const std::string name = nameOf("inherited");
  int ends[2];
  CHECK(pipe(ends) == 0);
  const int child = spawnChild([&] {
    const List list;
    pid_t pid = 0;
    CHECK(keeper::start(list.fd.get(), kHead, 0, pid).ok());
    list.add(0, -1, name, true);
    if (fork() == 0) {
      char byte = 0;
      close(ends[1]);
      (void)!read(ends[0], &byte, 1);
      _exit(0);
    }
  });
  CHECK(childSucceeded(child));
  os::UniqueFd reader(ends[0]), writer(ends[1]);
  CHECK(isThere(name));
  writer.reset();
  CHECK(eventually([&] { return !isThere(name); }));
}

#include "../os/mapping.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <cstring>

#include "../os/region.h"
#include "check.h"

using namespace forkful;
using namespace forkful::test;

namespace {

constexpr size_t kMiB = size_t{1} << 20;
constexpr size_t kGiB = size_t{1} << 30;

size_t usedBytes(int fd) {
  struct stat info;
  fstat(fd, &info);
  return static_cast<size_t>(info.st_blocks) * 512;
}

void limitFileSize(size_t bytes) {
  const rlimit limit{bytes, bytes};
  CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

}  // namespace

TEST_WITHOUT_REGION("a region is zeroed, costs nothing untouched, and is shared with a forked child") {
  CHECK(childSucceeded(spawnChild([] {
    CHECK(os::region::base() == nullptr && os::region::word(0) == nullptr);
    CHECK(os::region::create(16 * kGiB, kGiB).ok());
    CHECK(os::region::bytes() == 16 * kGiB);
    CHECK(usedBytes(os::region::descriptor()) < kMiB);
    char* last = os::region::base() + os::region::bytes() - 1;
    CHECK(*last == 0);
    CHECK(childSucceeded(spawnChild([&] { *last = 7; })));
    CHECK(*last == 7);
    CHECK(os::region::word(static_cast<int32_t>(16 * kGiB / 4 > INT32_MAX ? INT32_MAX : 16 * kGiB / 4 - 1)) != nullptr);
    CHECK(os::region::word(-1) == nullptr);
    CHECK((fcntl(os::region::descriptor(), F_GETFD) & FD_CLOEXEC) != 0);
  })));
}

TEST_WITHOUT_REGION("create finds the region that the process has already") {
  CHECK(childSucceeded(spawnChild([] {
    CHECK(os::region::create(2 * kGiB, kGiB).ok());
    char* base = os::region::base();
    CHECK(os::region::create(4 * kGiB, kGiB).ok() && os::region::base() == base && os::region::bytes() == 2 * kGiB);
    CHECK(os::region::create(4 * kGiB, 4 * kGiB).error == EEXIST);
  })));
}

TEST_WITHOUT_REGION("create halves the size until the system agrees") {
  CHECK(childSucceeded(spawnChild([] {
    limitFileSize(5 * kGiB);
    CHECK(os::region::create(256 * kGiB, kGiB).ok());
    CHECK(os::region::bytes() == 4 * kGiB);
  })));
}

TEST_WITHOUT_REGION("create says what is wrong, and no signal kills, when even the least is refused") {
  CHECK(childSucceeded(spawnChild([] {
    limitFileSize(kMiB);
    const os::Status status = os::region::create(256 * kGiB, kGiB);
    CHECK(status.error == EFBIG && strcmp(status.syscall, "ftruncate") == 0);
    CHECK(os::region::base() == nullptr);
  })));
}

TEST_WITHOUT_REGION("attach joins by descriptor, again for nothing, and refuses another region") {
  CHECK(childSucceeded(spawnChild([] {
    os::UniqueFd fd;
    void* creator = nullptr;
    CHECK(os::createShared(kGiB, fd).ok() && os::mapShared(fd.get(), kGiB, creator).ok());
    CHECK(os::region::attach(dup(fd.get()), kGiB).error == EINVAL);  // nobody has laid out its parking table
    static_cast<os::Word*>(creator)[os::region::kParkingTableOffset / 4].store(1);
    const int inherited = dup(fd.get());
    CHECK(os::region::attach(inherited, kGiB).ok());
    CHECK(os::region::descriptor() == inherited && (fcntl(inherited, F_GETFD) & FD_CLOEXEC) != 0);
    static_cast<char*>(creator)[kMiB] = 9;
    CHECK(os::region::base()[kMiB] == 9);
    CHECK(os::region::attach(inherited, kGiB).ok());
    const int another = dup(fd.get());
    CHECK(os::region::attach(another, kGiB).ok());
    CHECK(fcntl(another, F_GETFD) == -1);  // closed: the region has its descriptor
    os::UniqueFd stranger;
    CHECK(os::createShared(kGiB, stranger).ok());
    CHECK(os::region::attach(stranger.get(), kGiB).error == EEXIST);
    CHECK(os::region::attach(inherited, kGiB / 2).error == EEXIST);
  })));
}

TEST_WITHOUT_REGION("attach refuses what is too short, can shrink, or is no memory at all") {
  CHECK(childSucceeded(spawnChild([] {
    os::UniqueFd fd;
    CHECK(os::createShared(kGiB, fd).ok());
    CHECK(os::region::attach(fd.get(), 2 * kGiB).error == EINVAL);
    const os::UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
    CHECK(!os::region::attach(null.get(), kGiB).ok());
    CHECK(os::region::attach(9999, kGiB).error == EBADF);
    CHECK(ftruncate(fd.get(), 4096) == -1 && errno == EPERM);
    CHECK(ftruncate(fd.get(), static_cast<off_t>(2 * kGiB)) == -1 && errno == EPERM);
  })));
}

TEST_WITHOUT_REGION("commit backs a range, punch gives it back and zeroes it") {
  os::UniqueFd fd;
  void* memory = nullptr;
  CHECK(os::createShared(kGiB, fd).ok() && os::mapShared(fd.get(), kGiB, memory).ok());
  auto* bytes = static_cast<char*>(memory);
  bytes[5 * kMiB] = 42;
  CHECK(os::commit(fd.get(), 4 * kMiB, 64 * kMiB + 1).ok());
  CHECK(usedBytes(fd.get()) >= 64 * kMiB);
  CHECK(bytes[5 * kMiB] == 42 && bytes[6 * kMiB] == 0);
  CHECK(os::punch(fd.get(), 4 * kMiB, 80 * kMiB).ok());
  CHECK(usedBytes(fd.get()) < kMiB && bytes[5 * kMiB] == 0);
  CHECK(os::punch(fd.get(), 0, 0).ok() && os::commit(fd.get(), 0, 0).ok());
  CHECK(!os::commit(fd.get(), kGiB - 4096, 8192).ok());
  munmap(memory, kGiB);
}

TEST_WITHOUT_REGION("more memory than there is is an error, and takes nothing") {
  os::UniqueFd fd;
  CHECK(os::createShared(size_t{1} << 42, fd).ok());
  const os::Status status = os::commit(fd.get(), 0, size_t{1} << 42);
  CHECK(status.error == ENOMEM && strcmp(status.syscall, "fallocate") == 0);
  CHECK(usedBytes(fd.get()) < kMiB);
}

TEST_WITHOUT_REGION("commit ends under a storm of signals") {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  sigaction(SIGALRM, &action, nullptr);
  const itimerval storm{{0, 300}, {0, 300}};
  setitimer(ITIMER_REAL, &storm, nullptr);
  os::UniqueFd fd;
  CHECK(os::createShared(kGiB, fd).ok());
  CHECK(os::commit(fd.get(), 0, 128 * kMiB).ok());
  const itimerval calm{};
  setitimer(ITIMER_REAL, &calm, nullptr);
  CHECK(usedBytes(fd.get()) >= 128 * kMiB);
}

#include "../os/datagram.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "../os/descriptors.h"
#include "check.h"

using namespace forkful;
using namespace forkful::test;
using os::Datagram;
using os::Deadline;
using os::UniqueFd;

namespace {

bool sendText(int fd, const std::string& text, std::initializer_list<int> fds = {}) {
  bool sent = false;
  return os::sendDatagram(fd, text.data(), text.size(), fds.begin(), fds.size(), sent).ok() && sent;
}

std::string textOf(int fd) {
  Datagram datagram;
  bool came = false;
  const os::Status status = os::receiveDatagram(fd, Deadline::after(60'000), came, datagram);
  return !status.ok() ? "failed" : !came ? "nothing" : datagram.bytes;
}

}  // namespace

TEST_WITHOUT_REGION("datagrams keep their boundaries and bring descriptors that are close-on-exec") {
  UniqueFd ends[2];
  CHECK(os::socketPair(ends).ok());
  const UniqueFd file(open("/dev/null", O_RDONLY));
  CHECK(sendText(ends[0].get(), "one") && sendText(ends[0].get(), "two", {file.get(), file.get()}));
  CHECK(textOf(ends[1].get()) == "one");
  Datagram datagram;
  bool came = false;
  CHECK(os::receiveDatagram(ends[1].get(), Deadline::after(0), came, datagram).ok() && came);
  CHECK(datagram.bytes == "two" && datagram.fds.size() == 2);
  for (const UniqueFd& fd : datagram.fds) CHECK((fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(os::isDatagramSocket(ends[0].get()) && !os::isDatagramSocket(file.get()));
}

TEST_WITHOUT_REGION("datagrams: large ones arrive whole, too large ones are refused, a full socket is told") {
  UniqueFd ends[2];
  CHECK(os::socketPair(ends).ok());
  const std::string large(100'000, 'x');
  CHECK(sendText(ends[0].get(), large));
  CHECK(textOf(ends[1].get()) == large);
  bool sent = true;
  const std::string tooLarge(4 << 20, 'x');
  CHECK(os::sendDatagram(ends[0].get(), tooLarge.data(), tooLarge.size(), nullptr, 0, sent).error == EMSGSIZE && !sent);
  int count = 0;
  while (sendText(ends[0].get(), "fill")) count++;
  CHECK(os::sendDatagram(ends[0].get(), "x", 1, nullptr, 0, sent).ok() && !sent);
  CHECK(textOf(ends[1].get()) == "fill");
  CHECK(sendText(ends[0].get(), "room"));
  for (int i = 1; i < count; i++) CHECK(textOf(ends[1].get()) == "fill");
  CHECK(textOf(ends[1].get()) == "room");
}

TEST_WITHOUT_REGION("datagrams: nothing comes until the deadline, and the end of file after all that was sent") {
  UniqueFd ends[2];
  CHECK(os::socketPair(ends).ok());
  Datagram datagram;
  bool came = true;
  const double start = nowMs();
  CHECK(os::receiveDatagram(ends[1].get(), Deadline::after(20), came, datagram).ok() && !came);
  CHECK(nowMs() - start >= 20);
  CHECK(sendText(ends[0].get(), "last"));
  // What its owner has not read makes the close a reset, which must not hide what it had sent.
  CHECK(sendText(ends[1].get(), "unread"));
  ends[0].reset();
  CHECK(textOf(ends[1].get()) == "last");
  CHECK(textOf(ends[1].get()).empty());
  bool sent = true;
  CHECK(os::sendDatagram(ends[1].get(), "x", 1, nullptr, 0, sent).error == EPIPE && !sent);
}

TEST_WITHOUT_REGION("three descriptors become the standard ones, whatever numbers they had") {
  const char* orders[] = {"201", "012", "120", "210", "345"};
  for (const char* order : orders) {
    const int child = spawnChild([&] {
      // Files whose position tells them apart, at the numbers that the order says.
      int temporary[3];
      for (int i = 0; i < 3; i++) {
        const int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
        CHECK(lseek(fd, 10 + i, SEEK_SET) == 10 + i);
        temporary[i] = fcntl(fd, F_DUPFD_CLOEXEC, 100);
        close(fd);
      }
      for (int i = 0; i < 3; i++) CHECK(dup3(temporary[i], order[i] - '0', O_CLOEXEC) >= 0);
      CHECK(os::becomeStdio(UniqueFd(order[0] - '0'), UniqueFd(order[1] - '0'), UniqueFd(order[2] - '0')).ok());
      for (int i = 0; i < 3; i++) {
        CHECK(lseek(i, 0, SEEK_CUR) == 10 + i);
        CHECK((fcntl(i, F_GETFD) & FD_CLOEXEC) == 0);
      }
    });
    CHECK(childSucceeded(child));
  }
}

TEST_WITHOUT_REGION("closed standard descriptors are filled, open ones left alone") {
  const int child = spawnChild([] {
    close(0);
    close(2);
    CHECK(os::fillStdio().ok());
    for (int i = 0; i < 3; i++) CHECK(fcntl(i, F_GETFD) == 0);
  });
  CHECK(childSucceeded(child));
}

#include "../os/descriptor_door.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "../os/datagram.h"
#include "../os/quiescence.h"
#include "check.h"

using namespace forkful;
using namespace forkful::test;
using os::Datagram;
using os::Deadline;
using os::UniqueFd;
namespace door = os::descriptor_door;
using door::Key;

namespace {

constexpr double kLimitMs = 60'000;

struct Pipe {
  Pipe() {
    int ends[2];
    CHECK(pipe(ends) == 0);
    reader.reset(ends[0]);
    writer.reset(ends[1]);
  }
  UniqueFd reader, writer;
};

/** As processes are forked: no other thread is in the midst of anything, such as an allocation, whose lock the child would have for ever. */
int forkWhenQuiet(const std::function<void()>& body) {
  CHECK(os::waitUntilQuiet(Deadline::after(kLimitMs)));
  return spawnChild(body);
}

bool isAtEnd(int reader) {
  char byte;
  return read(reader, &byte, 1) == 0;
}

/** A socket of a door's kind, and the door's name: for those at a door who are not as they should be. */
struct Stranger {
  explicit Stranger(const Key& door) : socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) {
    std::string text = "forkful-door-";
    for (const unsigned char byte : door) {
      for (const int digit : {byte >> 4, byte & 15}) text += "0123456789abcdef"[digit];
    }
    address.sun_family = AF_UNIX;
    text.copy(address.sun_path + 1, text.size());
    length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
  }
  const sockaddr* name() const { return reinterpret_cast<const sockaddr*>(&address); }

  UniqueFd socket;
  sockaddr_un address{};
  socklen_t length;
};

/** Takes the next question at a door, and its visitor. */
std::string questionAt(const Stranger& door, UniqueFd& visitor) {
  visitor.reset(accept4(door.socket.get(), nullptr, nullptr, SOCK_CLOEXEC));
  Datagram question;
  bool came = false;
  CHECK(os::receiveDatagram(visitor.get(), Deadline::after(kLimitMs), came, question).ok() && came);
  return question.bytes;
}

std::string asked(char what, const Key& ticket) { return what + std::string(ticket.begin(), ticket.end()); }

}  // namespace

TEST_WITHOUT_REGION("another process gets a duplicate for its ticket, again and again") {
  Pipe pipe;
  Key name, ticket;
  CHECK(door::lend(pipe.writer.get(), name, ticket).ok());
  for (int i = 0; i < 3; i++) {
    const int child = forkWhenQuiet([&] {
      door::becomeForked();
      UniqueFd fd;
      CHECK(door::borrow(name, ticket, kLimitMs, fd).ok());
      CHECK((fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
      CHECK(write(fd.get(), "x", 1) == 1);
    });
    CHECK(childSucceeded(child));
    char byte = 0;
    CHECK(read(pipe.reader.get(), &byte, 1) == 1 && byte == 'x');
  }
  CHECK(door::release(name, ticket, kLimitMs).ok());
}

TEST_WITHOUT_REGION("what is released is closed, and its ticket good no more") {
  Pipe pipe;
  Key name, ticket;
  CHECK(door::lend(pipe.writer.get(), name, ticket).ok());
  CHECK(door::release(name, ticket, kLimitMs).ok());
  pipe.writer.reset();
  CHECK(isAtEnd(pipe.reader.get()));
  UniqueFd fd;
  CHECK(!door::borrow(name, ticket, kLimitMs, fd).ok() && !fd.valid());
  CHECK(door::release(name, ticket, kLimitMs).ok());
}

TEST_WITHOUT_REGION("a process that lends nothing has no door, and opens another one") {
  const Pipe pipe;
  Key first, second, ticket;
  CHECK(door::lend(pipe.writer.get(), first, ticket).ok());
  CHECK(door::release(first, ticket, kLimitMs).ok());
  UniqueFd fd;
  CHECK(eventually([&] { return door::borrow(first, ticket, kLimitMs, fd).error == ECONNREFUSED; }));
  CHECK(door::lend(pipe.writer.get(), second, ticket).ok() && second != first);
  CHECK(door::borrow(second, ticket, kLimitMs, fd).ok());
  CHECK(door::release(second, ticket, kLimitMs).ok());
}

TEST_WITHOUT_REGION("a ticket that was guessed is good for nothing") {
  const Pipe pipe;
  Key name, ticket;
  CHECK(door::lend(pipe.writer.get(), name, ticket).ok());
  Key guessed = ticket;
  guessed[15] = static_cast<unsigned char>(guessed[15] ^ 1);
  UniqueFd fd;
  CHECK(door::borrow(name, guessed, kLimitMs, fd).error == ENOENT && !fd.valid());
  CHECK(door::release(name, ticket, kLimitMs).ok());
}

TEST_WITHOUT_REGION("a forked child lends by itself, and the door of one that has ended is told from one that is there") {
  Pipe pipe;
  Key name, ticket;
  CHECK(door::lend(pipe.writer.get(), name, ticket).ok());
  const Pipe told;
  const int child = forkWhenQuiet([&] {
    door::becomeForked();
    Key ours[2];
    CHECK(door::lend(pipe.reader.get(), ours[0], ours[1]).ok());
    CHECK(ours[0] != name);
    UniqueFd fd;
    CHECK(door::borrow(ours[0], ours[1], kLimitMs, fd).ok());
    CHECK(write(told.writer.get(), ours, sizeof ours) == sizeof ours);
  });
  Key theirs[2];
  CHECK(childSucceeded(child));
  CHECK(read(told.reader.get(), theirs, sizeof theirs) == sizeof theirs);
  UniqueFd fd;
  CHECK(door::borrow(theirs[0], theirs[1], kLimitMs, fd).error == ECONNREFUSED);
  CHECK(door::release(theirs[0], theirs[1], kLimitMs).ok());
  CHECK(door::release(name, ticket, kLimitMs).ok());
}

TEST_WITHOUT_REGION("visitors that say nothing hold up nobody, and are answered when they ask") {
  Pipe pipe;
  Key name, ticket;
  CHECK(door::lend(pipe.writer.get(), name, ticket).ok());
  std::vector<Stranger> silent;
  for (int i = 0; i < 16; i++) {
    silent.emplace_back(name);
    CHECK(connect(silent[i].socket.get(), silent[i].name(), silent[i].length) == 0);
  }
  UniqueFd fd;
  CHECK(door::borrow(name, ticket, kLimitMs, fd).ok());
  for (const Stranger& visitor : silent) {
    bool done = false;
    const std::string question = asked('b', ticket);
    CHECK(os::sendDatagram(visitor.socket.get(), question.data(), question.size(), nullptr, 0, done).ok() && done);
    Datagram answer;
    CHECK(os::receiveDatagram(visitor.socket.get(), Deadline::after(kLimitMs), done, answer).ok() && done);
    CHECK(answer.bytes == "y" && answer.fds.size() == 1);
  }
  CHECK(door::release(name, ticket, kLimitMs).ok());
}

TEST_WITHOUT_REGION("one who hangs up is asked again, before the question and after it, until it answers") {
  const Pipe pipe;
  const Key name{1, 2, 3}, ticket{4, 5, 6};
  for (const char what : {'b', 'r'}) {
    const Stranger server(name);
    CHECK(bind(server.socket.get(), server.name(), server.length) == 0);
    CHECK(listen(server.socket.get(), 8) == 0);
    const int child = forkWhenQuiet([&] {
      UniqueFd visitor(accept4(server.socket.get(), nullptr, nullptr, SOCK_CLOEXEC));
      visitor.reset();
      CHECK(questionAt(server, visitor) == asked(what, ticket));
      visitor.reset();
      CHECK(questionAt(server, visitor) == asked(what, ticket));
      bool sent = false;
      const int fd = pipe.writer.get();
      CHECK(os::sendDatagram(visitor.get(), "y", 1, &fd, what == 'b' ? 1 : 0, sent).ok() && sent);
    });
    UniqueFd fd;
    CHECK((what == 'b' ? door::borrow(name, ticket, kLimitMs, fd) : door::release(name, ticket, kLimitMs)).ok());
    CHECK(fd.valid() == (what == 'b'));
    CHECK(childSucceeded(child));
  }
}

TEST_WITHOUT_REGION("a lender that is stopped gives out nothing, and when it goes on lets go of all that was released meanwhile") {
  int room = 0;
  std::ifstream("/proc/sys/net/core/somaxconn") >> room;
  const int loans = std::min(300, room);
  Pipe pipe;
  const Pipe told;
  const int child = forkWhenQuiet([&] {
    pipe.reader.reset();
    Key keys[2];
    for (int i = 0; i < loans; i++) {
      CHECK(door::lend(pipe.writer.get(), keys[0], keys[1]).ok());
      CHECK(write(told.writer.get(), keys, sizeof keys) == sizeof keys);
    }
    pipe.writer.reset();
    raise(SIGSTOP);
    for (;;) pause();
  });
  pipe.writer.reset();
  CHECK(waitpid(child, nullptr, WUNTRACED) == child);
  Key keys[2];
  for (int i = 0; i < loans; i++) {
    CHECK(read(told.reader.get(), keys, sizeof keys) == sizeof keys);
    UniqueFd fd;
    if (i == 0) CHECK(door::borrow(keys[0], keys[1], 20, fd).error == ETIMEDOUT && !fd.valid());
    CHECK(door::release(keys[0], keys[1], 1).error == ETIMEDOUT);
  }
  CHECK(kill(child, SIGCONT) == 0);
  CHECK(isAtEnd(pipe.reader.get()));
  killChild(child);
}

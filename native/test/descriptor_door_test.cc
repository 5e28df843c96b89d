#include "../os/descriptor_door.h"

#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "check.h"

using namespace forkful;
using namespace forkful::test;
using os::Deadline;
using os::UniqueFd;
namespace door = os::descriptor_door;
using door::Key;

namespace {

constexpr double kLimitMs = 10'000;

struct Pipe {
  Pipe() {
    int ends[2];
    CHECK(pipe(ends) == 0);
    reader.reset(ends[0]);
    writer.reset(ends[1]);
  }
  UniqueFd reader, writer;
};

bool isAtEnd(int reader) {
  char byte;
  return read(reader, &byte, 1) == 0;
}

}  // namespace

TEST_WITHOUT_REGION("another process gets a duplicate for its ticket, again and again") {
  Pipe pipe;
  Key name, ticket;
  CHECK(door::lend(pipe.writer.get(), name, ticket).ok());
  for (int i = 0; i < 3; i++) {
    const int child = spawnChild([&] {
      door::becomeForked();
      UniqueFd fd;
      CHECK(door::borrow(name, ticket, Deadline::after(kLimitMs), fd).ok());
      CHECK((fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
      CHECK(write(fd.get(), "x", 1) == 1);
    });
    CHECK(childSucceeded(child));
    char byte = 0;
    CHECK(read(pipe.reader.get(), &byte, 1) == 1 && byte == 'x');
  }
  CHECK(door::release(name, ticket, Deadline::after(kLimitMs)).ok());
}

TEST_WITHOUT_REGION("what is released is closed, and its ticket good no more") {
  Pipe pipe;
  Key name, ticket;
  CHECK(door::lend(pipe.writer.get(), name, ticket).ok());
  CHECK(door::release(name, ticket, Deadline::after(kLimitMs)).ok());
  pipe.writer.reset();
  CHECK(isAtEnd(pipe.reader.get()));
  UniqueFd fd;
  CHECK(!door::borrow(name, ticket, Deadline::after(kLimitMs), fd).ok() && !fd.valid());
  CHECK(door::release(name, ticket, Deadline::after(kLimitMs)).ok());
}

TEST_WITHOUT_REGION("a process that lends nothing has no door, and opens another one") {
  const Pipe pipe;
  Key first, second, ticket;
  CHECK(door::lend(pipe.writer.get(), first, ticket).ok());
  CHECK(door::release(first, ticket, Deadline::after(kLimitMs)).ok());
  UniqueFd fd;
  CHECK(eventually([&] { return door::borrow(first, ticket, Deadline::after(kLimitMs), fd).error == ECONNREFUSED; }));
  CHECK(door::lend(pipe.writer.get(), second, ticket).ok() && second != first);
  CHECK(door::borrow(second, ticket, Deadline::after(kLimitMs), fd).ok());
  CHECK(door::release(second, ticket, Deadline::after(kLimitMs)).ok());
}

TEST_WITHOUT_REGION("a ticket that was guessed is good for nothing") {
  const Pipe pipe;
  Key name, ticket;
  CHECK(door::lend(pipe.writer.get(), name, ticket).ok());
  Key guessed = ticket;
  guessed[15] = static_cast<unsigned char>(guessed[15] ^ 1);
  UniqueFd fd;
  CHECK(door::borrow(name, guessed, Deadline::after(kLimitMs), fd).error == ENOENT && !fd.valid());
  CHECK(door::release(name, ticket, Deadline::after(kLimitMs)).ok());
}

TEST_WITHOUT_REGION("a forked child lends by itself, and the door of one that has ended is told from one that is there") {
  Pipe pipe;
  Key name, ticket;
  CHECK(door::lend(pipe.writer.get(), name, ticket).ok());
  const Pipe told;
  const int child = spawnChild([&] {
    door::becomeForked();
    Key ours[2];
    CHECK(door::lend(pipe.reader.get(), ours[0], ours[1]).ok());
    CHECK(ours[0] != name);
    UniqueFd fd;
    CHECK(door::borrow(ours[0], ours[1], Deadline::after(kLimitMs), fd).ok());
    CHECK(write(told.writer.get(), ours, sizeof ours) == sizeof ours);
  });
  Key theirs[2];
  CHECK(childSucceeded(child));
  CHECK(read(told.reader.get(), theirs, sizeof theirs) == sizeof theirs);
  UniqueFd fd;
  CHECK(door::borrow(theirs[0], theirs[1], Deadline::after(kLimitMs), fd).error == ECONNREFUSED);
  CHECK(door::release(theirs[0], theirs[1], Deadline::after(kLimitMs)).ok());
  CHECK(door::release(name, ticket, Deadline::after(kLimitMs)).ok());
}

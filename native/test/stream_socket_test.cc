#include "../os/stream_socket.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "check.h"

using namespace forkful;
using namespace forkful::test;
using os::Deadline;
using os::UniqueFd;
namespace stream = os::stream_socket;
using stream::Address;
using stream::Family;

namespace {

/** A path in a folder of its own, which goes with it. */
struct Path {
  Path() {
    char folder[] = "/tmp/forkful-stream-XXXXXX";
    folder_ = mkdtemp(folder);
    text = folder_ + "/socket";
  }
  ~Path() {
    unlink(text.c_str());
    rmdir(folder_.c_str());
  }
  std::string text;

 private:
  std::string folder_;
};

bool isReady(int fd, bool readable, double timeoutMs) {
  stream::Awaited awaited{fd, readable, !readable, false};
  return CHECK(stream::poll(&awaited, 1, Deadline::after(timeoutMs)).ok()) && awaited.isReady;
}

/** Two ends that talk over that address. */
struct Pair {
  explicit Pair(const Address& address) {
    CHECK(stream::listen(address, 1, listener).ok());
    Address bound;
    CHECK(stream::localAddress(listener.get(), bound).ok());
    CHECK(stream::connect(bound, client).ok());
    CHECK(isReady(client.get(), false, 60'000) && stream::connectOutcome(client.get()).ok());
    CHECK(isReady(listener.get(), true, 60'000));
    CHECK(stream::accept(listener.get(), server).ok() && server.valid());
  }
  UniqueFd listener, client, server;
};

void checkTalk(const Address& address) {
  Pair pair(address);
  char bytes[8];
  ptrdiff_t moved = 0;
  CHECK(stream::read(pair.server.get(), bytes, sizeof bytes, moved).ok() && moved == -1);
  CHECK(stream::write(pair.client.get(), "hello", 5, moved).ok() && moved == 5);
  CHECK(isReady(pair.server.get(), true, 60'000));
  CHECK(stream::read(pair.server.get(), bytes, sizeof bytes, moved).ok() && moved == 5 && std::string(bytes, 5) == "hello");
  for (const int fd : {pair.listener.get(), pair.client.get(), pair.server.get()}) {
    CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    CHECK((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
  }
  pair.client.reset();
  CHECK(isReady(pair.server.get(), true, 60'000));
  CHECK(stream::read(pair.server.get(), bytes, sizeof bytes, moved).ok() && moved == 0);
}

}  // namespace

TEST_WITHOUT_REGION("two ends talk over IPv4, IPv6, a path and an abstract name, and see each other's end") {
  checkTalk({Family::kInet, "127.0.0.1", 0});
  checkTalk({Family::kInet6, "::1", 0});
  const Path path;
  checkTalk({Family::kUnix, path.text, 0});
#ifdef __linux__
  checkTalk({Family::kUnix, std::string("\0forkful-stream-test-", 21) + std::to_string(getpid()), 0});
#endif
}

TEST_WITHOUT_REGION("a listener tells the port it got, and who is connected") {
  const Pair pair({Family::kInet, "127.0.0.1", 0});
  Address bound, peer;
  CHECK(stream::localAddress(pair.client.get(), bound).ok() && stream::peerAddress(pair.server.get(), peer).ok());
  CHECK(peer.host == "127.0.0.1" && peer.port == bound.port && peer.port > 0);
}

TEST_WITHOUT_REGION("bad addresses are refused") {
  UniqueFd fd;
  CHECK(stream::listen({Family::kInet, "not-a-number", 0}, 1, fd).error == EINVAL);
  CHECK(stream::listen({Family::kInet, "::1", 0}, 1, fd).error == EINVAL);
  CHECK(stream::listen({Family::kUnix, "", 0}, 1, fd).error == EINVAL);
  CHECK(stream::listen({Family::kUnix, std::string(200, 'x'), 0}, 1, fd).error == ENAMETOOLONG);
  CHECK(stream::connect({Family::kUnix, "/tmp/forkful-there-is-none", 0}, fd).error == ENOENT);
  const Path path;
  UniqueFd first, second;
  CHECK(stream::listen({Family::kUnix, path.text, 0}, 1, first).ok());
  CHECK(stream::listen({Family::kUnix, path.text, 0}, 1, second).error == EADDRINUSE && !second.valid());
}

TEST_WITHOUT_REGION("nobody to accept, nothing to read and no room to write are no errors") {
  UniqueFd listener;
  CHECK(stream::listen({Family::kInet, "127.0.0.1", 0}, 1, listener).ok());
  UniqueFd accepted;
  CHECK(stream::accept(listener.get(), accepted).ok() && !accepted.valid());
  const Path path;
  const Pair pair({Family::kUnix, path.text, 0});
  const std::string much(1 << 20, 'x');
  ptrdiff_t put = 0;
  while (put != -1) {
    if (!CHECK(stream::write(pair.client.get(), much.data(), much.size(), put).ok())) return;
  }
  CHECK(!isReady(pair.client.get(), false, 0));
}

TEST_WITHOUT_REGION("to write to a peer that is gone fails, without a signal") {
  const Path path;
  Pair pair({Family::kUnix, path.text, 0});
  pair.server.reset();
  ptrdiff_t put = 0;
  CHECK(stream::write(pair.client.get(), "x", 1, put).error == EPIPE);
}

TEST_WITHOUT_REGION("a poll goes on after a signal, until its deadline") {
  const Path path;
  const Pair pair({Family::kUnix, path.text, 0});
  struct sigaction action{};
  action.sa_handler = [](int) {};
  sigaction(SIGALRM, &action, nullptr);
  const itimerval soon{{0, 0}, {0, 20'000}};
  setitimer(ITIMER_REAL, &soon, nullptr);
  const double start = nowMs();
  CHECK(!isReady(pair.client.get(), true, 100));
  CHECK(nowMs() - start >= 100);
  signal(SIGALRM, SIG_DFL);
}

TEST_WITHOUT_REGION("a poll of several says which are ready, and refuses one that is closed") {
  const Path path;
  const Pair pair({Family::kUnix, path.text, 0});
  ptrdiff_t put = 0;
  CHECK(stream::write(pair.client.get(), "x", 1, put).ok());
  stream::Awaited awaited[] = {{pair.client.get(), true, false, false}, {pair.server.get(), true, false, false}};
  CHECK(stream::poll(awaited, 2, Deadline::after(60'000)).ok() && !awaited[0].isReady && awaited[1].isReady);
  stream::Awaited closed{1 << 20, true, false, false};
  CHECK(stream::poll(&closed, 1, Deadline::after(0)).error == EBADF);
}

TEST_WITHOUT_REGION("localhost has an address, and a name that cannot be has none") {
  std::string host;
  CHECK(stream::resolve("localhost", Family::kInet, host).ok() && host == "127.0.0.1");
  CHECK(stream::resolve("::1", Family::kInet6, host).ok() && host == "::1");
  CHECK(!stream::resolve("no..such..name", Family::kInet, host).ok());
}

#include "descriptor_door.h"

#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "background_thread.h"
#include "datagram.h"

namespace forkful::os::descriptor_door {

namespace {

/** While this process is stopped, as many as the system allows may leave word in the queue that they need something no more. */
constexpr int kBacklog = 4096;
/** Between two looks, and two attempts. */
constexpr double kLookMs = 5;

constexpr char kBorrow = 'b';
constexpr char kRelease = 'r';
constexpr char kHere = 'y';
constexpr char kUnknown = 'n';

/** What this process lends. It is there, and its thread, as long as something is lent. */
struct Door {
  Key name{};
  UniqueFd listener;
  std::map<Key, UniqueFd> lent;
  /**
   * Let in, and silent so far: the thread's alone. No clock runs for them, since one that is stopped or has no CPU is not gone, and holds up nobody. None but
   * processes of this user come so far.
   */
  std::vector<UniqueFd> visitors;
};

/** Of what follows, and of what is lent. Never destroyed: the thread may outlive whatever ends with the process. */
std::mutex& guard = *new std::mutex;
Door* ours = nullptr;

Status randomKey(Key& out) {
  return retryOnInterrupt([&] { return getrandom(out.data(), out.size(), 0); }) == static_cast<ssize_t>(out.size())
             ? Status::success()
             : Status::lastError("getrandom");
}

struct Name {
  sockaddr_un address{};
  socklen_t length = 0;
};

Name nameOf(const Key& door) {
  Name name;
  name.address.sun_family = AF_UNIX;
  char text[64];
  int used = snprintf(text, sizeof text, "forkful-door-");
  for (const unsigned char byte : door) used += snprintf(text + used, sizeof text - static_cast<size_t>(used), "%02x", byte);
  // A zero in front, and the name ends with its length.
  memcpy(name.address.sun_path + 1, text, static_cast<size_t>(used));
  name.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + static_cast<size_t>(used));
  return name;
}

bool isOfThisUser(int socket) {
  ucred peer{};
  socklen_t length = sizeof peer;
  return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.uid == geteuid();
}

void pauseFor(double ms) {
  const timespec pause{0, static_cast<long>(ms * 1e6)};
  nanosleep(&pause, nullptr);
}

/** One question, one answer. True: nothing is lent any more, and the door is no longer this process's. */
bool answer(Door& door, int visitor, const Datagram& question) {
  Key ticket;
  if (question.bytes.size() != 1 + ticket.size()) return false;
  memcpy(ticket.data(), question.bytes.data() + 1, ticket.size());
  const std::lock_guard<std::mutex> lock(guard);
  const auto found = door.lent.find(ticket);
  bool sent = false;
  // What cannot be sent now, as the user has too many descriptors under way, is asked for again.
  if (found == door.lent.end()) {
    (void)sendDatagram(visitor, &kUnknown, 1, nullptr, 0, sent).ok();
  } else if (question.bytes[0] == kBorrow) {
    const int fd = found->second.get();
    (void)sendDatagram(visitor, &kHere, 1, &fd, 1, sent).ok();
  } else if (question.bytes[0] == kRelease) {
    door.lent.erase(found);
    (void)sendDatagram(visitor, &kHere, 1, nullptr, 0, sent).ok();
  }
  if (!door.lent.empty()) return false;
  ours = nullptr;
  return true;
}

void letIn(Door& door) {
  UniqueFd visitor(retryOnInterrupt([&] { return accept4(door.listener.get(), nullptr, nullptr, SOCK_CLOEXEC); }));
  if (visitor.valid()) {
    if (isOfThisUser(visitor.get())) door.visitors.push_back(std::move(visitor));
  } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
    // No descriptors are left: whoever waits is served when there are.
    pauseFor(2 * kLookMs);
  }
}

/** Answers those who have asked, and forgets them and those who have gone. True as of `answer`. */
bool serveVisitors(Door& door) {
  for (size_t i = door.visitors.size(); i-- > 0;) {
    Datagram question;
    bool came = false;
    const Status status = receiveDatagram(door.visitors[i].get(), Deadline::after(0), came, question);
    if (status.ok() && !came) continue;
    if (status.ok() && answer(door, door.visitors[i].get(), question)) return true;
    door.visitors.erase(door.visitors.begin() + static_cast<ptrdiff_t>(i));
  }
  return false;
}

void* serveWhileLent(void* argument) {
  Door* door = static_cast<Door*>(argument);
  do {
    std::vector<pollfd> entries{{door->listener.get(), POLLIN, 0}};
    for (const UniqueFd& visitor : door->visitors) entries.push_back({visitor.get(), POLLIN, 0});
    if (ppoll(entries.data(), entries.size(), nullptr, nullptr) == -1) pauseFor(kLookMs);
    if ((entries[0].revents & POLLIN) != 0) letIn(*door);
  } while (!serveVisitors(*door));
  delete door;
  return nullptr;
}

/** REQUIRES: the guard is held, and there is none. */
Status openDoor() {
  auto door = std::make_unique<Door>();
  if (Status status = randomKey(door->name); !status.ok()) return status;
  door->listener.reset(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!door->listener.valid()) return Status::lastError("socket");
  const Name name = nameOf(door->name);
  if (bind(door->listener.get(), reinterpret_cast<const sockaddr*>(&name.address), name.length) == -1) return Status::lastError("bind");
  if (listen(door->listener.get(), kBacklog) == -1) return Status::lastError("listen");
  pthread_t thread;
  if (Status status = startThread(thread, serveWhileLent, door.get()); !status.ok()) return status;
  pthread_detach(thread);
  ours = door.release();
  return Status::success();
}

/** `isIn` is false while the queue is full. ECONNREFUSED: there is no such door, and will be none. */
Status connectTo(const Key& door, UniqueFd& out, bool& isIn) {
  out.reset(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!out.valid()) return Status::lastError("socket");
  const Name name = nameOf(door);
  isIn = retryOnInterrupt([&] { return connect(out.get(), reinterpret_cast<const sockaddr*>(&name.address), name.length); }) != -1;
  return isIn || errno == EAGAIN ? Status::success() : Status::lastError("connect");
}

/**
 * Asks until there is an answer: to ask twice does what asking once does. One who hangs up is asked again: it may be there still, and connect() says whether
 * it is. Patience is counted in looks, not by a clock: whoever was stopped itself must not take the other one for stopped.
 */
Status ask(char what, const Key& door, const Key& ticket, double patienceMs, Datagram& answer) {
  char question[1 + sizeof(Key)];
  question[0] = what;
  memcpy(question + 1, ticket.data(), ticket.size());
  UniqueFd socket;
  for (double waitedMs = 0; waitedMs < patienceMs; waitedMs += kLookMs) {
    bool done = true;
    if (!socket.valid()) {
      if (Status status = connectTo(door, socket, done); !status.ok()) return status;
      if (!done || !sendDatagram(socket.get(), question, sizeof question, nullptr, 0, done).ok() || !done) socket.reset();
    }
    if (socket.valid()) {
      if (Status status = receiveDatagram(socket.get(), Deadline::after(kLookMs), done, answer); !status.ok()) return status;
      if (!done) continue;
      if (!answer.bytes.empty()) return answer.bytes[0] == kHere ? Status::success() : Status::fail(ENOENT, "recvmsg");
      socket.reset();
    }
    pauseFor(kLookMs);
  }
  return Status::fail(ETIMEDOUT, "recvmsg");
}

}  // namespace

Status lend(int fd, Key& door, Key& ticket) {
  if (Status status = randomKey(ticket); !status.ok()) return status;
  UniqueFd copy(fcntl(fd, F_DUPFD_CLOEXEC, 3));
  if (!copy.valid()) return Status::lastError("fcntl");
  const std::lock_guard<std::mutex> lock(guard);
  if (ours == nullptr) {
    if (Status status = openDoor(); !status.ok()) return status;
  }
  door = ours->name;
  ours->lent.emplace(ticket, std::move(copy));
  return Status::success();
}

Status borrow(const Key& door, const Key& ticket, double patienceMs, UniqueFd& out) {
  Datagram answer;
  if (Status status = ask(kBorrow, door, ticket, patienceMs, answer); !status.ok()) return status;
  if (answer.fds.size() != 1) return Status::fail(ENOENT, "recvmsg");
  out = std::move(answer.fds[0]);
  return Status::success();
}

Status release(const Key& door, const Key& ticket, double patienceMs) {
  Datagram answer;
  const Status status = ask(kRelease, door, ticket, patienceMs, answer);
  return status.error == ECONNREFUSED || status.error == ENOENT ? Status::success() : status;
}

void becomeForked() {
  // No thread is here to serve, and none is in the midst of anything: such a process is not forked.
  delete ours;
  ours = nullptr;
}

}  // namespace forkful::os::descriptor_door

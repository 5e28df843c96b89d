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

#include "background_thread.h"
#include "datagram.h"

namespace forkful::os::descriptor_door {

namespace {

/** A visitor that says nothing holds up the others for so long; none but processes of this user come so far. */
constexpr double kPatienceMs = 1000;
constexpr int kBacklog = 128;
/** Between two attempts to get into a door's full queue. */
constexpr long kPauseNs = 1'000'000;

constexpr char kBorrow = 'b';
constexpr char kRelease = 'r';
constexpr char kHere = 'y';
constexpr char kUnknown = 'n';

/** What this process lends. It is there, and its thread, as long as something is lent. */
struct Door {
  Key name{};
  UniqueFd listener;
  std::map<Key, UniqueFd> lent;
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

/** One question, one answer. True: nothing is lent any more, and the door is no longer this process's. */
bool serve(Door& door, int visitor) {
  Datagram question;
  bool came = false;
  if (!receiveDatagram(visitor, Deadline::after(kPatienceMs), came, question).ok() || !came) return false;
  Key ticket;
  if (question.bytes.size() != 1 + ticket.size()) return false;
  memcpy(ticket.data(), question.bytes.data() + 1, ticket.size());
  const std::lock_guard<std::mutex> lock(guard);
  const auto found = door.lent.find(ticket);
  bool sent = false;
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

void* serveWhileLent(void* argument) {
  Door* door = static_cast<Door*>(argument);
  for (;;) {
    const UniqueFd visitor(retryOnInterrupt([&] { return accept4(door->listener.get(), nullptr, nullptr, SOCK_CLOEXEC); }));
    if (visitor.valid()) {
      if (isOfThisUser(visitor.get()) && serve(*door, visitor.get())) break;
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      // No descriptors are left: whoever waits is served when there are.
      const timespec pause{0, 10 * kPauseNs};
      nanosleep(&pause, nullptr);
    }
  }
  delete door;
  return nullptr;
}

/** REQUIRES: the guard is held, and there is none. */
Status openDoor() {
  auto door = std::make_unique<Door>();
  if (Status status = randomKey(door->name); !status.ok()) return status;
  door->listener.reset(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
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

Status connectTo(const Key& door, Deadline deadline, UniqueFd& out) {
  out.reset(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!out.valid()) return Status::lastError("socket");
  const Name name = nameOf(door);
  while (connect(out.get(), reinterpret_cast<const sockaddr*>(&name.address), name.length) == -1) {
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return Status::lastError("connect");
    if (deadline.passed()) return Status::fail(ETIMEDOUT, "connect");
    const timespec pause{0, kPauseNs};
    nanosleep(&pause, nullptr);
  }
  return Status::success();
}

Status ask(char what, const Key& door, const Key& ticket, Deadline deadline, Datagram& answer) {
  UniqueFd socket;
  if (Status status = connectTo(door, deadline, socket); !status.ok()) return status;
  char question[1 + sizeof(Key)];
  question[0] = what;
  memcpy(question + 1, ticket.data(), ticket.size());
  bool done = false;
  // The door was closed, or its process has ended, with this visitor in the queue.
  if (!sendDatagram(socket.get(), question, sizeof question, nullptr, 0, done).ok()) return Status::fail(ECONNREFUSED, "sendmsg");
  Status status = receiveDatagram(socket.get(), deadline, done, answer);
  if (!status.ok()) return status;
  if (!done) return Status::fail(ETIMEDOUT, "recvmsg");
  // The same, while it had the question.
  if (answer.bytes.empty()) return Status::fail(ECONNREFUSED, "recvmsg");
  return answer.bytes[0] == kHere ? Status::success() : Status::fail(ENOENT, "recvmsg");
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

Status borrow(const Key& door, const Key& ticket, Deadline deadline, UniqueFd& out) {
  Datagram answer;
  if (Status status = ask(kBorrow, door, ticket, deadline, answer); !status.ok()) return status;
  if (answer.fds.size() != 1) return Status::fail(ENOENT, "recvmsg");
  out = std::move(answer.fds[0]);
  return Status::success();
}

Status release(const Key& door, const Key& ticket, Deadline deadline) {
  Datagram answer;
  const Status status = ask(kRelease, door, ticket, deadline, answer);
  return status.error == ECONNREFUSED || status.error == ENOENT ? Status::success() : status;
}

void becomeForked() {
  // No thread is here to serve, and none is in the midst of anything: such a process is not forked.
  delete ours;
  ours = nullptr;
}

}  // namespace forkful::os::descriptor_door

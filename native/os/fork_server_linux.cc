#include "fork_server.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
#include <memory>
#include <vector>

#include "datagram.h"
#include "deadline.h"
#include "descriptors.h"
#include "forking.h"
#include "pidfd.h"
#include "process_host.h"

namespace forkful::os {

namespace {

// A request is tried so often, some ten seconds or more, in attempts that leave the server deaf for only a moment each: its last client may go
// meanwhile. A busy thread may be one that has not had its turn yet; on an overloaded machine that takes long, and so do the attempts.
constexpr int kMostAttempts = 1500;
constexpr double kAttemptMs = 5;
constexpr int kBetweenAttemptsMs = 2;

constexpr int kLostChildCode = 255;
constexpr uint32_t kDaemonFlag = 1;
constexpr size_t kRequestHead = 8;

enum class Kind : uint32_t { kStarted = 1, kEnded = 2, kNotForked = 3 };

/** Which of the watched descriptors an event is about; with the client's or child's number below it in epoll's 64 bits. */
enum class Watched : uint32_t { kDoor, kClient, kChild };
uint64_t tagOf(Watched what, uint32_t number) { return static_cast<uint64_t>(what) << 32 | number; }

void store32(char* at, uint32_t value) {
  for (int i = 0; i < 4; i++) at[i] = static_cast<char>(value >> (8 * i));
}
uint32_t load32(const char* at) {
  uint32_t value = 0;
  for (int i = 0; i < 4; i++) value |= static_cast<uint32_t>(static_cast<unsigned char>(at[i])) << (8 * i);
  return value;
}

struct Reply {
  char bytes[16];
  // Of `started`. The child may end, and be forgotten, before its client has room for the message.
  std::shared_ptr<UniqueFd> pidfd;
  UniqueFd go;

  Reply(Kind kind, uint32_t id, int32_t pid, int32_t status) {
    store32(bytes, static_cast<uint32_t>(kind));
    store32(bytes + 4, id);
    store32(bytes + 8, static_cast<uint32_t>(pid));
    store32(bytes + 12, static_cast<uint32_t>(status));
  }
};

struct Client {
  uint32_t number;
  UniqueFd socket;
  std::deque<Reply> waiting{};  // for room in the socket
  bool watchesRoom = false;
  /** The user has too many descriptors under way, of whomever: nobody tells when there are fewer. */
  bool isHeldUp = false;
  bool isGone = false;
};

struct Child {
  pid_t pid;
  uint32_t client;
  uint32_t id;
  bool isDaemon;
  std::shared_ptr<UniqueFd> pidfd;
};

struct Request {
  uint32_t client;
  uint32_t id;
  uint32_t flags;
  std::string payload;
  UniqueFd out;
  UniqueFd err;
  /** Refused so far, since another thread was busy. */
  int attempts = 0;
};

/** Signals that must not end the server. With this they do again what they did before: so they do in every child. */
class IgnoredSignals {
 public:
  IgnoredSignals() {
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    for (int i = 0; i < kCount; i++) sigaction(kSignals[i], &ignore, &before_[i]);
  }
  IgnoredSignals(const IgnoredSignals&) = delete;
  IgnoredSignals& operator=(const IgnoredSignals&) = delete;
  ~IgnoredSignals() {
    for (int i = 0; i < kCount; i++) sigaction(kSignals[i], &before_[i], nullptr);
  }

 private:
  static constexpr int kCount = 2;
  // A terminal's Ctrl-C goes to its whole group. A child may be gone when its go is written.
  static constexpr int kSignals[kCount] = {SIGINT, SIGPIPE};
  struct sigaction before_[kCount];
};

class Server {
 public:
  Status open(UniqueFd clientFd) {
    // From here on nothing that is opened or received is 0, 1 or 2.
    if (Status status = fillStdio(); !status.ok()) return status;
    epoll_.reset(epoll_create1(EPOLL_CLOEXEC));
    if (!epoll_.valid()) return Status::lastError("epoll_create1");
    null_.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!null_.valid()) return Status::lastError("open");
    if (Status status = socketPair(door_); !status.ok()) return status;
    if (Status status = watch(door_[0].get(), EPOLLIN, tagOf(Watched::kDoor, 0)); !status.ok()) return status;
    return addClient(std::move(clientFd));
  }

  /** Returns in a child. */
  void run(ForkedChild& out) {
    for (;;) {
      bool isBusy = false;
      if (!requests_.empty() && startFirst(out, isBusy)) return;
      const bool isHeldUp = flushHeldUp();
      sweepClients();
      epoll_event events[64];
      // After a request that could be served the rest of them wait their turn behind whatever has happened meanwhile.
      const int timeoutMs = !requests_.empty() && !isBusy ? 0 : isBusy || isHeldUp ? kBetweenAttemptsMs : -1;
      const int count = epoll_wait(epoll_.get(), events, sizeof events / sizeof *events, timeoutMs);
      for (int i = 0; i < count; i++) handle(events[i]);
      sweepClients();
    }
  }

 private:
  Status watch(int fd, uint32_t events, uint64_t tag, int operation = EPOLL_CTL_ADD) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = tag;
    return epoll_ctl(epoll_.get(), operation, fd, &event) == -1 ? Status::lastError("epoll_ctl") : Status::success();
  }
  /** Closing alone does not end the watch while a child that was just forked has the descriptor too. */
  void unwatch(int fd) { epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

  Status addClient(UniqueFd socket) {
    const uint32_t number = nextClient_++;
    if (Status status = watch(socket.get(), EPOLLIN, tagOf(Watched::kClient, number)); !status.ok()) return status;
    clients_.push_back(std::make_unique<Client>(Client{number, std::move(socket)}));
    return Status::success();
  }

  Client* clientOf(uint32_t number) {
    for (auto& client : clients_) {
      if (client->number == number && !client->isGone) return client.get();
    }
    return nullptr;
  }

  void handle(const epoll_event& event) {
    const auto number = static_cast<uint32_t>(event.data.u64);
    switch (static_cast<Watched>(event.data.u64 >> 32)) {
      case Watched::kDoor:
        return openDoor();
      case Watched::kChild:
        return reap(static_cast<pid_t>(number));
      case Watched::kClient:
        break;
    }
    Client* client = clientOf(number);
    if (client == nullptr) return;
    // Even with requests unread: nobody is there to be told that their children have started.
    if ((event.events & (EPOLLHUP | EPOLLERR)) != 0) client->isGone = true;
    if (!client->isGone && (event.events & EPOLLOUT) != 0) flush(*client);
    if (!client->isGone && (event.events & EPOLLIN) != 0) read(*client);
  }

  void openDoor() {
    Datagram message;
    bool came = false;
    if (!receiveDatagram(door_[0].get(), Deadline::after(0), came, message).ok() || !came || message.fds.size() != 1) return;
    if (!isDatagramSocket(message.fds[0].get())) return;
    // When it cannot be watched it is closed, which its other end notices.
    (void)addClient(std::move(message.fds[0])).ok();
  }

  void read(Client& client) {
    Datagram message;
    bool came = false;
    const Status status = receiveDatagram(client.socket.get(), Deadline::after(0), came, message);
    if (!status.ok() && status.error != EMFILE && status.error != EMSGSIZE) {
      client.isGone = true;
      return;
    }
    if (status.ok() && !came) return;
    if (status.ok() && message.bytes.empty()) {
      client.isGone = true;
      return;
    }
    // Without its number it cannot even be refused.
    if (message.bytes.size() < kRequestHead) return;
    const uint32_t id = load32(message.bytes.data());
    if (!status.ok() || message.fds.size() != 2) {
      send(client, Reply(Kind::kNotForked, id, 0, status.ok() ? EINVAL : status.error));
      return;
    }
    const uint32_t flags = load32(message.bytes.data() + 4);
    std::string payload = message.bytes.substr(kRequestHead);
    requests_.push_back({client.number, id, flags, std::move(payload), std::move(message.fds[0]), std::move(message.fds[1])});
  }

  /** True in the child. */
  bool startFirst(ForkedChild& out, bool& isBusy) {
    Request& request = requests_.front();
    Client* client = clientOf(request.client);
    if (client != nullptr) {
      int pipeEnds[2] = {-1, -1};
      Status status = pipe2(pipeEnds, O_CLOEXEC) == -1 ? Status::lastError("pipe2") : Status::success();
      UniqueFd goRead(pipeEnds[0]);
      UniqueFd goWrite(pipeEnds[1]);
      const pid_t server = getpid();
      pid_t pid = -1;
      if (status.ok()) status = forking::fork(Deadline::after(kAttemptMs), prepared_, pid);
      if (status.ok() && pid == 0) {
        goWrite.reset();
        becomeChild(std::move(goRead), server, out);
        return true;
      }
      if (status.error == EBUSY) {
        isBusy = ++request.attempts < kMostAttempts;
        if (isBusy) return false;
      }
      if (status.ok()) {
        started(*client, request, pid, std::move(goWrite));
      } else {
        send(*client, Reply(Kind::kNotForked, request.id, 0, status.error));
      }
    }
    requests_.pop_front();
    return false;
  }

  void started(Client& client, const Request& request, pid_t pid, UniqueFd go) {
    auto pidfd = std::make_shared<UniqueFd>();
    Status status = pidfd::open(pid, *pidfd);
    if (status.ok()) status = watch(pidfd->get(), EPOLLIN, tagOf(Watched::kChild, static_cast<uint32_t>(pid)));
    if (!status.ok()) {
      // It cannot be watched, and has not begun.
      kill(pid, SIGKILL);
      retryOnInterrupt([&] { return waitpid(pid, nullptr, 0); });
      send(client, Reply(Kind::kNotForked, request.id, 0, status.error));
      return;
    }
    children_.push_back({pid, client.number, request.id, (request.flags & kDaemonFlag) != 0, pidfd});
    Reply reply(Kind::kStarted, request.id, pid, 0);
    reply.pidfd = std::move(pidfd);
    reply.go = std::move(go);
    send(client, std::move(reply));
  }

  void reap(pid_t pid) {
    const auto found = std::find_if(children_.begin(), children_.end(), [&](const Child& child) { return child.pid == pid; });
    if (found == children_.end()) return;
    bool ended = false;
    process_host::Exit exit;
    const Status status = process_host::reap(pid, ended, exit);
    if (status.ok() && !ended) return;
    Child child = std::move(*found);
    if (found != children_.end() - 1) std::swap(*found, children_.back());
    children_.pop_back();
    unwatch(child.pidfd->get());
    // Closed before the news, unless `started` still waits with it: who has the news finds nothing left of the child here.
    child.pidfd.reset();
    Client* client = clientOf(child.client);
    const int code = !status.ok() ? kLostChildCode : exit.signal != 0 ? -exit.signal : exit.code;
    if (client != nullptr) send(*client, Reply(Kind::kEnded, child.id, pid, code));
  }

  /** Never blocks: what finds no room waits for it, in order. */
  void send(Client& client, Reply reply) {
    if (client.isGone) return;
    client.waiting.push_back(std::move(reply));
    if (client.waiting.size() == 1) flush(client);
  }

  void flush(Client& client) {
    while (!client.waiting.empty()) {
      Reply& reply = client.waiting.front();
      const int pidfd = reply.pidfd != nullptr ? reply.pidfd->get() : -1;
      bool sent = false;
      const Status status = sendDatagram(client.socket.get(), reply.bytes, sizeof reply.bytes, &pidfd, pidfd >= 0 ? 1 : 0, sent);
      client.isHeldUp = status.error == ETOOMANYREFS;
      if (client.isHeldUp) break;
      if (status.ok() && !sent) return watchRoom(client, true);
      if (!status.ok()) {
        client.isGone = true;
        return;
      }
      // Only now. A child that does not get its go, since this process dies here, ends: its client has heard of it and learns that too.
      if (reply.go.valid()) (void)!retryOnInterrupt([&] { return write(reply.go.get(), "g", 1); });
      client.waiting.pop_front();
    }
    watchRoom(client, false);
  }

  /** Whether any client still is. */
  bool flushHeldUp() {
    bool isAny = false;
    for (auto& client : clients_) {
      if (client->isHeldUp && !client->isGone) flush(*client);
      isAny = isAny || client->isHeldUp;
    }
    return isAny;
  }

  void watchRoom(Client& client, bool on) {
    if (client.watchesRoom == on) return;
    client.watchesRoom = on;
    (void)watch(client.socket.get(), EPOLLIN | (on ? EPOLLOUT : 0u), tagOf(Watched::kClient, client.number), EPOLL_CTL_MOD).ok();
  }

  /** Lets go of clients that are gone, with what is theirs; without any left the server ends. */
  void sweepClients() {
    for (size_t i = 0; i < clients_.size();) {
      if (!clients_[i]->isGone) {
        i++;
        continue;
      }
      const uint32_t number = clients_[i]->number;
      unwatch(clients_[i]->socket.get());
      // Its children that have no go yet end by this: their pipes break.
      clients_.erase(clients_.begin() + static_cast<ptrdiff_t>(i));
      for (const Child& child : children_) {
        if (child.client == number && child.isDaemon) kill(child.pid, SIGKILL);
      }
    }
    if (!clients_.empty()) return;
    // Daemons of clients that went earlier are dead already; stdio was written out before the loop, and nothing has been added.
    _exit(0);
  }

  /** In the child, where nothing of the server may stay: not even the other children's pipes, whose end they would never see. */
  void becomeChild(UniqueFd go, pid_t server, ForkedChild& out) {
    Request request = std::move(requests_.front());
    requests_.clear();
    clients_.clear();
    children_.clear();
    epoll_.reset();
    door_[0].reset();
    out.payload = std::move(request.payload);
    out.door = std::move(door_[1]);
    out.go = std::move(go);
    const bool isInPlace = becomeStdio(std::move(null_), std::move(request.out), std::move(request.err)).ok();
    // It ends with the server in any case until it has its go, so the server's death before this call is noticed there.
    const bool isTied = (request.flags & kDaemonFlag) == 0 || process_host::dieWithParent(server);
    if (!isInPlace || !isTied) _exit(kLostChildCode);
  }

  IgnoredSignals signals_;
  forking::Preparation prepared_;
  UniqueFd epoll_;
  UniqueFd null_;
  UniqueFd door_[2];  // ours, the children's
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<Child> children_;
  std::deque<Request> requests_;
  uint32_t nextClient_ = 0;
};

}  // namespace

Status serveForks(UniqueFd clientFd, ForkedChild& out) {
  fflush(stdout);
  fflush(stderr);
  Server server;
  if (Status status = server.open(std::move(clientFd)); !status.ok()) return status;
  // From here on the sockets tell when a client ends, and others may be left then: their parent's end must not be the server's. It only wakes
  // one that was stopped.
  prctl(PR_SET_PDEATHSIG, SIGCONT);
  server.run(out);
  return Status::success();
}

void waitForGo(UniqueFd go) {
  char byte;
  if (retryOnInterrupt([&] { return read(go.get(), &byte, 1); }) != 1) _exit(kLostChildCode);
}

}  // namespace forkful::os

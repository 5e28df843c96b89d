#include "../os/quiescence.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>

#include "../os/memory_map.h"
#include "check.h"

using namespace forkful;
using namespace forkful::test;
using os::Deadline;

TEST_WITHOUT_REGION("a process is quiet when its other threads wait, and not while one works") {
  // In a child: the test program and its sanitizer may have other threads.
  const int child = spawnChild([] {
    CHECK(os::canSeeThreads());
    CHECK(os::waitUntilQuiet(Deadline::after(60'000)));
    static std::atomic<bool> works{true};
    static int pipeEnds[2];
    CHECK(pipe(pipeEnds) == 0);
    pthread_t thread;
    const auto body = [](void*) -> void* {
      while (works) {
      }
      char byte;
      CHECK(read(pipeEnds[0], &byte, 1) == 1);
      return nullptr;
    };
    CHECK(pthread_create(&thread, nullptr, body, nullptr) == 0);
    CHECK(!os::waitUntilQuiet(Deadline::after(50)));
    works = false;
    CHECK(os::waitUntilQuiet(Deadline::after(60'000)));
    CHECK(write(pipeEnds[1], "x", 1) == 1);
    pthread_join(thread, nullptr);
  });
  CHECK(childSucceeded(child));
}

TEST_WITHOUT_REGION("private memory that was not to be copied by a fork is copied") {
  const auto bytes = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED && madvise(memory, bytes, MADV_DONTFORK) == 0);
  auto& word = *static_cast<volatile int*>(memory);
  word = 4711;
  CHECK(os::memory_map::copyAllOnFork().ok());
  CHECK(childSucceeded(spawnChild([&] {
    CHECK(word == 4711);
    word = 1;
  })));
  CHECK(word == 4711);
  const auto address = reinterpret_cast<uintptr_t>(memory);
  CHECK(os::memory_map::isWritable(address));
  CHECK(mprotect(memory, bytes, PROT_READ) == 0 && !os::memory_map::isWritable(address));
  munmap(memory, bytes);
}

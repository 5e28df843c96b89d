// Node gives V8 a platform object, node::NodePlatform (src/node_platform.h), with one instance per process for all its isolates. V8 calls
// it through the virtual table alone. Replaced are four or five of its slots:
//
// - PostTaskOnWorkerThreadImpl and PostDelayedTaskOnWorkerThreadImpl (Node 20: CallOnWorkerThread and CallDelayedOnWorkerThread), by which
//   V8 and its jobs hand over background tasks: they go to a pool of ours instead of to Node's WorkerThreadsTaskRunner.
// - DrainTasks, by which the main thread and Workers wait for background tasks before they end: waits for our pool, then calls the
//   original, which runs the foreground tasks.
// - the deleting destructor, at the end of the process: lets running tasks end before V8's own statics go, as Node does by joining.
//
// Why this is safe: a slot is known by its content, the address of the very function that it must hold by its exported name, never by a
// number; the names are mangled, so a change of a signature changes the name, and then nothing is touched. A slot is one aligned word,
// so a thread that posts meanwhile finds either the old function or the new one, and both do the job: what Node's threads have already,
// they finish. A task is behind a unique_ptr passed by reference to the pointer (the Itanium ABI on every architecture, for whatever has
// a destructor), and its virtual table is {destructor, deleting destructor, Run} (V8's include/v8-platform.h).
#include "node_platform.h"

#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <mutex>

#include "memory_map.h"
#include "worker_pool.h"

namespace forkful::os::node_platform {

namespace {

// Larger than the table: NodePlatform has some 30 slots. Behind it lie the tables of other classes, which are only read.
constexpr int kSlots = 48;
constexpr char kVtable[] = "_ZTVN4node12NodePlatformE";

// Node until 22: all tasks are alike and waited for. Since then (nodejs/node#58047) only those that V8 calls user-blocking.
constexpr char kPostWithoutPriority[] =
    "_ZN4node23WorkerThreadsTaskRunner8PostTaskESt10unique_ptrIN2v84TaskESt14default_deleteIS3_EE";

// DrainTasks looks this often for foreground tasks that a background task may be waiting for (nodejs/node#54918).
constexpr double kDrainSliceMs = 1;

using NumberOfWorkerThreads = int (*)(void* platform);
using DrainTasks = void (*)(void* platform, void* isolate);
using Destroy = void (*)(void* platform);

// Set before the first slot is changed and never destroyed; another one in a forked child.
std::atomic<WorkerPool*> pool{nullptr};
std::atomic<bool> isLimited{false};
bool awaitsAll = false;
NumberOfWorkerThreads numberOfWorkerThreads = nullptr;
void* drainOfNode = nullptr;
void* destroyOfNode = nullptr;

/** The pool, with as many threads as Node's own: the platform can only be asked once V8 shows it to us. */
WorkerPool& poolFor(void* platform) {
  WorkerPool& current = *pool.load(std::memory_order_acquire);
  if (!isLimited.exchange(true, std::memory_order_relaxed)) current.limitThreads(numberOfWorkerThreads(platform));
  return current;
}

WorkerPool::Kind kindOf(int priority) {
  if (priority < WorkerPool::kBestEffort || priority > WorkerPool::kUserBlocking) priority = WorkerPool::kUserVisible;
  return {static_cast<WorkerPool::Priority>(priority), awaitsAll || priority == WorkerPool::kUserBlocking};
}

/** std::unique_ptr<v8::Task>, by its content. */
PoolTask* release(PoolTask** task) {
  PoolTask* released = *task;
  *task = nullptr;
  return released;
}

// Node 20.
void callOnWorkerThread(void* platform, PoolTask** task) { poolFor(platform).post(release(task), kindOf(WorkerPool::kUserVisible)); }
void callDelayedOnWorkerThread(void* platform, PoolTask** task, double delaySeconds) {
  poolFor(platform).postDelayed(release(task), kindOf(WorkerPool::kUserVisible), delaySeconds * 1e3);
}

// Node 22 and later.
void postTask(void* platform, int priority, PoolTask** task, const void*) { poolFor(platform).post(release(task), kindOf(priority)); }
void postDelayedTask(void* platform, int priority, PoolTask** task, double delaySeconds, const void*) {
  poolFor(platform).postDelayed(release(task), kindOf(priority), delaySeconds * 1e3);
}

void drainTasks(void* platform, void* isolate) {
  const auto original = reinterpret_cast<DrainTasks>(drainOfNode);
  for (;;) {
    WorkerPool& tasks = poolFor(platform);
    const bool wasDrained = tasks.drain(Deadline::after(kDrainSliceMs));
    uint64_t finished = 0;
    (void)tasks.isStillDrained(finished);
    original(platform, isolate);
    // The foreground tasks may have posted again; and what they posted may be done, and have left more to do in the foreground.
    if (wasDrained && tasks.isStillDrained(finished)) return;
  }
}

void destroy(void* platform) {
  pool.load(std::memory_order_acquire)->stop();
  reinterpret_cast<Destroy>(destroyOfNode)(platform);
}

struct Slot {
  const char* symbol;
  void* replacement;
  void** original;  // where to keep what was there, or nullptr
  void** found = nullptr;

  bool find(void** table) {
    void* function = dlsym(RTLD_DEFAULT, symbol);
    for (int i = 2; function != nullptr && found == nullptr && i < kSlots; i++) {
      if (table[i] == function) found = &table[i];
    }
    return found != nullptr;
  }
  void replace() const {
    if (found == nullptr) return;
    if (original != nullptr) *original = *found;
    std::atomic_ref<void*>(*found).store(replacement, std::memory_order_release);
  }
};

template <class Function>
void* address(Function* function) {
  return reinterpret_cast<void*>(function);
}

std::string replaceSlots(const Slot* slots, size_t count) {
  const auto pageBytes = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  for (size_t i = 0; i < count; i++) {
    if (slots[i].found == nullptr) continue;
    const auto slot = reinterpret_cast<uintptr_t>(slots[i].found);
    void* page = reinterpret_cast<void*>(slot & ~(pageBytes - 1));
    // Tables are made read-only after relocation, as a rule; where they are not, the page holds other data that must stay writable.
    const bool isReadOnly = !memory_map::isWritable(slot);
    if (isReadOnly && mprotect(page, pageBytes, PROT_READ | PROT_WRITE) == -1) {
      // A half-done exchange works: see above. But then this process must not be forked.
      return "the system does not let this process change Node's platform (mprotect failed)";
    }
    slots[i].replace();
    if (isReadOnly) mprotect(page, pageBytes, PROT_READ);
  }
  return {};
}

std::string adoptOnce() {
  auto** table = static_cast<void**>(dlsym(RTLD_DEFAULT, kVtable));
  if (table == nullptr) return std::string("this Node does not export ") + kVtable;
  constexpr char kNumber[] = "_ZN4node12NodePlatform21NumberOfWorkerThreadsEv";
  numberOfWorkerThreads = reinterpret_cast<NumberOfWorkerThreads>(dlsym(RTLD_DEFAULT, kNumber));
  if (numberOfWorkerThreads == nullptr) return std::string("this Node does not export ") + kNumber;

  Slot drain{"_ZN4node12NodePlatform10DrainTasksEPN2v87IsolateE", address(drainTasks), &drainOfNode};
  Slot destructor{"_ZN4node12NodePlatformD0Ev", address(destroy), &destroyOfNode};
  Slot post{"_ZN4node12NodePlatform26PostTaskOnWorkerThreadImplEN2v812TaskPriorityESt10unique_ptrINS1_4TaskESt14default_deleteIS4_EERKNS1_"
            "14SourceLocationE",
            address(postTask), nullptr};
  Slot postDelayed{"_ZN4node12NodePlatform33PostDelayedTaskOnWorkerThreadImplEN2v812TaskPriorityESt10unique_ptrINS1_4TaskESt14default_"
                   "deleteIS4_EEdRKNS1_14SourceLocationE",
                   address(postDelayedTask), nullptr};
  if (!post.find(table) && !postDelayed.find(table)) {
    post = {"_ZN4node12NodePlatform18CallOnWorkerThreadESt10unique_ptrIN2v84TaskESt14default_deleteIS3_EE", address(callOnWorkerThread),
            nullptr};
    postDelayed = {"_ZN4node12NodePlatform25CallDelayedOnWorkerThreadESt10unique_ptrIN2v84TaskESt14default_deleteIS3_EEd",
                   address(callDelayedOnWorkerThread), nullptr};
  }
  for (Slot* slot : {&post, &postDelayed, &drain, &destructor}) {
    if (slot->found == nullptr && !slot->find(table)) return std::string("Node's platform has no slot for ") + slot->symbol;
  }
  awaitsAll = dlsym(RTLD_DEFAULT, kPostWithoutPriority) != nullptr;
  pool.store(new WorkerPool, std::memory_order_release);
  // DrainTasks first: from the first task on that we take, those who wait must wait for it.
  const Slot slots[] = {drain, destructor, post, postDelayed};
  return replaceSlots(slots, sizeof slots / sizeof *slots);
}

std::atomic<bool> adopted{false};

}  // namespace

std::string adopt() {
  // Never destroyed. Not held over a fork(): that needs a process that has adopted, where nobody stays in here.
  static std::mutex* guard = new std::mutex;
  static std::string* refusal = nullptr;
  std::lock_guard lock(*guard);
  if (refusal == nullptr) refusal = new std::string(adoptOnce());
  if (refusal->empty()) adopted.store(true);
  return *refusal;
}

bool isAdopted() { return adopted.load(); }
bool pause(Deadline deadline) { return pool.load()->pause(deadline); }
void resume() { pool.load()->resume(); }
void resumeInChild() { pool.store(pool.load()->successor()); }
bool isIdle() { return !isAdopted() || pool.load()->isIdle(); }
uint64_t finishedTasks() { return pool.load()->finishedTasks(); }

}  // namespace forkful::os::node_platform

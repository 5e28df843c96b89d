#include "node_platform.h"

namespace forkful::os::node_platform {

// Cocoa and Grand Central Dispatch do not survive a fork, so there is nothing to prepare for.
std::string adopt() { return "fork needs Linux"; }
bool isAdopted() { return false; }
bool pause(Deadline) { return false; }
void resume() {}
void resumeInChild() {}
uint64_t finishedTasks() { return 0; }
bool isIdle() { return true; }

}  // namespace forkful::os::node_platform

#include "forking.h"

#include "node_platform.h"

namespace forkful::os::forking {

std::string enable() { return node_platform::adopt(); }
Status fork(Deadline, Preparation&, pid_t&) { return Status::fail(ENOTSUP, "fork"); }
bool isIdle() { return true; }

}  // namespace forkful::os::forking

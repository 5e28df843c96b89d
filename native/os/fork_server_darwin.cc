#include "fork_server.h"

namespace forkful::os {

Status serveForks(UniqueFd, ForkedChild&) { return Status::fail(ENOTSUP, "fork"); }
void waitForGo(UniqueFd) {}

}  // namespace forkful::os

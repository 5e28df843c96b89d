#include "pidfd.h"

namespace forkful::os::pidfd {

Status open(pid_t, UniqueFd&) { return Status::fail(ENOSYS, "pidfd_open"); }
Status signal(int, int, bool&) { return Status::fail(ENOSYS, "pidfd_send_signal"); }
Status wait(int, Deadline, End&, process_host::Exit&) { return Status::fail(ENOSYS, "ppoll"); }
bool isSupported() { return false; }

}  // namespace forkful::os::pidfd

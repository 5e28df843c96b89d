// macOS has no robust mutexes, so nothing yet tells of deaths: the loader then explains why and forkful uses its JavaScript backend.
#include "liveness.h"

namespace forkful::os::liveness {

bool isSupported() { return false; }
Status init(Word&) { return Status::fail(ENOTSUP, "pthread_mutexattr_setrobust"); }
Status claim(Word&, Claim&) { return Status::fail(ENOTSUP, "pthread_mutex_trylock"); }
Status release(Word&) { return Status::fail(ENOTSUP, "pthread_mutex_unlock"); }

}  // namespace forkful::os::liveness

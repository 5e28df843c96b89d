#pragma once
// A thread of this library's own.

#include <pthread.h>

#include "status.h"

namespace forkful::os {

/** Starts a thread, joinable, that no signal is delivered to: they are the main thread's business. Its stack is small: it may call nothing deep. */
Status startThread(pthread_t& out, void* (*body)(void*), void* argument);

}  // namespace forkful::os

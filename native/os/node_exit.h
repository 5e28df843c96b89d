#pragma once
// How a Node process ends when it cannot end as Node would: a forked child lacks the threads that Node's own way out joins.

#include <string>

namespace forkful::os::node_exit {

/** Finds what exitDirectly() needs. Empty, or why that will not work. Idempotent. */
std::string prepare();

/**
 * From now on every end of the calling thread's environment is exitNow(): process.exit(), fatal errors, once Node has printed them and
 * written its coverage. Empty, or why not. REQUIRES: called from JavaScript.
 */
std::string exitDirectly();

/** Writes out what stdio holds and ends the process with code & 255, running nothing else. */
[[noreturn]] void exitNow(int code);

}  // namespace forkful::os::node_exit

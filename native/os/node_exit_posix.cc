#include "node_exit.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <functional>

namespace forkful::os::node_exit {

namespace {

// All of it is Node's interface for embedders (src/node.h) and V8's, by the mangled names: std::function by value is in one of them, so a
// Node whose standard library is another one has another name. Handles (v8::Local) are one pointer in a register.
using CurrentIsolate = void* (*)();
using CurrentContext = void* (*)(void* isolate);
using CurrentEnvironment = void* (*)(void* context);
using ExitHandler = std::function<void(void* environment, int code)>;
using SetExitHandler = void (*)(void* environment, ExitHandler&& handler);

// Found once, before a fork: the look-up goes through tables that a child would have to read in again.
CurrentIsolate isolate = nullptr;
CurrentContext context = nullptr;
CurrentEnvironment environment = nullptr;
SetExitHandler setHandler = nullptr;

template <class Function>
bool find(const char* symbol, Function& out, std::string& missing) {
  out = reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, symbol));
  if (out == nullptr) missing = std::string("this Node does not export ") + symbol;
  return out != nullptr;
}

}  // namespace

std::string prepare() {
  std::string missing;
  if (find("_ZN2v87Isolate10GetCurrentEv", isolate, missing) && find("_ZN2v87Isolate17GetCurrentContextEv", context, missing) &&
      find("_ZN4node21GetCurrentEnvironmentEN2v85LocalINS0_7ContextEEE", environment, missing)) {
    find("_ZN4node21SetProcessExitHandlerEPNS_11EnvironmentEOSt8functionIFvS1_iEE", setHandler, missing);
  }
  return missing;
}

std::string exitDirectly() {
  if (setHandler == nullptr) {
    if (std::string missing = prepare(); !missing.empty()) return missing;
  }
  void* current = environment(context(isolate()));
  if (current == nullptr) return "there is no Node environment here";
  setHandler(current, [](void*, int code) { exitNow(code); });
  return {};
}

void exitNow(int code) {
  fflush(stdout);
  fflush(stderr);
  _exit(code & 255);
}

}  // namespace forkful::os::node_exit

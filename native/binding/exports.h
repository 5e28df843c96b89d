#pragma once
// Every function that the addon gives to JavaScript. src/platform/addon.ts declares their types; the words are explained in platform.ts.

#include <node_api.h>

namespace forkful::binding {

#define FORKFUL_EXPORTS(X)                                                                                  \
  /* memory.cc */                                                                                           \
  X(create) X(attach) X(grant) X(view) X(ownedView) X(detach) X(takeReleased) X(commit) X(punch)            \
  /* parking.cc */                                                                                          \
  X(parkingTraits) X(park) X(parkEither) X(unpark) X(spin)                                                  \
  /* liveness.cc */                                                                                         \
  X(lifeInit) X(lifeClaim) X(lifeRelease)                                                                   \
  /* doorbell.cc */                                                                                         \
  X(doorbellOpen) X(doorbellArm) X(doorbellSetRef) X(doorbellClose)                                         \
  /* process.cc */                                                                                          \
  X(kill) X(waitExit) X(dieWithParent) X(reap) X(pidfdOpen) X(pidfdSignal) X(pidfdWait) X(umask)            \
  X(redirect) X(pid) X(parentPid)                                                                           \
  /* fork.cc */                                                                                             \
  X(forkEnable) X(fork) X(forkServe) X(exitDirectly) X(exitNow)                                             \
  /* loop_handles.cc */                                                                                     \
  X(quellHandles) X(countHandles) X(loopLoad)                                                               \
  /* datagram.cc */                                                                                         \
  X(socketPair) X(sendDatagram) X(receiveDatagram) X(closeDescriptor)                                       \
  /* descriptor_door.cc */                                                                                  \
  X(descriptorLend) X(descriptorBorrow) X(descriptorRelease)                                                \
  /* watch.cc */                                                                                            \
  X(watchOpen) X(watchFor) X(watchSetRef) X(watchClose)                                                     \
  /* stream_socket.cc */                                                                                    \
  X(streamListen) X(streamConnect) X(streamOutcome) X(streamAccept) X(streamAddress) X(streamRead)          \
  X(streamWrite) X(pollDescriptors) X(resolveHost)                                                          \
  /* named_segment.cc */                                                                                    \
  X(namedCreate) X(namedOpen) X(namedUnlink) X(namedClose) X(namedIdentity) X(namedKeep)                                                                \
  /* named_semaphore.cc */                                                                                  \
  X(semaphoreOpen) X(semaphoreClose) X(semaphoreUnlink) X(semaphoreTryAcquire) X(semaphoreAcquire)          \
  X(semaphoreRelease) X(semaphoreValue) X(semaphoreListen) X(semaphoreSetRef) X(semaphoreRequest)           \
  X(semaphoreTake) X(semaphoreCancel)

#define FORKFUL_DECLARE(name) napi_value name(napi_env env, napi_callback_info info);
FORKFUL_EXPORTS(FORKFUL_DECLARE)
#undef FORKFUL_DECLARE

}  // namespace forkful::binding

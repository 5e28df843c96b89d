#pragma once
// What malloc does with memory that was freed.

namespace forkful::os {

/**
 * Lets the process keep up to 64 MiB of freed memory instead of giving it back at once. A process that receives large buffers allocates and frees
 * them in batches, as the collector comes by; with glibc's initial thresholds each batch is unmapped, and each page of the next one faulted in and
 * zeroed again: three times the page faults for 64 KiB messages, thirteen times for 1 MiB ones (bench/cases/queue.mjs).
 */
void keepFreedMemory();

}  // namespace forkful::os

/** Named semaphores of a test file: each with a name of its own, and gone after its test. */
import { readdirSync } from 'node:fs';
import { NamedSemaphore, type NamedSemaphoreOptions } from 'forkful';
import { afterEach } from 'vitest';

const made: NamedSemaphore[] = [];
let names = 0;

export function freshName(): string {
  return `forkful-test-${process.pid}-${names++}`;
}

/** The name without its slash. */
export function bareName(semaphore: NamedSemaphore): string {
  return semaphore.name.slice(1);
}

/** A new semaphore, which is gone after the test. */
export function make(value = 0, options: NamedSemaphoreOptions = {}): NamedSemaphore {
  return removeAfterTest(new NamedSemaphore(freshName(), { create: true, exclusive: true, value, ...options }));
}

export function removeAfterTest(semaphore: NamedSemaphore): NamedSemaphore {
  made.push(semaphore);
  return semaphore;
}

afterEach(() => {
  for (const semaphore of made.splice(0)) {
    semaphore.close();
    if (readdirSync('/dev/shm').includes(`sem.${bareName(semaphore)}`)) semaphore.unlink();
  }
});

/** Names in the file system of shared memory. */
import { existsSync, readdirSync } from 'node:fs';
import { SharedMemory } from 'forkful';
import { afterEach } from 'vitest';

let names = 0;
const made: string[] = [];

/** What a test has named it need not remove. */
afterEach(() => {
  for (const name of made.splice(0)) if (isThere(name)) SharedMemory.unlink(name);
});

export function freshName(): string {
  const name = `forkful-test-${process.pid}-${names++}`;
  made.push(name);
  return name;
}

export function isThere(name: string): boolean {
  return existsSync(`/dev/shm/${name}`);
}

/** All names but those of processes beside this one. */
export function segmentNames(): string[] {
  return readdirSync('/dev/shm').filter((name) => /^(forkful|psm_)/.test(name));
}

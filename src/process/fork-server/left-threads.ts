/** Threads that a module leaves behind: copies of this process will lack them. */
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { readOrNothing, stateOf } from '../thread-work.js';

/** Threads that the addon's own pool starts as it needs them. */
const OWN_THREAD = 'forkful-v8';
/** One that is not asleep may be about to end, or to take its name: it is looked at again, so many times. */
const LOOKS = 500;
const BETWEEN_LOOKS_MS = 10;

/** Tells at each call the names of the threads that have come since this one, and stay. */
export function watchThreads(folder = '/proc/self/task', looks = LOOKS): () => Promise<string[]> {
  const before = new Set(readdirSync(folder));
  return async () => {
    for (let look = 1; ; look++) {
      const threads = newThreads(folder, before);
      if (look === looks || threads.every(({ isAsleep }) => isAsleep)) return threads.map(({ name }) => name);
      await sleep(BETWEEN_LOOKS_MS);
    }
  };
}

/** A thread that has been joined is here until it has left the kernel, which on a busy machine takes its time. */
function newThreads(folder: string, before: ReadonlySet<string>): { readonly name: string; readonly isAsleep: boolean }[] {
  return readdirSync(folder)
    .filter((id) => !before.has(id))
    .map((id) => {
      // before its name: one that is asleep has given itself one
      const isAsleep = stateOf(readOrNothing(`${folder}/${id}/stat`)) === 'S';
      return { name: readOrNothing(`${folder}/${id}/comm`).trim(), isAsleep };
    })
    .filter(({ name }) => name !== '' && !name.startsWith(OWN_THREAD));
}

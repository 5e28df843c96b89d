/** Whether threads get on, as their files in /proc tell: one that is slow, or gets no processor, is not to be taken for one that hangs. */
import { readdirSync, readFileSync } from 'node:fs';

/** On a processor or in a queue for one; waiting for a disk or for memory. */
const AT_WORK: ReadonlySet<string | undefined> = new Set(['R', 'D']);

/**
 * Tells at each call whether any of a process's threads has done something since the last one, or is at it: so never of those that wait for what never
 * comes. `folder`: `/proc/<pid>/task`. `isMeant`: which threads, by their ids.
 */
export function watchWork(folder: string, isMeant: (thread: string) => boolean = () => true): () => boolean {
  let before = look(folder, isMeant);
  return () => {
    const now = look(folder, isMeant);
    const works = now.isAtWork || now.done !== before.done;
    before = now;
    return works;
  };
}

/**
 * `done`: page faults, time on a processor, and time in queues for one. The kernel adds the latter when a queue is left, so it stands still in a thread
 * that gets no processor at all: that one shows by its state.
 */
function look(folder: string, isMeant: (thread: string) => boolean): { readonly done: string; readonly isAtWork: boolean } {
  const threads = listOrNothing(folder).filter(isMeant);
  const stats = threads.map((thread) => readOrNothing(`${folder}/${thread}/stat`));
  const times = threads.map((thread) => readOrNothing(`${folder}/${thread}/schedstat`));
  return { done: [...stats, ...times].join(), isAtWork: stats.some((stat) => AT_WORK.has(stateOf(stat))) };
}

/** Follows the name, which stands in parentheses and may hold any. Undefined when there is none. */
export function stateOf(stat: string): string | undefined {
  return stat[stat.lastIndexOf(')') + 2];
}

function listOrNothing(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // the process has ended
  }
}

export function readOrNothing(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // the thread has ended
  }
}

/**
 * Loading modules into a fork server. Their children get what the modules have made, but no threads: so one that leaves threads behind makes this
 * server useless. The module of the first target was not asked for by the user: it must not leave anything behind that copies would quarrel over.
 */
import { platform } from '../../platform/select.js';
import { setBootstrapping } from '../current.js';
import { importModule } from '../function-ref.js';
import { watchThreads } from './left-threads.js';
import { patiently } from './patience.js';
import type { Greeting, Settings } from './protocol.js';

/** What children would read from, or write to, each thinking it their own. */
const UNSHARABLE = ['tcp', 'pipe', 'udp', 'process', 'tty', 'fs_event', 'fs_poll', 'poll'];

/** What there is to tell the client. */
export async function loadModules({ preload, target }: Settings): Promise<Greeting> {
  const failed = new Map<string, unknown>();
  const leftThreads = watchThreads();
  for (const module of preload) {
    if (!(await load(module, failed)))
      return { unable: `the preloaded module ${module} was not loaded: it awaits something that does not come` };
    const left = await leftThreads();
    if (left.length > 0) return { unable: `the preloaded module ${module} left ${describe(left)} behind` };
  }
  if (target !== null && !preload.includes(target)) {
    const handles = countUnsharable();
    const isLoaded = await load(target, failed);
    const left = await leftThreads();
    const isOpen = countUnsharable() > handles;
    const what = !isLoaded
      ? 'was not loaded: it awaits something that does not come'
      : left.length > 0
        ? `left ${describe(left)} behind`
        : isOpen
          ? 'left something open'
          : '';
    if (what !== '') return { unable: `the module ${target} ${what}`, leaveOut: [target, ...failed.keys()] };
  }
  // Node would tell every child of this server the same: they are to try it themselves, and may fail in their own words
  const [first] = failed;
  return first === undefined ? {} : { unable: `the module ${first[0]} failed: ${first[1]}`, leaveOut: [...failed.keys()] };
}

/** False when it is given up. */
async function load(module: string, failed: Map<string, unknown>): Promise<boolean> {
  setBootstrapping(true); // an unguarded main module would start its processes again
  try {
    return await patiently(importModule(module));
  } catch (error) {
    failed.set(module, error);
    return true;
  } finally {
    setBootstrapping(false);
  }
}

function describe(threads: readonly string[]): string {
  return `${threads.length === 1 ? 'a thread' : `${threads.length} threads`} (${[...new Set(threads)].join(', ')})`;
}

function countUnsharable(): number {
  const counts = platform.forking?.countHandles() ?? {};
  return UNSHARABLE.reduce((sum, type) => sum + (counts[type] ?? 0), 0);
}

/** How long a module may take to load: as long as something is done for it. One that awaits something for ever at its top level does nothing. */
import { readFileSync } from 'node:fs';
import { watchWork } from '../thread-work.js';

/** Between two looks. What keeps this thread from looking is work. */
const LOOK_MS = 1000;
/** After so many looks that found no work, not only in succession, it is given up; */
const IDLE_LOOKS = 10;
/** one that works for ever, as by awaiting in an endless loop, after so many in all. */
const MOST_LOOKS = 300;
/** One that only looks, and serves a timer or two, sleeps from one look to the next but for so long. */
const IDLE_MS = 100;

/** False when it is given up. */
export function patiently(loading: Promise<unknown>, works: () => boolean = watchThisProcess(), lookMs = LOOK_MS): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let looks = 0;
    let idleLooks = 0;
    const timer = setInterval(() => {
      looks++;
      if (!works()) idleLooks++;
      if (idleLooks < IDLE_LOOKS && looks < MOST_LOOKS) return;
      clearInterval(timer);
      resolve(false);
    }, lookMs);
    loading.then(() => resolve(true), reject).finally(() => clearInterval(timer));
  });
}

/** This thread is always at work when it looks: of it only the time counts that it slept since the last look. */
function watchThisProcess(): () => boolean {
  const othersWork = watchWork('/proc/self/task', (thread) => thread !== String(process.pid));
  let before = sleptMs();
  return () => {
    const now = sleptMs();
    const works = now - before < LOOK_MS - IDLE_MS;
    before = now;
    return othersWork() || works;
  };
}

/** Neither on a processor nor in a queue for one; all the time where the kernel does not tell. REQUIRES: the main thread. */
function sleptMs(): number {
  const now = performance.now();
  try {
    const [ran = 0, queued = 0] = readFileSync('/proc/self/schedstat', 'utf8').split(' ').map(Number);
    return now - (ran + queued) / 1e6;
  } catch {
    return now;
  }
}

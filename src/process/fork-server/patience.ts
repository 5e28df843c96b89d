/** How long a module may take to load: as long as something is done for it. One that awaits something for ever at its top level does nothing. */
import { readFileSync } from 'node:fs';
import { watchWork } from '../thread-work.js';

/** Between two looks. */
const LOOK_MS = 1000;
/** After so many looks that found no work, not only in succession, it is given up; */
const IDLE_LOOKS = 10;
/** one that works for ever, as by awaiting in an endless loop, after so many in all. */
const MOST_LOOKS = 300;
/** A thread that only looks, and serves a timer or two, runs no longer between two looks, and sleeps but for so long, unless it has to queue for a processor. */
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

/** This thread is always at work when it looks: of it counts what it ran since the last look, and whether it wanted to run all the time. */
function watchThisProcess(): () => boolean {
  const othersWork = watchWork('/proc/self/task', (thread) => thread !== String(process.pid));
  let before = times();
  return () => {
    const now = times();
    const works = now.ranMs - before.ranMs >= IDLE_MS || now.sleptMs - before.sleptMs < LOOK_MS - IDLE_MS;
    before = now;
    return othersWork() || works;
  };
}

/** On a processor; and neither there nor in a queue for one: all the time where the kernel does not tell. REQUIRES: the main thread. */
function times(): { readonly ranMs: number; readonly sleptMs: number } {
  const now = performance.now();
  try {
    const [ran = 0, queued = 0] = readFileSync('/proc/self/schedstat', 'utf8').split(' ').map(Number);
    return { ranMs: ran / 1e6, sleptMs: now - (ran + queued) / 1e6 };
  } catch {
    return { ranMs: 0, sleptMs: now };
  }
}

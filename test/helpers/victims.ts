/** Processes that are made to be killed. */
import { Process } from 'forkful';

/** A step at which the process kills itself: `name:n`, the n-th time it comes there (src/util/fault.ts). */
export interface VictimOptions {
  readonly fault?: string | undefined;
}

/** The starts under way: the fault is planned in this process's environment, which is one for all. */
let lastStart: Promise<unknown> = Promise.resolve();

/** Starts `name` of `test/fixtures/<module>` in a process of its own. */
export function startVictim(module: string, name: string, args: unknown[], options: VictimOptions = {}): Promise<Process> {
  const start = lastStart.then(async () => {
    if (options.fault !== undefined) process.env['FORKFUL_FAULT'] = options.fault;
    try {
      return await new Process({
        target: { module: new URL(`../fixtures/${module}`, import.meta.url).href, name },
        args,
        method: 'spawn',
      }).start();
    } finally {
      delete process.env['FORKFUL_FAULT'];
    }
  });
  lastStart = start.catch(() => {});
  return start;
}

/** How many kills the random storms make: `FORKFUL_KILLS`, default `few`. */
export function killCount(few: number): number {
  return Number(process.env['FORKFUL_KILLS'] ?? few);
}

/** Waits until `condition` is true; fails with `dump` when it is not within `ms`. For words that other processes change. */
export async function until(condition: () => boolean, ms: number, dump: () => string): Promise<void> {
  const end = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not so within ${ms} ms: ${condition}; state: ${dump()}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

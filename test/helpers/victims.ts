/** Processes that are made to be killed. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Process } from 'forkful';

/** Far more than anything takes on an overloaded machine. */
const HANG_MS = 120_000;

const SOURCES = fileURLToPath(new URL('../../src', import.meta.url));

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

/** Every step that the sources name. A fault planned for another one would never come, and its test would show nothing. */
const STEPS = new Set(
  readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => [...readFileSync(join(SOURCES, file), 'utf8').matchAll(/\bfault\(([^)]+)\)/g)])
    .flatMap(([call]) => [...call.matchAll(/'([\w.]+)'/g)].map((match) => match[1])),
);

/** Says how many of the victims came to their step and died there by themselves; the others are killed from outside. */
export function reportHits(step: string, form: string, victims: readonly Process[]): void {
  if (!STEPS.has(step)) throw new Error(`no step of the sources is called ${step}`);
  console.log(`${step}, ${form}: reached by ${victims.filter((victim) => !victim.isAlive()).length} of ${victims.length} victims`);
}

/** How many kills the random storms make: `FORKFUL_KILLS`, default `few`. */
export function killCount(few: number): number {
  return Number(process.env['FORKFUL_KILLS'] ?? few);
}

/** Waits until `condition` is true, as long as that may take where nothing hangs; fails with `dump` when it takes longer. For words that other processes change. */
export async function until(condition: () => boolean, dump: () => string): Promise<void> {
  const end = performance.now() + HANG_MS;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not so within ${HANG_MS} ms: ${condition}; state: ${dump()}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Waits until the kernel says that the process is stopped. */
export async function untilStopped({ pid }: Process, dump: () => string): Promise<void> {
  await until(() => /^State:\tT/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')), dump);
}

/** How many wait, as shared objects themselves tell it. */
import { inspect } from 'node:util';
import type { Barrier, Condition } from 'forkful';
import { until } from './victims.js';

/** Those whose wait is under way, and who have not been notified. */
export function waiters(condition: Condition): number {
  return Number(/ waiters=(\d+)>$/.exec(inspect(condition))?.[1]);
}

export async function untilWaiting(condition: Condition, count: number): Promise<void> {
  await until(
    () => waiters(condition) === count,
    20_000,
    () => inspect(condition),
  );
}

export async function untilArrived(barrier: Barrier, count: number): Promise<void> {
  await until(
    () => barrier.nWaiting === count,
    20_000,
    () => inspect(barrier),
  );
}

/** How many wait, as shared objects themselves tell it. */
import { inspect, isDeepStrictEqual } from 'node:util';
import type { Barrier, Condition, Event } from 'forkful';
import { currentAgent } from '../../src/arena/agent.js';
import { payloadWord } from '../../src/memory/block.js';
import { handleOf } from '../../src/serialize/passable.js';
import { until } from './victims.js';

/** Those whose wait is under way, and who have not been notified. */
export function waiters(condition: Condition): number {
  return Number(/ waiters=(\d+)>$/.exec(inspect(condition))?.[1]);
}

export async function untilWaiting(condition: Condition, count: number): Promise<void> {
  await until(
    () => waiters(condition) === count,
    () => inspect(condition),
  );
}

export async function untilArrived(barrier: Barrier, count: number): Promise<void> {
  await until(
    () => barrier.nWaiting === count,
    () => inspect(barrier),
  );
}

/** Who waits, by the flags of the event count (src/arena/waiting.ts): how many agents by promises, and whether somebody sleeps. */
function waitingFor(event: Event): [number, boolean] {
  const flags = Atomics.load(currentAgent().region.words, payloadWord(event[handleOf]().offset) + 1);
  return [[...(flags & 0xffff).toString(2)].filter((bit) => bit === '1').length, (flags & 0x10000) !== 0];
}

/** Until so many agents wait by promises, and at least one asleep. */
export async function untilWaitedFor(event: Event, promising: number): Promise<void> {
  await until(
    () => isDeepStrictEqual(waitingFor(event), [promising, true]),
    () => inspect([event, waitingFor(event)]),
  );
}

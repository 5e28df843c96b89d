/**
 * Two processes in turns: each hands over to the other and waits for its own turn; time per hand-over. `asleep`: with so much work before each that the
 * other one has gone to sleep, which is not counted. `async`: the promise forms. A barrier: both cross it again and again.
 */
import { Barrier, Condition, isMainProcess, Process, RawValue, Semaphore } from 'forkful';
import { report } from '../lib/report.mjs';

const WORK_MS = 0.025;
const ROUNDS = 3;
const COUNT = { hot: 30_000, asleep: 6_000, async: 5_000 };
const WARM = 3000;

/** Each side's part: `count` times to wait for its turn and hand over. The first turn is side 0's. */
export const parts = {
  semaphore([a, b], side, count, work) {
    const [mine, others] = side === 0 ? [a, b] : [b, a];
    for (let i = 0; i < count; i++) {
      mine.acquireSync();
      work();
      others.release();
    }
  },
  condition([condition, turn], side, count, work) {
    for (let i = 0; i < count; i++) {
      condition.acquireSync();
      while (turn.value !== side) condition.waitSync();
      condition.release();
      work();
      condition.acquireSync();
      turn.value = 1 - side;
      condition.notify();
      condition.release();
    }
  },
  async semaphoreAsync([a, b], side, count) {
    const [mine, others] = side === 0 ? [a, b] : [b, a];
    for (let i = 0; i < count; i++) {
      await mine.acquire();
      others.release();
    }
  },
  async conditionAsync([condition, turn], side, count) {
    for (let i = 0; i < count; i++) {
      await condition.acquire();
      while (turn.value !== side) await condition.wait();
      turn.value = 1 - side;
      condition.notify();
      condition.release();
    }
  },
  barrier([barrier], _side, count) {
    for (let i = 0; i < count; i++) barrier.waitSync();
  },
};

function workForAWhile() {
  for (const end = performance.now() + WORK_MS; performance.now() < end; );
}

export async function other(name, shared, rounds, count, works) {
  await parts[name](shared, 1, WARM, () => {});
  for (let round = 0; round < rounds; round++) await parts[name](shared, 1, count, works ? workForAWhile : () => {});
}

if (isMainProcess) {
  const semaphores = () => [new Semaphore(1), new Semaphore(0)];
  const condition = () => [new Condition(), new RawValue('i', 0)];
  await measure('semaphore_handover_ns', 'semaphore', semaphores(), COUNT.hot);
  await measure('semaphore_handover_asleep_ns', 'semaphore', semaphores(), COUNT.asleep, true);
  await measure('semaphore_handover_async_ns', 'semaphoreAsync', semaphores(), COUNT.async);
  await measure('condition_handover_ns', 'condition', condition(), COUNT.hot);
  await measure('condition_handover_asleep_ns', 'condition', condition(), COUNT.asleep, true);
  await measure('condition_handover_async_ns', 'conditionAsync', condition(), COUNT.async);
  await measure('barrier_crossing_ns', 'barrier', [new Barrier(2)], COUNT.hot);
}

async function measure(metric, name, shared, count, works = false) {
  const child = new Process({ target: other, args: [name, shared, ROUNDS, count, works] });
  await child.start();
  await parts[name](shared, 0, WARM, () => {});
  const turns = name === 'barrier' ? 1 : 2; // in a barrier's both sides cross at once
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    await parts[name](shared, 0, count, works ? workForAWhile : () => {});
    least = Math.min(least, (performance.now() - start) / (turns * count) - (works ? WORK_MS : 0));
  }
  await child.join();
  report(metric, least * 1e6);
}

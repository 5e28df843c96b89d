/** An unbounded queue whose consumer is stopped for a while. `FORKFUL_ITEMS` says for how many items; 10,000,000 take a few seconds per queue. */
import { readdirSync, readlinkSync, statSync } from 'node:fs';
import { inspect } from 'node:util';
import { JoinableQueue, Process, Queue, SimpleQueue } from 'forkful';
import { describe, expect } from 'vitest';
import { countPages } from '../../src/memory/pages.js';
import { itNative } from '../helpers/backends.js';

const ITEMS = Number(process.env['FORKFUL_ITEMS'] ?? 500_000);
const FRAME_BYTES = 8;
/** What an empty queue may keep: the segment it works in and a spare one, 4 MiB each and their headers. */
const KEPT_BYTES = 2 * (2 ** 22 + 2 ** 16);
const module = new URL('../fixtures/queue/tasks.mjs', import.meta.url).href;

const allocated = (): number => countPages() * 65_536;

/** The memory that the region really takes, as the kernel counts it. */
function resident(): number {
  for (const fd of readdirSync('/proc/self/fd')) {
    const path = `/proc/self/fd/${fd}`;
    try {
      if (readlinkSync(path).startsWith('/memfd:')) return statSync(path).blocks * 512;
    } catch {
      // the descriptor by which the directory was read
    }
  }
  throw new Error('this process has no region');
}

describe.each([
  ['Queue', Queue],
  ['JoinableQueue', JoinableQueue],
  ['SimpleQueue', SimpleQueue],
])('an unbounded %s', (name, QueueClass) => {
  itNative(
    'grows while its consumer is stopped, knows its size, and gives the memory back when the consumer goes on',
    async () => {
      const [queue, answers] = [new QueueClass<number>(), new Queue<unknown>()];
      const consumer = await new Process({ target: { module, name: 'countUp' }, args: [queue, answers, ITEMS], method: 'spawn' }).start();
      expect(await answers.get()).toBe('waits');
      process.kill(consumer.pid as number, 'SIGSTOP');
      const before = { allocated: allocated(), resident: resident() };
      for (let i = 0; i < ITEMS; i++) queue.putSync(i);
      expect(inspect(queue)).toMatch(new RegExp(`^<${name} ${ITEMS} items`));
      const full = { allocated: allocated() - before.allocated, resident: resident() - before.resident };
      for (const bytes of Object.values(full)) expect(bytes).toBeGreaterThanOrEqual(ITEMS * FRAME_BYTES);
      expect(full.allocated).toBeLessThanOrEqual(ITEMS * FRAME_BYTES + KEPT_BYTES);
      process.kill(consumer.pid as number, 'SIGCONT');
      expect(await answers.get()).toEqual({ got: ITEMS, outOfOrder: 0 });
      expect(inspect(queue)).toMatch(new RegExp(`^<${name} 0 items`));
      const drained = { allocated: allocated() - before.allocated, resident: resident() - before.resident };
      for (const bytes of Object.values(drained)) expect(bytes).toBeLessThanOrEqual(KEPT_BYTES);
      console.log(`${name}, ${ITEMS} items: ${inspect(full)} bytes, then ${inspect(drained)}`);
      await consumer.join();
      expect(consumer.exitCode).toBe(0);
    },
    300_000,
  );
});

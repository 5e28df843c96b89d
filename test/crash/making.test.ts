import { Queue } from 'forkful';
import { expect, it } from 'vitest';
import { BLOCK_QUEUE, countBlocks } from '../../src/memory/block.js';
import { countPages } from '../../src/memory/pages.js';
import { describeNative } from '../helpers/backends.js';
import { startVictim } from '../helpers/victims.js';

describeNative('a process killed while it makes a queue', () => {
  it.each(['block.taken', 'pages.intent', 'pages.marked'].flatMap((step) => [`${step}:1`, `${step}:5`]))(
    '%s: is swept, with all the queues it had, and queues can be made',
    async (fault) => {
      new Queue()[Symbol.dispose]();
      const [queues, pages] = [countBlocks(BLOCK_QUEUE), countPages()];
      const victim = await startVictim('crash/queue-maker.mjs', 'makeQueues', [], { fault });
      expect(await victim.join({ timeout: 60_000 })).toBe(true);
      expect(victim.exitCode).toBe(-9);
      expect(countBlocks(BLOCK_QUEUE)).toBe(queues);
      // what it had in its hands: a run of one page at most
      expect(countPages()).toBeLessThanOrEqual(pages + 1);
      const queue = new Queue<number>();
      queue.putSync(1);
      expect(queue.getSync()).toBe(1);
      queue[Symbol.dispose]();
    },
  );
});

/** The table of tasks in hand, with agents that end in the middle of it. */
import { JoinableQueue, Process, Queue } from 'forkful';
import { describe, expect, it } from 'vitest';
import { currentAgent } from '../../src/arena/agent.js';
import { payloadWord } from '../../src/memory/block.js';
import { Ring, RING_WORDS } from '../../src/queue/ring.js';
import { Tasks } from '../../src/queue/tasks.js';
import { handleOf } from '../../src/serialize/passable.js';

const module = new URL('../fixtures/queue/tasks.mjs', import.meta.url).href;

function open(queue: JoinableQueue): { ring: Ring; tasks: Tasks } {
  const at = payloadWord(queue[handleOf]().offset);
  return { ring: new Ring(currentAgent(), at), tasks: new Tasks(at + RING_WORDS) };
}

/** A thread that has taken `committed` tasks, and begun to take another one if `torn`; it ends when `end` is called. */
async function takeElsewhere(queue: JoinableQueue, committed: number, torn: boolean): Promise<() => Promise<void>> {
  const [told, go] = [new Queue<number>(), new Queue<number>()];
  const args = [queue, told, go, committed, torn];
  const thread = await new Process({ target: { module, name: 'takeAndEnd' }, args, method: 'thread' }).start();
  await told.get();
  return async () => {
    go.putSync(0);
    await thread.join();
  };
}

describe('the table of tasks in hand', () => {
  it('has a record for each agent, more than fit in its block, and those of the ended again', async () => {
    const queue = new JoinableQueue<number>();
    const { ring, tasks } = open(queue);
    for (let i = 0; i < 40; i++) queue.putSync(i);
    const ends = await Promise.all(Array.from({ length: 18 }, () => takeElsewhere(queue, 1, false)));
    expect([tasks.inHand(), tasks.lost(ring)]).toEqual([18, 0]);
    for (const end of ends.splice(0)) await end();
    expect([tasks.inHand(), tasks.lost(ring)]).toEqual([0, 18]);
    for (let i = 0; i < 3; i++) ends.push(await takeElsewhere(queue, 2, false));
    expect([tasks.inHand(), tasks.lost(ring)]).toEqual([6, 18]);
    for (const end of ends) await end();
    expect([tasks.inHand(), tasks.lost(ring)]).toEqual([0, 24]);
  });

  it('does not count a get that was never committed: not before it is repaired, and not after, and not twice', async () => {
    const queue = new JoinableQueue<string>();
    const { ring, tasks } = open(queue);
    for (const task of ['a', 'b', 'c']) queue.putSync(task);
    const end = await takeElsewhere(queue, 1, true);
    expect(tasks.inHand()).toBe(2);
    await end();
    expect(tasks.lost(ring)).toBe(1);
    expect(tasks.areDone(ring)).toBe(false);
    for (let i = 0; i < 2; i++) {
      tasks.repair(ring.got());
      expect(tasks.lost(ring)).toBe(1);
    }
    expect([queue.getSync(), queue.getSync()]).toEqual(['b', 'c']);
    expect([tasks.inHand(), tasks.lost(ring)]).toEqual([2, 1]);
    queue.taskDone();
    queue.taskDone();
    expect([tasks.areDone(ring), tasks.lost(ring)]).toEqual([true, 1]);
  });

  it('leaves alone what was committed before the get lock was lost', async () => {
    const queue = new JoinableQueue<number>();
    const { ring, tasks } = open(queue);
    for (let i = 0; i < 3; i++) queue.putSync(i);
    const end = await takeElsewhere(queue, 2, false);
    await end();
    tasks.repair(ring.got());
    expect(tasks.lost(ring)).toBe(2);
    queue.getSync();
    tasks.repair(ring.got());
    expect([tasks.inHand(), tasks.lost(ring)]).toEqual([1, 2]);
  });

  it('calls a task done that is its own before one of others, one of the living before one that was lost', async () => {
    const queue = new JoinableQueue<number>();
    const { ring, tasks } = open(queue);
    for (let i = 0; i < 3; i++) queue.putSync(i);
    await (await takeElsewhere(queue, 1, false))();
    const end = await takeElsewhere(queue, 1, false);
    queue.getSync();
    const counts = () => [tasks.inHand(), tasks.lost(ring)];
    expect(counts()).toEqual([2, 1]);
    queue.taskDone();
    expect(counts()).toEqual([1, 1]);
    queue.taskDone(); // the other one's
    expect(counts()).toEqual([0, 1]);
    await end();
    expect(counts()).toEqual([0, 1]);
    queue.taskDone(); // the one that was lost
    expect(counts()).toEqual([0, 0]);
    expect(tasks.finish(ring)).toBe(false);
  });
});

import { readdirSync } from 'node:fs';
import { type Array as SharedArray, Lock, Queue, RawArray, Value } from 'forkful';
import { describe, expect, it } from 'vitest';
import { BLOCK_ARRAY, BLOCK_QUEUE, BLOCK_VALUE, countBlocks } from '../../src/memory/block.js';
import { receiveShared } from '../../src/memory/handle.js';
import { sendHandle } from '../../src/memory/block.js';
import { countPages } from '../../src/memory/pages.js';
import { handleOf } from '../../src/serialize/passable.js';
import { describeNative, itNative } from '../helpers/backends.js';
import { startVictim } from '../helpers/victims.js';
import { runChild } from '../helpers/watchdog.js';

describe('shared memory', () => {
  it('does not grow over a million create and dispose cycles', () => {
    const cycle = (times: number): void => {
      for (let i = 0; i < times; i++) new Lock()[Symbol.dispose]();
    };
    cycle(1000);
    const [blocks, pages] = [countBlocks(), countPages()];
    cycle(1_000_000);
    expect([countBlocks(), countPages()]).toEqual([blocks, pages]);
  });

  it('does not grow over cycles of queues with messages, values and large arrays', () => {
    const cycle = (): void => {
      const [queue, value] = [new Queue<unknown>(), new Value('d', 1)];
      queue.putSync({ value, text: 'x'.repeat(20_000), lock: new Lock() });
      for (const each of [queue, value, value.getLock()]) each[Symbol.dispose]();
    };
    for (let i = 0; i < 10; i++) cycle();
    const [blocks, pages] = [countBlocks(), countPages()];
    for (let i = 0; i < 2000; i++) cycle();
    // the Lock inside each message is held by its object until that is collected
    expect(countBlocks()).toBeLessThanOrEqual(blocks + 2000);
    expect(countPages()).toBeLessThanOrEqual(pages + Math.ceil((2000 * 256) / 65536) + 1);
  });

  itNative('needs no file descriptor for 10,000 locks', () => {
    new Lock();
    const before = readdirSync('/proc/self/fd').length;
    const locks = Array.from({ length: 10_000 }, () => new Lock());
    expect(readdirSync('/proc/self/fd').length).toBe(before);
    for (const lock of locks) {
      lock.acquireSync();
      lock.release();
      lock[Symbol.dispose]();
    }
  });

  it('keeps what is in a message alive, and frees it with the message', () => {
    const queue = new Queue<unknown>();
    const before = countBlocks();
    const lock = new Lock();
    queue.putSync(lock);
    lock[Symbol.dispose]();
    expect(countBlocks()).toBe(before + 1);
    const again = queue.getSync() as Lock;
    expect(again).not.toBe(lock);
    expect(again.tryAcquire()).toBe(true);
    again[Symbol.dispose]();
    expect(countBlocks()).toBe(before);
    const other = new Lock();
    queue.putSync([other]);
    other[Symbol.dispose]();
    queue[Symbol.dispose]();
    expect(countBlocks()).toBe(before - 1);
  });

  it('refuses a stale handle instead of giving its next tenant', () => {
    const lock = new Lock();
    const handle = lock[handleOf]();
    lock[Symbol.dispose]();
    const next = new Lock();
    expect(next[handleOf]().offset).toBe(handle.offset);
    expect(() => sendHandle(handle)).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_STALE_HANDLE' }));
    expect(() => receiveShared({ offset: 64, generation: 0 })).toThrow('does not name a block of this family');
  });

  itNative('refuses more than the system has, and stays usable', () => {
    const pages = countPages();
    expect(() => new RawArray('B', 120 * 2 ** 30)).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_OUT_OF_MEMORY' }));
    expect(countPages()).toBe(pages);
    const array = new RawArray('B', 100_000);
    expect(array.fill(1).length).toBe(100_000);
    array[Symbol.dispose]();
  });
});

describeNative('the holders of shared memory', () => {
  it('may forget it: the collector frees it', async () => {
    const { stdout, stderr } = await runChild('memory/collected.mjs', { execArgv: ['--expose-gc'] });
    expect(stderr).toBe('');
    const facts = JSON.parse(stdout);
    expect(facts.before).toBeGreaterThan(900);
    expect(facts).toMatchObject({ after: 0, pagesGrew: false });
  });

  it('may be killed: what only they held is freed when they are reaped', async () => {
    const ready = new Queue();
    const kinds = (): number[] => [BLOCK_QUEUE, BLOCK_VALUE, BLOCK_ARRAY].map((type) => countBlocks(type));
    const [before, blocks, pages] = [kinds(), countBlocks(), countPages()];
    for (let round = 0; round < 2; round++) {
      const holder = await startVictim('memory/holder.mjs', 'holdMany', [ready]);
      await ready.get();
      for (const [kind, count] of kinds().entries()) expect(count).toBeGreaterThanOrEqual((before[kind] as number) + 50);
      holder.kill();
      await holder.join();
      expect(kinds()).toEqual(before);
      expect(countBlocks()).toBeLessThanOrEqual(blocks); // locks of earlier tests may have been collected
    }
    // slabs stay cut as they are, for the next objects of their size; arrays and queues have given their pages back
    expect(countPages()).toBeLessThan(pages + 12);
  });

  it('may end while what they put is on its way', async () => {
    const queue = new Queue<{ array: SharedArray }>();
    const child = await startVictim('memory/holder.mjs', 'putAndEnd', [queue]);
    await child.join();
    expect(Array.from((await queue.get()).array)).toEqual([1, 2, 3]);
  });
});

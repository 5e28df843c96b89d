import { Array as SharedArray, Lock, Queue } from 'forkful';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { currentAgent } from '../../src/arena/agent.js';
import { BLOCK_TRANSIT } from '../../src/arena/layout.js';
import {
  BLOCK_LOCK,
  blockType,
  countBlocks,
  createBlock,
  dropHold,
  payloadWord,
  receiveHandle,
  sendHandle,
} from '../../src/memory/block.js';
import { countPages } from '../../src/memory/pages.js';
import { platform } from '../../src/platform/select.js';
import { RING_WORDS } from '../../src/queue/ring.js';
import { handleOf } from '../../src/serialize/passable.js';
import { withWatchdog } from '../helpers/watchdog.js';

/** In an event count: every bit of an agent, and one who sleeps. */
const PATTERN = 0x00fffffe;

/** The next tenant of the memory at `offset`, full of numbers that waiters and notifiers would act on. */
class Tenant {
  readonly #words = currentAgent().region.words;
  readonly #offset: number;
  readonly #payloadWords: number;

  constructor(offset: number, payloadWords: number) {
    this.#offset = offset;
    this.#payloadWords = payloadWords;
    expect(createBlock(BLOCK_LOCK, payloadWords * 4).offset).toBe(offset);
    this.#words.fill(PATTERN, payloadWord(offset), payloadWord(offset) + payloadWords);
  }

  /** Lets this thread look at all it waits for, and checks that nothing was written here. */
  async expectUntouched(): Promise<void> {
    for (let round = 0; round < 3; round++) {
      const other = new Queue<number>();
      const got = other.get();
      other.putSync(round);
      expect(await withWatchdog(60_000, () => other, got)).toBe(round);
      other[Symbol.dispose]();
    }
    const start = payloadWord(this.#offset);
    expect(new Set(this.#words.subarray(start, start + this.#payloadWords))).toEqual(new Set([PATTERN]));
    dropHold(this.#offset);
  }
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('the next tenant of the memory is left alone', () => {
  it('by a get that was pending when its queue was disposed of; it rejects', async () => {
    const queue = new Queue();
    const { offset } = queue[handleOf]();
    const rejected = expect(queue.get()).rejects.toMatchObject({ code: 'ERR_FORKFUL_CLOSED' });
    queue[Symbol.dispose]();
    await rejected;
    await new Tenant(offset, RING_WORDS).expectUntouched();
  });

  it('by a put that was pending when its queue was disposed of; it rejects', async () => {
    const queue = new Queue(1);
    const { offset } = queue[handleOf]();
    queue.putSync('first');
    const rejected = expect(queue.put('second')).rejects.toMatchObject({ code: 'ERR_FORKFUL_CLOSED' });
    queue[Symbol.dispose]();
    await rejected;
    await new Tenant(offset, RING_WORDS).expectUntouched();
  });

  it('by a get that timed out before its queue was disposed of', async () => {
    const queue = new Queue();
    const { offset } = queue[handleOf]();
    await expect(queue.get({ timeout: 5 })).rejects.toMatchObject({ code: 'ERR_FORKFUL_EMPTY' });
    queue[Symbol.dispose]();
    await new Tenant(offset, RING_WORDS).expectUntouched();
  });

  it('by an acquire that was pending when its lock was disposed of; it rejects', async () => {
    const lock = new Lock();
    const { offset } = lock[handleOf]();
    lock.acquireSync();
    const rejected = expect(lock.acquire()).rejects.toMatchObject({ code: 'ERR_FORKFUL_CLOSED' });
    lock[Symbol.dispose]();
    await rejected;
    await new Tenant(offset, 16).expectUntouched();
  });

  it('by an acquire that timed out before its lock was disposed of', async () => {
    const lock = new Lock();
    const { offset } = lock[handleOf]();
    lock.acquireSync();
    expect(await lock.acquire({ timeout: 5 })).toBe(false);
    lock.release();
    lock[Symbol.dispose]();
    await new Tenant(offset, 16).expectUntouched();
  });

  it('by one who was about to free the former, with the same history', () => {
    const { words } = currentAgent().region;
    const former = createBlock(BLOCK_LOCK, 64);
    sendHandle(former);
    receiveHandle(former);
    let tenant = former;
    const real = Atomics.compareExchange;
    vi.spyOn(Atomics, 'compareExchange').mockImplementation(((array: Int32Array, index: number, expected: number, value: number) => {
      if (tenant === former && index === (former.offset >> 2) + BLOCK_TRANSIT) {
        tenant = { offset: -1, generation: -1 }; // once
        dropHold(former.offset); // another one is faster and frees it; then it is made, sent and received again
        tenant = createBlock(BLOCK_LOCK, 64);
        sendHandle(tenant);
        receiveHandle(tenant);
      }
      return real(array, index, expected, value);
    }) as typeof Atomics.compareExchange);
    dropHold(former.offset);
    vi.restoreAllMocks();
    expect([tenant.offset, tenant.generation]).toEqual([former.offset, former.generation + 1]);
    expect(blockType(tenant)).toBe(BLOCK_LOCK);
    expect(words[tenant.offset >> 2]).toBe(tenant.generation);
    dropHold(tenant.offset);
    expect(() => blockType(tenant)).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_STALE_HANDLE' }));
  });
});

describe('a constructor that throws leaves nothing behind', () => {
  it('because of a bad lock', () => {
    new Lock();
    const before = [countBlocks(), countPages()];
    expect(() => new SharedArray('d', 100_000, { lock: 5 as never })).toThrow(TypeError);
    expect([countBlocks(), countPages()]).toEqual(before);
  });

  it.each([
    ['Queue', () => new Queue()],
    ['Array', () => new SharedArray('d', 100_000)],
  ])('because the system has no more memory: %s', (_, make) => {
    make()[Symbol.dispose](); // slabs are cut
    const before = [countBlocks(), countPages()];
    vi.spyOn(platform.memory, 'commit').mockImplementation(() => {
      throw new Error('ENOSPC');
    });
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_OUT_OF_MEMORY' }));
    expect([countBlocks(), countPages()]).toEqual(before);
  });
});

describe('queues in queues', () => {
  it('are freed with the outermost, however deep', () => {
    const before = [countBlocks(), countPages()];
    let outermost = new Queue<unknown>();
    for (let depth = 0; depth < 3000; depth++) {
      const outer = new Queue<unknown>();
      outer.putSync([outermost]);
      outermost[Symbol.dispose]();
      outermost = outer;
    }
    expect(countBlocks()).toBe((before[0] as number) + 3001);
    outermost[Symbol.dispose]();
    expect(countBlocks()).toBe(before[0]);
    // slabs stay cut for the next queues
    expect(countPages()).toBeLessThan((before[1] as number) + 40);
  });
});

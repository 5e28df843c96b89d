import { afterEach, describe, expect, it, vi } from 'vitest';
import { connection, Queue } from 'forkful';
import { currentAgent } from '../../src/arena/agent.js';
import { MUTEX_EVENTS } from '../../src/arena/layout.js';
import { currentWaiting } from '../../src/arena/waiting.js';
import { abandonShared, createShared } from '../../src/memory/handle.js';
import { BLOCK_QUEUE, payloadWord } from '../../src/memory/block.js';
import { Reservation } from '../../src/queue/reservation.js';
import {
  initRing,
  PUT_DONE,
  Ring,
  RING_GET_COUNT,
  RING_GET_CURSORS,
  RING_GET_LOCK,
  RING_GETTER,
  RING_PUT_COUNT,
  RING_PUT_CURSORS,
  RING_WORDS,
  TAG_INT,
  TAG_PACKED,
  UNBOUNDED,
} from '../../src/queue/ring.js';
import { handleOf } from '../../src/serialize/passable.js';
import { OtherAgent } from '../fixtures/arena/other-agent.js';
import { withWatchdog } from '../helpers/watchdog.js';

const agent = currentAgent();
const { words } = agent.region;
const made: { offset: number; generation: number }[] = [];

/** The place of a new ring; it is freed after the test. */
function newRing(maxBytes: number): number {
  const handle = createShared(BLOCK_QUEUE, RING_WORDS * 4);
  made.push(handle);
  const at = payloadWord(handle.offset);
  initRing(agent, at, UNBOUNDED, maxBytes);
  return at;
}

/** Leaves the ring as it is after `messages` more integers were put and got. */
function letPass(at: number, messages: number): void {
  for (const [countWord, cursors] of [
    [RING_PUT_COUNT, RING_PUT_CURSORS],
    [RING_GET_COUNT, RING_GET_CURSORS],
  ] as const) {
    const before = words[at + countWord] as number;
    const after = (before + messages) | 0;
    const [from, to] = [before, after].map((count) => at + cursors + ((count & 1) << 2)) as [number, number];
    const [page, position] = [words[from] as number, words[from + 1] as number];
    words[to] = page;
    words[to + 1] = (position + messages * 8) | 0;
    words[at + countWord] = after;
  }
}

afterEach(() => {
  vi.restoreAllMocks();
  for (const handle of made.splice(0)) abandonShared(handle);
});

describe('a ring', () => {
  it.each([2 ** 31 - 1, 2 ** 31, 2 ** 31 + 5, 2 ** 32 - 1])(
    'is empty for a consumer that saw nothing of %s messages put and got',
    (passed) => {
      const at = newRing(2 ** 16);
      const [producer, idle] = [new Ring(agent, at), new Ring(agent, at)];
      producer.put(TAG_INT, 1, 0, null);
      expect(idle.peek()).toBe(true);
      idle.commitGet();
      letPass(at, passed);
      expect([idle.size(), idle.mayHaveItem(), idle.peek()]).toEqual([0, false, false]);
      new Ring(agent, at).put(TAG_INT, 7, 0, null);
      expect([idle.mayHaveItem(), idle.peek(), idle.frame.value]).toEqual([true, true, 7]);
    },
  );

  it('is full for a producer that saw nothing of the last 4 GiB', () => {
    const at = newRing(2 ** 16);
    const [busy, rare, consumer] = [new Ring(agent, at), new Ring(agent, at), new Ring(agent, at)];
    const drain = (): void => {
      while (consumer.peek()) consumer.commitGet();
    };
    rare.put(TAG_INT, 1, 0, null);
    drain();
    const room = 2 ** 14;
    const frameBytes = 4096;
    for (let passed = 8; passed < 2 ** 32 - room; passed += frameBytes) {
      busy.put(TAG_PACKED, 0, frameBytes - 8, null);
      consumer.peek();
      consumer.commitGet();
    }
    const expected: number[] = [];
    const put = (ring: Ring): void => {
      const id = expected.push(expected.length);
      expect(ring.put(TAG_PACKED, id - 1, 24, (frame, word) => frame.fill(id, word, word + 6))).toBe(PUT_DONE);
    };
    for (let message = 0; message < room / 32 - 2; message++) put(busy);
    for (let message = 0; message < 8; message++) put(rare);
    const got: number[] = [];
    for (; consumer.peek(); consumer.commitGet()) got.push(consumer.frame.value);
    expect(got).toEqual(expected);
  });

  it.each([2 ** 30, 2 ** 31 - 4, 2 ** 31, 2 ** 32 - 100, 2 ** 32, 2 ** 33])(
    'refuses a message of %s bytes before writing any of it',
    (bytes) => {
      const ring = new Ring(agent, newRing(2 ** 31));
      const write = vi.fn();
      expect(() => ring.put(TAG_PACKED, 0, bytes, write)).toThrow(RangeError);
      expect(write).not.toHaveBeenCalled();
      expect([ring.size(), ring.put(TAG_INT, 5, 0, null), ring.size()]).toEqual([0, PUT_DONE, 1]);
    },
  );
});

describe('a reservation', () => {
  it('covers all items put for those who wait, until the grace is over', () => {
    const now = vi.spyOn(performance, 'now').mockReturnValue(1000);
    const reservation = new Reservation();
    const earlier = reservation.times;
    for (const count of [5, 6, 7]) reservation.add(count);
    const later = reservation.times;
    expect([4, 5, 6, 7].map((count) => reservation.covers(count, later))).toEqual([false, true, true, true]);
    expect(reservation.covers(6, earlier)).toBe(false);
    now.mockReturnValue(1500);
    expect(reservation.covers(6, later, true)).toBe(true);
    expect([reservation.covers(6, later), reservation.isActive]).toEqual([false, false]);
  });

  it('is over although it is waited for, at last', () => {
    const now = vi.spyOn(performance, 'now').mockReturnValue(1000);
    const reservation = new Reservation();
    reservation.add(5);
    expect(reservation.covers(5, reservation.times, true)).toBe(true);
    now.mockReturnValue(32_000);
    expect([reservation.covers(5, reservation.times, true), reservation.isActive]).toEqual([false, false]);
  });

  it.each([
    [false, 100],
    [true, 30_000],
  ] as const)('has all its grace when whoever made it was away in between; the other one seen to wait: %s', (isAwaited, graceMs) => {
    const now = vi.spyOn(performance, 'now').mockReturnValue(1000);
    const reservation = new Reservation();
    reservation.add(5);
    const looks = [0, graceMs, graceMs + 1].map((ms) => {
      now.mockReturnValue(60_000 + ms);
      return reservation.covers(5, reservation.times, isAwaited);
    });
    expect(looks).toEqual([true, true, false]);
  });

  it('covers items whose counts pass 2^31', () => {
    vi.spyOn(performance, 'now').mockReturnValue(1000);
    const reservation = new Reservation();
    reservation.add(2 ** 31 - 1);
    reservation.add(-(2 ** 31));
    expect([2 ** 31 - 2, 2 ** 31 - 1, -(2 ** 31)].map((count) => reservation.covers(count, reservation.times))).toEqual([
      false,
      true,
      true,
    ]);
  });
});

describe('an item that is left to another agent', () => {
  it('is nothing to connection.wait as long as it is nothing to get', async () => {
    const queue = new Queue<number>();
    const other = await OtherAgent.start();
    words[payloadWord(queue[handleOf]().offset) + RING_GETTER] = other.id; // as if it waited
    const look = (): unknown[] => [connection.waitSync([queue], { timeout: 0 }), queue.tryGet()];
    const now = vi.spyOn(performance, 'now').mockReturnValue(1000);
    queue.putSync(7);
    expect(look()).toEqual([[], undefined]);
    now.mockReturnValue(1500);
    expect(look()).toEqual([[], undefined]);
    now.mockRestore();
    await other.end();
    expect(look()).toEqual([[queue], 7]);
    queue[Symbol.dispose]();
  });
});

describe('a get', () => {
  it('that finds the lock of its side held waits for that lock', async () => {
    const queue = new Queue<number>();
    const at = payloadWord(queue[handleOf]().offset) + RING_GET_LOCK;
    const other = await OtherAgent.start();
    await other.tell('hold', { at });
    queue.putSync(7);
    const got = queue.get();
    expect(currentWaiting().hasAsyncWaiters(at + MUTEX_EVENTS)).toBe(true);
    await other.tell('release', { at });
    expect(await withWatchdog(60_000, () => queue, got)).toBe(7);
    await other.end();
    queue[Symbol.dispose]();
  });
});

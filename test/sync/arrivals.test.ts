/** The records of who has arrived at a Barrier. */
import { describe, expect, it } from 'vitest';
import { currentAgent } from '../../src/arena/agent.js';
import { DIRECTORY_WORDS } from '../../src/memory/annex.js';
import { BLOCK_ANNEX, createBlock, dropHold, payloadWord } from '../../src/memory/block.js';
import { Arrivals } from '../../src/sync/arrivals.js';

function withArrivals(parties: number, test: (arrivals: Arrivals) => void): void {
  currentAgent();
  const { offset } = createBlock(BLOCK_ANNEX, (DIRECTORY_WORDS + 2 * parties) * 4);
  test(new Arrivals(parties, payloadWord(offset) + DIRECTORY_WORDS, payloadWord(offset)));
  dropHold(offset);
}

describe('the arrivals of a barrier', () => {
  it('are counted round by round, without being cleared', () => {
    withArrivals(3, (arrivals) => {
      for (const round of [0, 1, 2, 1_000_000]) {
        expect(arrivals.count(round)).toBe(0);
        expect([1, 2, 3].map(() => arrivals.arrive(round))).toEqual([0, 1, 2]);
        expect(arrivals.arrive(round)).toBe(-1);
        expect(arrivals.count(round)).toBe(3);
        expect(arrivals.hasDead(round)).toBe(false);
      }
    });
  });

  it('of one that was stopped for a round take no place of the next', () => {
    withArrivals(5, (arrivals) => {
      for (let i = 0; i < 5; i++) arrivals.arrive(7);
      for (const place of [0, 1, 2, 3]) {
        expect(arrivals.arrive(8)).toBe(place);
        expect(arrivals.arrive(7)).toBe(-1);
        expect(arrivals.count(8)).toBe(place + 1);
      }
    });
  });

  it('go on when the number of the round begins anew', () => {
    withArrivals(2, (arrivals) => {
      const last = 0x3fffffff;
      expect([arrivals.arrive(last), arrivals.arrive(last)]).toEqual([0, 1]);
      expect([arrivals.arrive(0), arrivals.arrive(last), arrivals.arrive(0)]).toEqual([0, -1, 1]);
    });
  });
});

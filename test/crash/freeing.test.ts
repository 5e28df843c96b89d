import { RawArray } from 'forkful';
import { describe, expect, it } from 'vitest';
import { countPages } from '../../src/memory/pages.js';
import { startVictim } from '../helpers/victims.js';

/** Pages of the array that the victim gives back: what a kill may leak, and only where it is said. */
const RUN_PAGES = Math.ceil((50_000 * 4) / 65_536);

describe('a process is killed while it gives memory back', () => {
  it.each([
    ['block.dropped', 0],
    ['pages.freeing', 0],
    ['block.freeing', RUN_PAGES],
  ])('at %s: others go on, memory is zeroed, at most %s pages are lost', async (step, lost) => {
    new RawArray('i', 10)[Symbol.dispose]();
    const victims = [1, 3];
    const before = countPages();
    for (const times of victims) {
      const victim = await startVictim('memory/giver.mjs', 'giveBack', [], { fault: `${step}:${times}` });
      expect(await victim.join({ timeout: 60_000 })).toBe(true);
      expect(victim.exitCode).toBe(-9);
    }
    // whoever takes the page lock next finishes what the dead began
    const array = new RawArray('i', 50_000);
    expect(array.every((element) => element === 0)).toBe(true);
    array[Symbol.dispose]();
    // slabs that the victims cut stay; a handful at most
    expect(countPages() - before).toBeLessThanOrEqual(lost * victims.length + 4);
  });
});

import { RawArray } from 'forkful';
import { describe, expect, it } from 'vitest';
import { currentAgent, lifeWord, slotBase, sweepDeadAgents } from '../../src/arena/agent.js';
import { HEADER_SLOT_CURSOR, SLOT_BELL } from '../../src/arena/layout.js';
import { currentWaiting } from '../../src/arena/waiting.js';
import { createBlock, dropHold, BLOCK_LOCK, payloadWord } from '../../src/memory/block.js';
import { countPages } from '../../src/memory/pages.js';
import { LIFE_DIED } from '../../src/platform/platform.js';
import { OtherAgent } from '../fixtures/arena/other-agent.js';
import { until } from '../helpers/victims.js';

/** An agent that has ended: its slot is not swept yet. */
async function endedAgent(prepare?: (agent: OtherAgent) => Promise<unknown>): Promise<OtherAgent> {
  const agent = await OtherAgent.start();
  await prepare?.(agent);
  await agent.end();
  const { words } = currentAgent().region;
  const life = lifeWord(agent.id);
  await until(
    () => ((words[life] as number) & LIFE_DIED) !== 0,
    () => `life ${words[life]}`,
  );
  return agent;
}

describe('an agent that enters', () => {
  it('on the slot of one that ended takes that slot and no other, under another id', async () => {
    const { words } = currentAgent().region;
    const former = await endedAgent();
    Atomics.store(words, HEADER_SLOT_CURSOR, former.slot); // as when the cursor has come round
    const next = await OtherAgent.start();
    const cursor = Atomics.load(words, HEADER_SLOT_CURSOR);
    await next.end();
    expect([next.slot, cursor]).toEqual([former.slot, former.slot + 1]);
    expect(next.id).not.toBe(former.id);
  });
});

describe('an agent that has ended', () => {
  it('gives its memory back at the next large allocation of anybody', async () => {
    sweepDeadAgents();
    const pages = countPages();
    await endedAgent((agent) => agent.tell('allocate', { bytes: 8_000_000 }));
    expect(countPages()).toBeGreaterThan(pages + 120);
    const own = new RawArray('B', 2 ** 21);
    expect(own.length).toBe(2 ** 21);
    expect(countPages()).toBeLessThan(pages + 40);
  });

  it('does not keep a notification from one that lives', async () => {
    const { words } = currentAgent().region;
    const { offset } = createBlock(BLOCK_LOCK, 64);
    const events = payloadWord(offset);
    const dead = await endedAgent();
    const living = await OtherAgent.start();
    const deadBit = 1 << (dead.slot & 15);
    const livingBit = 1 << (living.slot & 15);
    expect(livingBit).not.toBe(deadBit);
    await living.tell('wait', { at: events });
    const bell = slotBase(living.slot) + SLOT_BELL;
    for (let round = 0; round < 16; round++) {
      const dump = () => `flags ${words[events]?.toString(16)}`;
      await until(() => (Atomics.load(words, events) & livingBit) !== 0, dump);
      Atomics.or(words, events, deadBit);
      const rung = Atomics.load(words, bell);
      currentWaiting().notifyOne(events);
      expect(Atomics.load(words, bell)).not.toBe(rung);
    }
    await living.end();
    dropHold(offset);
  });
});

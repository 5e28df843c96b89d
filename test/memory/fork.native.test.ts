/** Shared objects across fork(2), beneath Process: what a forked child may do with its parent's objects, and what either of them leaves behind. */
import { describe, expect, it } from 'vitest';
import { loadAddon } from '../../src/platform/addon.js';
import { backend } from '../helpers/backends.js';
import { runChild } from '../helpers/watchdog.js';

const loaded = loadAddon();
const canFork = backend === 'native' && 'addon' in loaded && 'forkEnable' in loaded.addon;
const skipped = { skip: true, meta: { skipReason: 'needs an addon that can fork' } };

async function scenario(name: string, argument = '', env: Record<string, string> = {}): Promise<Record<string, unknown>> {
  const { stdout, stderr, exitCode } = await runChild('memory/fork.mjs', { args: [name, argument], execArgv: ['--expose-gc'], env });
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
  return JSON.parse(stdout);
}

describe('a forked child', canFork ? {} : skipped, () => {
  it('uses the objects that its parent made, as an agent of its own', async () => {
    expect(await scenario('sync')).toEqual({
      report: { ok: true, sameAgent: false, isFree: true, sum: 16, got: 'hello', last: 6 },
      isSame: true,
      value: 2,
      first: 11,
      last: 6,
      ends: [0],
    });
  });

  it('waits by promises beside those that its parent has waiting', async () => {
    expect(await scenario('promises')).toEqual({
      first: { ok: true, couldTake: false },
      acquired: true,
      second: { acquired: true, item: 'item' },
      items: [0, 1, 2],
      log: ['put'],
      ends: [0],
      value: 101,
      isFree: true,
    });
  });

  it('need not leave an item to the one for whom its parent put it', async () => {
    expect(await scenario('reserved')).toEqual({ isHeldBack: true, got: 'for the first', ends: [0, 0] });
  });

  it('counts those who wait for a lock anew: none of them here is no heir', async () => {
    expect(await scenario('heir')).toEqual({ childGot: false, acquired: true, ends: [0] });
  });

  it('does not own what its parent has locked, and is told when that ends', async () => {
    const { heldAfter, told, free } = await scenario('owner');
    expect({ heldAfter, free }).toEqual({ heldAfter: true, free: true });
    expect(told).toEqual({ code: 'ERR_FORKFUL_OWNER_DIED' });
  });

  it('has them although the parent let go of all before the child was anybody', async () => {
    expect(await scenario('dropped')).toEqual({
      putOff: 8,
      isAtOnce: true,
      report: { ok: true, isFree: true, sum: 16, got: 'early', last: 6, blocks: 8 },
      whileAlive: 0,
      ends: [0],
      left: [0, 0],
    });
  });

  it('may itself fork', async () => {
    expect(await scenario('nested')).toEqual({ distinct: 3, ends: [0], own: 8, value: 8, outer: [0] });
  });

  it('leaves nothing behind, however many there are', async () => {
    expect(await scenario('many')).toEqual({ ends: [0, 0, 0, 0], value: 25, left: [0, 0] });
  });

  it('of a parent that has no shared memory has none', async () => {
    expect(await scenario('noRegion')).toEqual({ nothing: true, ends: [0] });
  });
});

describe('a forked child killed on its way into the family', canFork ? {} : skipped, () => {
  const steps = ['entered:1', 'marked:1', 'marked:4', 'held:1', 'held:8', 'told:1'];
  it.each(steps.flatMap((step) => ['keeps', 'drops'].map((what) => [step, what] as const)))(
    'at inherit.%s leaves nothing behind, when its parent %s what it has',
    async (step, what) => {
      expect(await scenario('killed', what, { FORKFUL_FAULT: `inherit.${step}` })).toEqual({ ends: [9], left: [0, 0] });
    },
  );
});

describe('a child of a process that runs nothing while it has children to fork', canFork ? {} : skipped, () => {
  it('holds what that process holds', async () => {
    expect(await scenario('server', 'lives')).toEqual({ told: 4, ends: [0] });
  });

  it('holds it although that process has died', async () => {
    expect(await scenario('server', 'dead')).toEqual({ told: 4, blocks: 1 });
  });

  it('notices when it has died and what it had is freed', async () => {
    expect(await scenario('server', 'swept')).toEqual({ told: 'gone', blocks: 1 });
  });
});

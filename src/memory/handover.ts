/**
 * The fork of a process that goes on: its child is to hold what it holds, but can say so only when it runs, some time after the fork; and meanwhile
 * the parent may let go of anything. So a parent *puts off* letting go: what it drops while a forked child has not taken its own holds yet stays
 * held until that child has, or has ended. Nothing is written before the fork, and a kill of either process at any instruction leaks nothing: all
 * holds are bits of living agents.
 *
 * The child says that it is done in its own slot, where it stays as long as the child lives. The parent looks there when it has put something off:
 * at once, then now and then.
 */
import { agentIfAny, currentAgent, onForked, slotBase } from '../arena/agent.js';
import { SLOT_HANDOVER, SLOT_HEIR_OF, SLOTS } from '../arena/layout.js';
import { load } from '../arena/words.js';
import { fault } from '../util/fault.js';
import { dropHold } from './block.js';

const FIRST_LOOK_MS = 5;
const LAST_LOOK_MS = 1000;

/** Hand-overs begun by this agent whose child may still have to take its holds, by number: first begun, first listed. */
const open = new Map<number, Handover>();
/** Blocks that nothing stands for any more, and the last hand-over begun before that: in the order of these. */
const putOff = new Map<number, number>();
let begun = 0;
let lookMs = FIRST_LOOK_MS;
let nextLook = 0;
let timer: NodeJS.Timeout | undefined;

/** What a parent hands over to one forked child: made right before the fork, with nothing of forkful in between. */
export class Handover {
  /** 0: the parent has nothing, so there is nothing to take: such a child would never say that it has. */
  readonly number: number = 0;
  /** The parent's agent. */
  readonly from: number = 0;

  /** `hasObjects`: whether any object of the parent stands for a block. */
  constructor(hasObjects: boolean) {
    const agent = agentIfAny();
    if (agent === undefined || !hasObjects) return;
    this.number = begun = (begun + 1) | 0;
    this.from = agent.id;
    open.set(this.number, this);
  }

  /** The parent: the child has ended, or there was no fork. Idempotent; does nothing in a child. */
  settle(): void {
    if (open.get(this.number) !== this) return;
    open.delete(this.number);
    if (putOff.size > 0) dropWhatMayGo();
  }

  /** The child: it holds all that it will ever hold of its parent's. */
  complete(): void {
    if (this.number === 0) return;
    const { region, base } = currentAgent();
    region.words[base + SLOT_HANDOVER] = this.number;
    Atomics.store(region.words, base + SLOT_HEIR_OF, this.from); // last: it says that there is one
    if (fault !== null) fault('inherit.told');
  }
}

/** The agent has got hold of a block. Returns what `letGo` is to be told: children forked before that do not know the block, unless it is held for them still. */
export function holdSince(offset: number): number {
  return putOff.delete(offset) ? 0 : begun;
}

/** The agent lets go of a block: now, or, if a forked child may still be about to take it over, when that has happened. */
export function letGo(offset: number, since: number): void {
  if (open.size === 0 || since === begun) {
    dropHold(offset);
    return;
  }
  putOff.set(offset, begun);
  if (performance.now() >= nextLook) lookAtHeirs();
}

/** Whether this agent holds anything for forked children only. */
export function hasPutOff(): boolean {
  return putOff.size > 0;
}

/** Looks now whether it must still: for a thread that waits for the block to be let go of, and may be blocked. */
export function dropPutOff(): void {
  if (putOff.size > 0) lookAtHeirs();
}

/** Which of the children have taken their holds? Then drops what none of the others can want. */
function lookAtHeirs(): void {
  const { region, id } = currentAgent();
  const { words } = region;
  for (let slot = 0; slot < SLOTS; slot++) {
    const base = slotBase(slot);
    // its holds were taken before this was stored, so what we drop after this load they keep
    if (load(words, base + SLOT_HEIR_OF) !== id) continue;
    const number = Atomics.load(words, base + SLOT_HANDOVER);
    // one that was done is done, also when it has ended since; but the slot may just be becoming another's
    if (Atomics.load(words, base + SLOT_HEIR_OF) === id) open.delete(number);
  }
  dropWhatMayGo();
}

function dropWhatMayGo(): void {
  for (const [offset, number] of putOff) {
    const [oldest] = open.keys();
    if (oldest !== undefined && ((number - oldest) | 0) >= 0) break;
    putOff.delete(offset);
    dropHold(offset);
  }
  clearTimeout(timer);
  timer = undefined;
  if (putOff.size === 0) {
    lookMs = FIRST_LOOK_MS;
    nextLook = 0;
    return;
  }
  nextLook = performance.now() + lookMs;
  timer = setTimeout(lookAtHeirs, lookMs).unref();
  lookMs = Math.min(lookMs * 2, LAST_LOOK_MS);
}

/** The parent's hand-overs are the parent's, and so are the holds that it keeps up for them only. */
onForked(() => {
  open.clear();
  putOff.clear();
  clearTimeout(timer);
  timer = undefined;
  lookMs = FIRST_LOOK_MS;
  nextLook = 0;
});

/**
 * What a child of fork(2) does before anything else: it is a copy of its parent, with the parent's objects, and becomes an agent of its own that has
 * them rightfully. Two kinds of parent: one that goes on, whose `Handover` keeps for the child what it lets go of meanwhile; and one that runs no
 * JavaScript while it has children to fork (a fork server), which lets go of nothing, and needs none.
 */
import { becomeForkedAgent, postponeForkedAgent } from '../arena/agent.js';
import { fault } from '../util/fault.js';
import type { Handover } from './handover.js';
import { hasLocals, inheritHolds } from './handle.js';

/**
 * Makes this forked child a member of the family in its own right: an agent with a slot, then nothing of what the parent promised and waits for, then
 * holds of its own on the parent's blocks. One that has inherited no shared object puts all of it off until it needs it. `handover` is the one that the parent made right before this fork; null for the child of a parent that runs
 * no JavaScript. Does nothing where the parent never used shared memory.
 *
 * False: the parent has ended, and what only it held was freed before this child could take it; the process must end without touching anything shared.
 * REQUIRES: `process.pid` is the child's own; once per fork, before anything else of forkful. @throws OutOfMemoryError when no slot is free
 */
export function afterFork(handover: Handover | null): boolean {
  if (!hasLocals()) {
    postponeForkedAgent();
    return true;
  }
  if (becomeForkedAgent() === 0) return true;
  if (fault !== null) fault('inherit.entered');
  if (!inheritHolds()) return false;
  handover?.complete();
  return true;
}

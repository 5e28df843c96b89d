/** What the child of a fork does first, before any code of the user's runs in it. */
import { writeSync } from 'node:fs';
import { afterFork } from '../../memory/after-fork.js';
import type { Handover } from '../../memory/handover.js';
import { platform } from '../../platform/select.js';
import { forgetPermitQueues } from '../../sync/permit-queue.js';
import { STDERR } from '../direct-output.js';
import { forgetChildren } from '../exit.js';
import { forgetServers } from '../fork-server/servers.js';
import { endWhenDrained } from './end-when-drained.js';
import { renewEntropy, seedEntropy } from './entropy.js';
import { exitDirectly, inheritRequests } from './exit-directly.js';
import { type Creator, correctFacts } from './facts.js';
import { inspectOnSignal } from './inspect-on-signal.js';
import { forgetWorkers } from './living-workers.js';
import { dropParentsLoop } from './parents-loop.js';

/** As the exit code of a child whose end nobody saw: its parent died before it could take over what they share. */
const ORPHANED_AT_BIRTH = 255;

/** Of a process that forked itself, in the immediate `running`. */
export function becomeCopy(running: NodeJS.Immediate, handover: Handover): void {
  orDie(() => {
    correctFacts();
    dropParentsLoop(running);
    forgetServers();
    forgetChildren();
    forgetWorkers();
    forgetPermitQueues();
    renewEntropy();
    mustExitDirectly();
    joinFamily(handover);
    if (inheritRequests() > 0) endWhenDrained();
    inspectOnSignal();
  });
}

/** Of a fork server, which has done beforehand what is the same for all its children. `creator` is who asked for it. */
export function becomeServedChild(creator: Creator, seed: number): void {
  orDie(() => {
    seedEntropy(seed);
    assumeRole(creator);
  });
}

/** The part that can be rehearsed in the server. */
export function assumeRole(creator: Creator): void {
  correctFacts(creator);
  forgetChildren();
  forgetWorkers();
  forgetPermitQueues();
  joinFamily(null);
}

function joinFamily(handover: Handover | null): void {
  if (!afterFork(handover)) platform.forking?.exitNow(ORPHANED_AT_BIRTH);
}

function mustExitDirectly(): void {
  const reason = exitDirectly();
  if (reason !== undefined) throw new Error(`this forked process could not end: ${reason}`);
}

/** A child that cannot become what it is to be must not go on as its parent. */
function orDie(steps: () => void): void {
  try {
    steps();
  } catch (error) {
    try {
      writeSync(STDERR, `Process ${process.pid} could not be set up after its fork: ${(error as Error).stack}\n`);
    } finally {
      platform.forking?.exitNow(1);
    }
  }
}

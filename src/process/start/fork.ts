/**
 * Start method `fork`: a copy of this very process, made by `fork(2)`. Closures and all state are inherited, copy-on-write; nothing is encoded. What
 * the event loop of this process was waiting for is dropped in the child.
 */
import { platform } from '../../platform/select.js';
import { ChildLife } from '../child-life.js';
import { redirectOutput } from '../direct-output.js';
import { forkProcess } from '../forked/fork.js';
import { dieWith } from './die-with.js';
import { ForkedChild } from './forked-child.js';
import type { Launch, Launcher } from './launcher.js';

export const forkLauncher: Launcher = {
  method: 'fork',
  className: 'ForkProcess',
  copies: true,
  isDiscreet: false,
  isAvailable: () => platform.forking !== null && process.platform === 'linux',
  async launch(launch, onExit) {
    const parentPid = process.pid;
    const forked = await forkProcess();
    if (forked.pid === 0) return runCopy(launch, parentPid);
    return new ForkedChild(forked.pid, () => forked.settle(), onExit);
  },
};

/** In the child. Whoever waits for the launch waits in the parent; here that never ends. */
function runCopy(launch: Launch, parentPid: number): Promise<never> {
  if (launch.daemon) dieWith(parentPid);
  redirectOutput();
  process.title = launch.name;
  const life = new ChildLife();
  life.name = launch.name;
  life.watch(launch.continueInCopy());
  return new Promise(() => {});
}

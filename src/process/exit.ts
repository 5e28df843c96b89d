/**
 * What becomes of children at this process's exit: daemons are ended, all others are waited for. As CPython's `_exit_function`.
 *
 * A program that has nothing left to do but to wait for children waits on its event loop; one that ends by `process.exit()` or an uncaught error
 * blocks. One that is killed by a signal waits for nobody; its daemons end with it, by the kernel.
 */
import { isMainThread } from 'node:worker_threads';
import { beforeHolding } from '../memory/holders.js';
import { getLogger } from '../util/log.js';
import type { ChildRecord } from './child-record.js';
import { isMainProcess } from './current.js';

/** From SIGTERM to SIGKILL, for all daemons together. */
const GRACE_MS = 1000;

const children = new Set<ChildRecord>();
/** Done when no child is left. */
const lastSteps: (() => void)[] = [];
let isInstalled = false;
let isExitLogged = false;

// now, so that it is said before anything is done about it; children say it by logExit
if (isMainProcess && isMainThread) process.on('exit', () => getLogger().info('process shutting down'));

/** Children of this process that are not known to have ended, in the order of their start. */
export function livingChildren(): ChildRecord[] {
  return [...children].filter((record) => record.look() === null);
}

beforeHolding(() => {
  for (const record of children) record.letGoIfEnded();
});

export function addChild(record: ChildRecord): void {
  children.add(record);
  install();
}

/** At this thread's exit, when its children have been dealt with. */
export function afterChildren(step: () => void): void {
  lastSteps.push(step);
  install();
}

function install(): void {
  if (isInstalled) return;
  isInstalled = true;
  process.on('beforeExit', windUp);
  process.on('exit', endChildren);
}

/** In a forked child: they are its parent's children, and so was the listener. */
export function forgetChildren(): void {
  children.clear();
  lastSteps.length = 0;
  isInstalled = false;
  isExitLogged = false;
}

export function removeChild(record: ChildRecord): void {
  children.delete(record);
}

/**
 * Nothing is left to do. Until then children kept the event loop alive only if somebody joined them, or this moment would come after their end, and
 * that of daemons with it. The loop runs on for the others, and ends a second time.
 */
function windUp(): void {
  const living = livingChildren();
  const others = living.filter(({ daemon }) => !daemon);
  if (others.length === 0) return;
  for (const record of living) if (record.daemon) record.send('SIGTERM');
  for (const record of others) record.outlast();
}

/** In a child: that it ends, and how. Once. */
export function logExit(exitCode: number): void {
  if (isExitLogged) return;
  isExitLogged = true;
  getLogger().info('process exiting with exitcode %d', exitCode);
  getLogger().info('process shutting down');
}

function endChildren(): void {
  const living = livingChildren();
  const daemons = living.filter(({ daemon, child }) => daemon && child?.endsWithParent === false);
  for (const daemon of daemons) {
    getLogger().info('calling terminate() for daemon %s', daemon.name);
    daemon.send('SIGTERM');
  }
  const deadline = performance.now() + GRACE_MS;
  for (const daemon of daemons) {
    getLogger().info('calling join() for process %s', daemon.name);
    if (daemon.joinSync(deadline)) continue;
    getLogger().subWarning('daemon %s has not ended %d ms after SIGTERM: killing it', daemon.name, GRACE_MS);
    daemon.send('SIGKILL');
    daemon.joinSync(performance.now() + GRACE_MS);
  }
  for (const record of living) {
    if (record.daemon) continue;
    getLogger().info('calling join() for process %s', record.name);
    record.joinSync(Number.POSITIVE_INFINITY);
  }
  for (const step of lastSteps) step();
}

/**
 * The event loop of a process that was forked in the middle of its life: everything that the parent waits for is the parent's. The child drops its
 * copies, so that no timer fires twice and no byte of the parent's sockets is read by the wrong process.
 */
import { createReadStream, type ReadStream } from 'node:fs';
import { platform } from '../../platform/select.js';
import { readScopeVariables } from './scope-variables.js';

const STDIN = 0;

/** Node's own listeners: for warnings, and for turning signal listeners into signal handlers. */
const KEPT = new Set<string | symbol>(['newListener', 'removeListener', 'warning']);

interface TimerList {
  _idlePrev?: (NodeJS.Timeout & TimerList) | null;
}

interface LinkedImmediate extends NodeJS.Immediate {
  _idleNext?: LinkedImmediate | null;
}

/** Node's timers, a circular list for each duration, and its immediates; there is no other way to all of them. */
let timerLists: Readonly<Record<string, TimerList>> | undefined;
let immediateQueue: { readonly head: NodeJS.Immediate | null } | undefined;

/** In the parent, before its first fork: finds out where Node keeps its timers. About 4 ms. @throws Error where Node has no inspector, or hides them */
export function findTimers(): void {
  if (immediateQueue !== undefined) return;
  const found = { ...readScopeVariables(clearTimeout, ['timerListMap']), ...readScopeVariables(clearImmediate, ['immediateQueue']) };
  if (found.timerListMap === undefined || found.immediateQueue === undefined)
    throw new Error("Node's timers are not where they were in Node 20 to 26");
  timerLists = found.timerListMap as Readonly<Record<string, TimerList>>;
  immediateQueue = found.immediateQueue as { readonly head: NodeJS.Immediate | null };
  // what this loads and compiles, no child has to
  const event = Symbol('forkful.rehearsal');
  process.on(event, () => {}).removeAllListeners(event);
}

/** In the child, from an immediate, `running`. */
export function dropParentsLoop(running: NodeJS.Immediate): void {
  platform.forking?.quellHandles();
  renewStdin();
  clearTimers();
  clearImmediates(running);
  for (const event of process.eventNames()) if (!KEPT.has(event)) process.removeAllListeners(event);
  if (process.hasUncaughtExceptionCaptureCallback()) process.setUncaughtExceptionCaptureCallback(null);
  if (process.connected) hideChannel();
}

/** The stream that the parent may have made of its stdin reads from there; descriptor 0 is empty by now. */
function renewStdin(): void {
  let stream: ReadStream | undefined;
  const get = (): ReadStream => {
    stream ??= createReadStream('', { fd: STDIN, autoClose: false });
    return stream;
  };
  Object.defineProperty(process, 'stdin', { get, enumerable: true, configurable: true });
}

/** Also in a child of a fork server, where preloaded modules may have begun some: they would run in each child, and keep it from ending. */
export function clearTimers(): void {
  for (const list of Object.values(timerLists ?? {})) {
    for (let timer = list._idlePrev; timer && timer !== list && timer !== timer._idlePrev; timer = list._idlePrev) clearTimeout(timer);
  }
}

/** Those of this turn of the loop follow the running one, the others are in the queue. */
function clearImmediates(running: LinkedImmediate): void {
  while (running._idleNext) clearImmediate(running._idleNext);
  for (let next = immediateQueue?.head; next; next = immediateQueue?.head) clearImmediate(next);
}

/** The channel to the parent's parent is the parent's. */
function hideChannel(): void {
  for (const name of ['send', 'disconnect', 'channel'] as const)
    Object.defineProperty(process, name, { value: undefined, configurable: true, writable: true });
  Object.defineProperty(process, 'connected', { value: false, configurable: true, writable: true });
}

/**
 * The event loop of a process that was forked in the middle of its life: everything that the parent waits for is the parent's. The child drops its
 * copies, so that no timer fires twice and no byte of the parent's sockets is read by the wrong process.
 */
import { Session } from 'node:inspector';
import { platform } from '../../platform/select.js';

/** Node's own listeners: for warnings, and for turning signal listeners into signal handlers. */
const KEPT = new Set<string | symbol>(['newListener', 'removeListener', 'warning']);

interface TimerList {
  _idlePrev?: (NodeJS.Timeout & TimerList) | null;
}

interface LinkedImmediate extends NodeJS.Immediate {
  _idlePrev?: LinkedImmediate | null;
  _idleNext?: LinkedImmediate | null;
}

/** Node's timers, a circular list for each duration; there is no other way to all of them. */
let timerLists: Readonly<Record<string, TimerList>> | undefined;

/** In the parent, before its first fork: finds out where Node keeps its timers. About 4 ms. @throws Error where Node has no inspector, or hides them */
export function findTimers(): void {
  timerLists ??= readScopeVariable(clearTimeout, 'timerListMap') as typeof timerLists;
}

/** In the child, from an immediate, `running`. */
export function dropParentsLoop(running: NodeJS.Immediate): void {
  platform.forking?.quellHandles();
  clearTimers();
  clearImmediates(running);
  for (const event of process.eventNames()) if (!KEPT.has(event)) process.removeAllListeners(event);
  if (process.hasUncaughtExceptionCaptureCallback()) process.setUncaughtExceptionCaptureCallback(null);
  if (process.connected) hideChannel();
}

/** Also in a child of a fork server, where preloaded modules may have begun some: they would run in each child, and keep it from ending. */
export function clearTimers(): void {
  for (const list of Object.values(timerLists ?? {})) {
    for (let timer = list._idlePrev; timer && timer !== list && timer !== timer._idlePrev; timer = list._idlePrev) clearTimeout(timer);
  }
}

/** Those of this turn of the loop follow the running one, those of the next precede any new one. */
function clearImmediates(running: LinkedImmediate): void {
  while (running._idleNext) clearImmediate(running._idleNext);
  const newest: LinkedImmediate = setImmediate(() => {});
  while (newest._idlePrev) clearImmediate(newest._idlePrev);
  clearImmediate(newest);
}

/** The channel to the parent's parent is the parent's. */
function hideChannel(): void {
  for (const name of ['send', 'disconnect', 'channel'] as const)
    Object.defineProperty(process, name, { value: undefined, configurable: true, writable: true });
  Object.defineProperty(process, 'connected', { value: false, configurable: true, writable: true });
}

/** A variable that a function of Node's closes over, as a debugger would see it. */
function readScopeVariable(fn: object, name: string): unknown {
  const session = new Session();
  session.connect();
  const global = globalThis as { __forkful_probe__?: { fn: object; found?: unknown } };
  const box: { fn: object; found?: unknown } = { fn };
  Object.defineProperty(global, '__forkful_probe__', { value: box, configurable: true });
  try {
    const ask = <R>(method: string, parameters: object): R => {
      let answer: R | undefined;
      let failure: Error | null = null;
      session.post(method, parameters, (error, result) => {
        failure = error;
        answer = result as R;
      });
      if (failure !== null) throw failure;
      return answer as R;
    };
    type Remote = { objectId: string };
    type Properties = { result: { name: string; value?: Remote }[]; internalProperties?: { name: string; value?: Remote }[] };
    const evaluate = (expression: string): string => ask<{ result: Remote }>('Runtime.evaluate', { expression }).result.objectId;
    const propertiesOf = (objectId: string): Properties => ask('Runtime.getProperties', { objectId, ownProperties: true });
    const scopes = propertiesOf(evaluate('__forkful_probe__.fn')).internalProperties?.find((one) => one.name === '[[Scopes]]')?.value;
    for (const { value: scope } of scopes === undefined ? [] : propertiesOf(scopes.objectId).result) {
      if (scope?.objectId === undefined) continue;
      const variable = propertiesOf(scope.objectId).result.find((one) => one.name === name)?.value;
      if (variable?.objectId === undefined) continue;
      ask('Runtime.callFunctionOn', {
        functionDeclaration: 'function (found) { this.found = found; }',
        objectId: evaluate('__forkful_probe__'),
        arguments: [{ objectId: variable.objectId }],
      });
      return box.found;
    }
    throw new Error(`Node's ${name} is not where it was in Node 20 to 26`);
  } finally {
    session.disconnect();
    delete global.__forkful_probe__;
  }
}

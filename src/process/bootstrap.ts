/** What a child does with what it is told: joins the region, becomes the process it is to be, runs. */
import { inspect } from 'node:util';
import { isMainThread } from 'node:worker_threads';
import { currentAgent } from '../arena/agent.js';
import { joinRegion } from '../arena/region.js';
import { platform } from '../platform/select.js';
import { becomeSelf, self, setBootstrapping, type Ticket } from './current.js';
import { redirectOutput, STDERR, writeFully } from './direct-output.js';
import { setCurrentProcess } from './family.js';
import { importFunction, targetError } from './function-ref.js';
import { callArgs } from './options.js';
import { type Preparation, readPreparation } from './preparation.js';
import { embody, Process } from './process.js';
import { AGENT, CODE, ENDED, STATE } from './start/thread-status.js';
import { setStartMethod } from './start-method.js';

/** As Node's own, for a main module whose top-level await never ends. */
const NEVER_SETTLED = 13;

/** Runs what the ticket says. Returns at once; an error of the target ends the process as an uncaught one. */
export function bootstrap(ticket: Ticket): void {
  let name = ticket.name;
  let isDone = false;
  dieWith(ticket.dieWith);
  redirectOutput();
  reportUncaught(() => name);
  watchExit(ticket, (isDrained) => {
    if (!isDrained || isDone) return false;
    report(`Process ${name}: its target returned a promise that never settles, and nothing is left to wait for\n`);
    return true;
  });
  if (ticket.region !== undefined) joinRegion({ kind: 'descriptor', ...ticket.region });
  if (ticket.status !== undefined) Atomics.store(ticket.status, AGENT, currentAgent().id);
  const { preparation, takeInputs } = readPreparation(ticket.queue);
  become(preparation);
  name = self().name;
  runTarget(ticket, takeInputs).then(
    () => {
      isDone = true;
    },
    (error: unknown) => {
      isDone = true;
      // as if it had been thrown outside of any promise: whatever Node was told about rejections, it ends the process
      process.nextTick(() => {
        throw error;
      });
    },
  );
}

async function runTarget(ticket: Ticket, takeInputs: ReturnType<typeof readPreparation>['takeInputs']): Promise<void> {
  setBootstrapping(true);
  const processClass = ticket.processClass === null ? Process : await importFunction(ticket.processClass);
  if (!isProcessClass(processClass))
    throw targetError(`${ticket.processClass?.name}, exported from ${ticket.processClass?.module}, is not a subclass of Process`);
  const target = ticket.target === null ? undefined : await importFunction(ticket.target);
  setBootstrapping(false);
  const { args, kwargs, properties } = takeInputs();
  const instance = Object.create(processClass.prototype) as Process;
  embody(instance, { ...(target === undefined ? undefined : { target: target as () => unknown }), args, kwargs });
  for (const [key, value] of Object.entries(properties ?? {}))
    Object.defineProperty(instance, key, { value, writable: true, enumerable: true, configurable: true });
  setCurrentProcess(instance);
  await instance.run(...callArgs(args, kwargs));
}

function become({ self: facts, authkey, argv, startMethod }: Preparation): void {
  becomeSelf(facts, authkey);
  process.argv.splice(0, process.argv.length, ...argv);
  if (isMainThread) process.title = facts.name;
  if (startMethod !== null) setStartMethod(startMethod, { force: true });
}

/** A daemon's life is bound to its parent's by the kernel: nobody else is left to end it when the parent is killed. */
function dieWith(parentPid: number): void {
  if (parentPid === 0 || !isMainThread || platform.processes.dieWithParent(parentPid)) return;
  if (process.ppid !== parentPid) process.kill(process.pid, 'SIGKILL'); // the parent ended before the request
}

/** An uncaught error is headed by the process's name. Node prints that of a process; that of a thread would go to the parent, so it is printed here. */
function reportUncaught(nameOf: () => string): void {
  process.on('uncaughtExceptionMonitor', (error: unknown) => {
    if (process.listenerCount('uncaughtException') > 0 || process.hasUncaughtExceptionCaptureCallback()) return;
    report(`Process ${nameOf()}:\n${isMainThread ? '' : `${inspect(error)}\n`}`);
  });
}

/** `isUnsettled` is asked at the exit: whether the loop ran dry before the target was done. */
function watchExit({ status }: Ticket, isUnsettled: (isDrained: boolean) => boolean): void {
  let isDrained = false;
  process.on('beforeExit', () => {
    isDrained = true;
    // somebody else's listener may give the loop more to do
    setImmediate(() => {
      isDrained = false;
    }).unref();
  });
  process.on('exit', (code) => {
    const unsettled = code === 0 && isUnsettled(isDrained);
    if (unsettled) process.exitCode = NEVER_SETTLED;
    if (status === undefined) return;
    Atomics.store(status, CODE, unsettled ? NEVER_SETTLED : code);
    Atomics.store(status, STATE, ENDED);
    Atomics.notify(status, STATE);
  });
}

function isProcessClass(value: unknown): value is typeof Process {
  return value === Process || (typeof value === 'function' && value.prototype instanceof Process);
}

/** At once, since the process may end before a stream is written. */
function report(text: string): void {
  try {
    writeFully(STDERR, Buffer.from(text));
  } catch {
    // nobody reads it
  }
}

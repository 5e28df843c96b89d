/** What a child does with what it is told: joins the region, becomes the process it is to be, runs. */
import { isMainThread } from 'node:worker_threads';
import { currentAgent } from '../arena/agent.js';
import { joinRegion } from '../arena/region.js';
import type { Handle } from '../memory/handle.js';
import { actionsImported } from '../sync/barrier-action.js';
import { getLogger, applyLogSettings } from '../util/log.js';
import { ChildLife } from './child-life.js';
import { becomeSelf, self, setBootstrapping, type Ticket } from './current.js';
import { redirectOutput } from './direct-output.js';
import { importFunction, targetError } from './function-ref.js';
import { callArgs } from './options.js';
import { type Preparation, readPreparation, readTold } from './preparation.js';
import { embody, Process } from './process.js';
import { dieWith } from './start/die-with.js';
import { AGENT, ALL_LOADED, CODE, ENDED, ENDING, LOADED, OURS_LOADED, STATE } from './start/thread-status.js';
import { setStartMethod } from './start-method.js';
import { takeOn } from './surroundings.js';

/** What a child that starts afresh does. Returns at once; an error of the target ends the process as an uncaught one. */
export function bootstrap(ticket: Ticket): void {
  if (ticket.dieWith !== 0 && isMainThread) dieWith(ticket.dieWith);
  redirectOutput();
  if (ticket.region !== undefined) joinRegion({ kind: 'descriptor', ...ticket.region });
  if (ticket.status !== undefined) {
    Atomics.store(ticket.status, AGENT, currentAgent().id);
    tellLoaded(ticket.status, OURS_LOADED);
  }
  void runTicket(ticket, new ChildLife());
}

/** Runs what the ticket says, in a process or thread that has joined the region. */
export function runTicket(ticket: Ticket, life: ChildLife): Promise<void> {
  const { status } = ticket;
  life.name = ticket.name;
  if (status !== undefined) life.onExit = (code) => tellParent(status, code);
  const { preparation, takeInputs } = ticket.told === undefined ? readPreparation(ticket.queue as Handle) : readTold(ticket.told);
  become(preparation);
  life.name = self().name;
  const outcome = runTarget(ticket, takeInputs);
  life.watch(outcome);
  return outcome;
}

async function runTarget(ticket: Ticket, takeInputs: ReturnType<typeof readPreparation>['takeInputs']): Promise<void> {
  setBootstrapping(true);
  const processClass = ticket.processClass === null ? Process : await importFunction(ticket.processClass);
  if (!isProcessClass(processClass))
    throw targetError(`${ticket.processClass?.name}, exported from ${ticket.processClass?.module}, is not a subclass of Process`);
  const target = ticket.target === null ? undefined : await importFunction(ticket.target);
  setBootstrapping(false);
  const { args, kwargs, properties } = takeInputs();
  await actionsImported();
  const instance = Object.create(processClass.prototype) as Process;
  embody(instance, { ...(target === undefined ? undefined : { target: target as () => unknown }), args, kwargs });
  for (const [key, value] of Object.entries(properties ?? {}))
    Object.defineProperty(instance, key, { value, writable: true, enumerable: true, configurable: true });
  if (ticket.status !== undefined) {
    tellLoaded(ticket.status, ALL_LOADED);
    Atomics.wait(ticket.status, ENDING, 1); // it is to end: until it does
  }
  getLogger().info('child process calling self.run()');
  await instance.run(...callArgs(args, kwargs));
}

function become({ self: facts, authkey, argv, startMethod, surroundings, log }: Preparation): void {
  becomeSelf(facts, authkey);
  applyLogSettings(log);
  if (argv.length !== process.argv.length || argv.some((one, index) => one !== process.argv[index]))
    process.argv.splice(0, process.argv.length, ...argv);
  if (surroundings !== undefined) takeOn(surroundings);
  if (isMainThread) process.title = facts.name;
  if (startMethod !== null) setStartMethod(startMethod, { force: true });
}

function tellLoaded(status: Int32Array, stage: number): void {
  Atomics.store(status, LOADED, stage);
  Atomics.notify(status, LOADED);
}

function tellParent(status: Int32Array, code: number): void {
  Atomics.store(status, CODE, code);
  Atomics.store(status, STATE, ENDED);
  Atomics.notify(status, STATE);
}

function isProcessClass(value: unknown): value is typeof Process {
  return value === Process || (typeof value === 'function' && value.prototype instanceof Process);
}

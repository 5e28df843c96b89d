/**
 * What a fork server does once so that its children need not: load what programs use of Node, and go through a child's start, so that the functions on
 * that path are compiled. A child that is the first to import `node:fs` spends 17 ms on it.
 */
import { stat } from 'node:fs/promises';
import { Session } from 'node:inspector/promises';
import { currentAgent, isDead } from '../../arena/agent.js';
import { Queue } from '../../queue/queue.js';
import { handleOf } from '../../serialize/passable.js';
import { logSettings } from '../../util/log.js';
import { runTicket } from '../bootstrap.js';
import { ChildLife } from '../child-life.js';
import { becomeSelf, type Self, self, type Ticket } from '../current.js';
import { assumeRole } from '../forked/become.js';
import { guardRandom, seedEntropy } from '../forked/entropy.js';
import { rehearseExit } from '../forked/exit-directly.js';
import type { Creator } from '../forked/facts.js';
import { tell, writePreparation } from '../preparation.js';
import { setStartMethod } from '../start-method.js';
import { currentSurroundings } from '../surroundings.js';

const ROUNDS = 10;
/** As often a new agent's slot is taken, which is lost then as long as this process lives. */
const ROLES = 2;

const NODES_OWN = ['assert', 'buffer', 'child_process', 'crypto', 'events', 'fs', 'fs/promises', 'module', 'net', 'os', 'path', 'process'];
const AND_MORE = ['stream', 'stream/promises', 'string_decoder', 'timers', 'timers/promises', 'url', 'util', 'v8', 'worker_threads'];

/** As ES modules, which loads more than `require` does. */
export async function loadNodesOwn(): Promise<void> {
  await Promise.all([...NODES_OWN, ...AND_MORE].map((name) => import(`node:${name}`)));
  await stat('/'); // starts the thread pool: its threads are not a preloaded module's
}

/** What a rehearsed child runs. */
export function useQueue(queue: Queue): void {
  queue.putSync(0);
  queue.getSync();
  queue[Symbol.dispose]();
}

/** Who asked for the child that a ticket is for. */
export function creatorOf({ parent }: Ticket): Creator {
  return { pid: parent.pid, isAlive: () => !isDead(currentAgent().region.words, parent.agent) };
}

/** Goes through a child's life, some times, and leaves nothing behind. REQUIRES: no listener of the user's; this process ends directly. */
export async function rehearse(): Promise<void> {
  const before = { self: self(), argv: [...process.argv], title: process.title };
  const parent = { pid: process.ppid, agent: currentAgent().id };
  const facts: Self = { ...before.self, parent: { name: before.self.name, ...parent } };
  const surroundings = { ...currentSurroundings(), env: null };
  const target = { module: import.meta.url, name: 'useQueue' };
  const preparation = {
    self: facts,
    authkey: new Uint8Array(32),
    argv: before.argv,
    startMethod: 'forkserver' as const,
    surroundings,
    log: logSettings(),
  };
  for (let round = 0; round < ROUNDS; round++) {
    const shared = new Queue();
    const inputs = { args: [shared], kwargs: undefined, properties: undefined };
    const told = round % 2 === 0 ? tell(preparation, inputs) : undefined;
    const queue = told === undefined ? writePreparation(preparation, inputs) : undefined;
    shared[Symbol.dispose](); // the child is to make an object of its own
    const handle = queue?.[handleOf]() ?? null;
    const ticket: Ticket = { name: facts.name, parent, queue: handle, told: told?.told, target, processClass: null, dieWith: 0, seed: 0 };
    await goThrough(JSON.parse(JSON.stringify(ticket)) as Ticket, round);
    queue?.[Symbol.dispose]();
    told?.[Symbol.dispose]();
  }
  becomeSelf(before.self, new Uint8Array(0));
  process.title = before.title;
  setStartMethod(null, { force: true });
  process.exitCode = undefined; // an `exit` in the middle of a module's evaluation makes Node set it
}

async function goThrough(ticket: Ticket, round: number): Promise<void> {
  if (round < ROLES) assumeRole(creatorOf(ticket));
  seedEntropy(ticket.seed);
  guardRandom(); // as it was
  const events = new Map(process.eventNames().map((event) => [event, process.listeners(event as 'exit')]));
  await runTicket(ticket, new ChildLife());
  rehearseExit();
  for (const event of process.eventNames()) {
    const known = events.get(event) ?? [];
    for (const listener of process.listeners(event as 'exit')) if (!known.includes(listener)) process.off(event as 'exit', listener);
  }
}

/** A child that comes to the end of a young generation which was half full at its birth collects it, in threads that it has to make first. */
export async function collectGarbage(): Promise<void> {
  const session = new Session();
  session.connect();
  await session.post('HeapProfiler.collectGarbage'); // at the next turn of the loop where V8 is a newer one
  session.disconnect();
}

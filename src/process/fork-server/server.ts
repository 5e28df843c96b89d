/**
 * The fork server: a Node process that makes itself ready for being copied, and then waits in native code. No JavaScript runs in it from then on, so each
 * child finds the event loop as it was left: empty.
 */
import { closeSync, openSync } from 'node:fs';
import { joinRegion } from '../../arena/region.js';
import { SystemError } from '../../errors.js';
import type { Datagrams, Forking } from '../../platform/platform.js';
import { platform } from '../../platform/select.js';
import { runTicket } from '../bootstrap.js';
import { ChildLife } from '../child-life.js';
import type { ServerTicket, Ticket } from '../current.js';
import { redirectOutput, STDERR, STDOUT } from '../direct-output.js';
import { becomeServedChild, mustExitDirectly } from '../forked/become.js';
import { findCaches, guardRandom } from '../forked/entropy.js';
import { forkUntried } from '../forked/fork.js';
import { runTrial } from '../forked/trial.js';
import { loadModules } from './preload.js';
import { encodeGreeting, type Greeting, type Settings } from './protocol.js';
import { CLIENT_FD, enterThrough, REGION_FD } from './servers.js';
import { dieWith } from '../start/die-with.js';
import { currentSurroundings } from '../surroundings.js';
import { creatorOf, loadNodesOwn, rehearse } from './warm-up.js';

/** How long to wait for the settings at once. */
const LONG_MS = 60_000;

/** Resolves in the server when it waits in its loop, or cannot; each child of the server comes out of that loop. */
export async function runServer({ regionBytes, parent, command }: ServerTicket): Promise<void> {
  if (parent !== 0) dieWith(parent); // until the loop, which hears of its clients' ends
  process.title = 'forkful fork server';
  joinRegion({ kind: 'descriptor', fd: REGION_FD, bytes: regionBytes });
  redirectOutput();
  guardRandom();
  const forking = platform.forking as Forking;
  const reason = forking.enable();
  if (reason !== undefined) return refuse({ unable: reason });
  mustExitDirectly(); // its children must, and it may as well
  // nothing else is begun before the trial copy is made: it would go on in there too
  const trial = await runTrial(async () => {
    const forked = await forkUntried();
    if (forked.pid === 0) closeSync(CLIENT_FD); // or the client would not hear of our end
    return forked;
  }, endByItself);
  const settings = readSettings();
  process.argv.splice(0, process.argv.length, ...settings.argv);
  if (settings.nodeOptions !== undefined) process.env.NODE_OPTIONS = settings.nodeOptions; // its children start processes too
  await loadNodesOwn();
  await rehearse(); // before there are listeners of the user's, who would hear of it
  const outcome = await loadModules(settings);
  if (outcome.unable !== undefined) return refuse(outcome);
  const failure = await trial.outcome;
  if (failure !== undefined) return refuse({ unable: failure });
  findCaches(false);
  greet(outcome);
  serveFromTheCheckPhase(forking, command);
}

function readSettings(): Settings {
  const datagrams = platform.datagrams as Datagrams;
  for (;;) {
    const message = datagrams.receive(CLIENT_FD, LONG_MS);
    if (message?.bytes.length === 0) process.exit(0);
    if (message !== null) return JSON.parse(Buffer.from(message.bytes).toString()) as Settings;
  }
}

/** The way of most children: the loop runs dry. */
function endByItself(code: number): void {
  process.exitCode = code;
}

/** From an immediate: no iteration of the event loop is under way there, and no promise has anything left to do. */
function serveFromTheCheckPhase(forking: Forking, command: string): void {
  const surroundings = currentSurroundings();
  const nowhere = openSync('/dev/null', 'r+');
  const life = new ChildLife();
  setImmediate(() => {
    // else whoever reads what the client prints would wait for this process too
    for (const fd of [STDOUT, STDERR]) forking.redirect(nowhere, fd);
    closeSync(nowhere);
    const { payload, door } = forking.serve(CLIENT_FD);
    const ticket = JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString()) as Ticket;
    becomeServedChild(creatorOf(ticket), ticket.seed);
    enterThrough(door, command, surroundings);
    void runTicket(ticket, life); // its failure is reported as the child's
  });
}

function greet(greeting: Greeting): void {
  try {
    (platform.datagrams as Datagrams).send(CLIENT_FD, encodeGreeting(greeting), []);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error; // the client has ended: the loop will see it
  }
}

/** The client goes by what it is told; this process is of no more use. */
function refuse(greeting: Greeting): never {
  greet(greeting);
  process.exit(0);
}

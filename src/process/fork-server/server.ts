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
import { becomeServedChild } from '../forked/become.js';
import { findCaches, guardRandom } from '../forked/entropy.js';
import { type FirstSteps, tryAgain } from './first-steps.js';
import { endWhenDrained } from '../forked/end-when-drained.js';
import { inheritRequests } from '../forked/exit-directly.js';
import { listenForInspection } from '../forked/inspect-on-signal.js';
import { clearTimers, findTimers } from '../forked/parents-loop.js';
import { loadModules } from './preload.js';
import { CLIENT_FD, encodeGreeting, type Greeting, REGION_FD, type Settings } from './protocol.js';
import { enterThrough } from './servers.js';
import { settleSurroundings } from '../surroundings.js';
import { collectGarbage, creatorOf, loadNodesOwn, rehearse } from './warm-up.js';

/** How long to wait for the settings at once. */
const LONG_MS = 60_000;

/** Resolves in the server when it waits in its loop, or cannot; each child of the server comes out of that loop. */
export async function runServer({ regionBytes, command }: ServerTicket, { reason, failure }: FirstSteps): Promise<void> {
  if (reason !== undefined) return refuse({ unable: reason });
  joinRegion({ kind: 'descriptor', fd: REGION_FD, bytes: regionBytes });
  redirectOutput();
  guardRandom();
  const settings = readSettings();
  process.argv.splice(0, process.argv.length, ...settings.argv);
  if (settings.nodeOptions !== undefined) process.env.NODE_OPTIONS = settings.nodeOptions; // its children start processes too
  findTimers();
  await loadNodesOwn();
  await rehearse(); // before there are listeners of the user's, who would hear of it
  const outcome = await loadModules(settings);
  if (outcome.unable !== undefined) return refuse(outcome);
  const unable = (await failure) && (await tryAgain());
  if (unable) return refuse({ unable });
  findCaches(false);
  await collectGarbage();
  greet(outcome);
  serveFromTheCheckPhase(platform.forking as Forking, command);
}

function readSettings(): Settings {
  const datagrams = platform.datagrams as Datagrams;
  for (;;) {
    const message = datagrams.receive(CLIENT_FD, LONG_MS);
    if (message?.bytes.length === 0) process.exit(0);
    if (message !== null) return JSON.parse(Buffer.from(message.bytes).toString()) as Settings;
  }
}

/** From an immediate: no iteration of the event loop is under way there, and no promise has anything left to do. */
function serveFromTheCheckPhase(forking: Forking, command: string): void {
  const surroundings = settleSurroundings();
  const nowhere = openSync('/dev/null', 'r+');
  const life = new ChildLife();
  listenForInspection();
  setImmediate(() => {
    // else whoever reads what the client prints would wait for this process too
    for (const fd of [STDOUT, STDERR]) forking.redirect(nowhere, fd);
    closeSync(nowhere);
    clearTimers(); // of preloaded modules: they would run in each child, and keep it from ending
    const requests = inheritRequests();
    const { payload, door } = forking.serve(CLIENT_FD);
    const ticket = JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString()) as Ticket;
    becomeServedChild(creatorOf(ticket), ticket.seed);
    if (requests > 0) endWhenDrained();
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

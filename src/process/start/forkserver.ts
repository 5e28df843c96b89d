/**
 * Start method `forkserver`: a `fork(2)` of a Node process that was prepared for nothing else. Its children begin within a millisecond or two, with the
 * modules that it has loaded. Where that cannot be done they are fresh Node processes, and a warning says why.
 */
import { platform } from '../../platform/select.js';
import { openSync } from 'node:fs';
import { getLogger } from '../../util/log.js';
import type { Ticket } from '../current.js';
import { ServerGone } from '../fork-server/client.js';
import { preloadedModules } from '../fork-server/preload-list.js';
import { type Server, useServer } from '../fork-server/servers.js';
import { surroundingsSince } from '../surroundings.js';
import { orNothing } from './executable.js';
import type { ExitCode, Launch, Launcher, RunningChild } from './launcher.js';
import { spawnLauncher } from './spawn.js';

/** Servers that die while they start are replaced, but not for ever. */
const TRIES = 3;

/** Why children are fresh processes instead; undefined as long as forks work, for all we know. */
let fallback: string | undefined = process.env.FORKFUL_FORK === 'off' ? 'FORKFUL_FORK=off asks for it' : undefined;
/** Modules that servers are not to load: they fail there, or leave something behind that children cannot share. */
const leftOut = new Set<string>();
/** Servers ended while they loaded a first target's module, so none is loaded any more. */
let leavesTargetsOut = false;
let nowhere: number | undefined;

export const forkserverLauncher: Launcher = {
  method: 'forkserver',
  className: 'ForkServerProcess',
  copies: false,
  isDiscreet: true,
  isAvailable: () => platform.forking !== null && process.platform === 'linux',
  prepare: () => (fallback === undefined ? surroundingsSince(useServer().surroundings) : undefined),
  async launch(launch, onExit) {
    const ticket = fallback === undefined ? await launch.ticket(true) : undefined;
    for (let tries = 0; ticket !== undefined && fallback === undefined && tries < TRIES; tries++) {
      const server = useServer();
      try {
        return await ask(server, ticket, launch, onExit);
      } catch (error) {
        if (!(error instanceof ServerGone)) throw error;
        if (server.failure !== undefined) throw server.failure; // it was never there
        learnFrom(error, tries);
      }
    }
    return spawnLauncher.launch(launch, onExit);
  },
};

/** Why children of this method are fresh Node processes; undefined when they are forked, or nobody has tried yet. */
export function fallbackReason(): string | undefined {
  return fallback;
}

function ask(server: Server, ticket: Ticket, launch: Launch, onExit: (exitCode: ExitCode) => void): Promise<RunningChild> {
  if (!server.isConfigured) {
    server.isConfigured = true;
    const target = (ticket.target ?? ticket.processClass)?.module;
    server.client.configure({
      argv: process.argv,
      nodeOptions: server.surroundings.env?.NODE_OPTIONS,
      preload: preloadedModules().filter((module) => !leftOut.has(module)),
      target: target === undefined || leavesTargetsOut || leftOut.has(target) ? null : target,
    });
  }
  return server.client.launch(JSON.stringify(ticket), launch.daemon, [outputOrNothing(1), outputOrNothing(2)], onExit);
}

function learnFrom({ greeting, message }: ServerGone, tries: number): void {
  if (greeting?.unable === undefined) {
    // it was killed, or a module that it loaded ended it
    if (tries > 0 && greeting === undefined) leavesTargetsOut = true;
    if (tries === TRIES - 1 && greeting === undefined) fallBack(`${message} while it started, ${TRIES} times`);
  } else if (greeting.leaveOut !== undefined) {
    getLogger().info('another fork server, since %s', greeting.unable);
    for (const module of greeting.leaveOut) leftOut.add(module);
  } else fallBack(greeting.unable);
}

function fallBack(reason: string): void {
  if (fallback !== undefined) return;
  fallback = reason;
  process.emitWarning(`Start method 'forkserver' starts fresh Node processes here, which takes longer: ${reason}`, {
    code: 'FORKFUL_FORKSERVER_FALLBACK',
  });
}

/** A descriptor to hand to a child. */
function outputOrNothing(fd: 1 | 2): number {
  if (orNothing(fd) === 'inherit') return fd;
  nowhere ??= openSync('/dev/null', 'r+');
  return nowhere;
}

/**
 * Which fork server this process uses. It is started when the first child is, and again when it has died; a child of a server uses the same one as its
 * parent. One that was started with other options of Node than are wanted now is left to the children it has.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { isMainThread } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';
import { grantRegion } from '../../arena/region.js';
import type { Datagrams } from '../../platform/platform.js';
import { platform } from '../../platform/select.js';
import { type ServerTicket, serverEntry } from '../current.js';
import { afterChildren } from '../exit.js';
import { childExecutable, orNothing } from '../start/executable.js';
import { forkableNodeOptions, forkableOptions, inheritableOptions } from '../start/node-options.js';
import { currentSurroundings, type Surroundings } from '../surroundings.js';
import { watchWork } from '../thread-work.js';
import { ForkServerClient } from './client.js';

export interface Server {
  readonly client: ForkServerClient;
  /** The program and the options of Node that it was started with. */
  readonly command: string;
  /** What its children inherit. */
  readonly surroundings: Surroundings;
  /** Whether it still has to be told what to load. */
  isConfigured: boolean;
  /** Undefined for the server of this process's parent. */
  readonly process: ChildProcess | undefined;
  /** Why there is none. */
  failure: Error | undefined;
}

/** How a child of a server comes to its server again. */
interface Door {
  readonly fd: number;
  readonly command: string;
  readonly surroundings: Surroundings;
}

/** Between two looks at a server that is on its way to its end, since its last client has gone; and their number. */
const SERVER_LOOK_MS = 1000;
const SERVER_LOOKS = 10;

let current: Server | undefined;
/**
 * The environment of all servers of this process, as it was when the first was started: what a child is told of its own was compared to that, and the
 * server may be another one by the time it gets there.
 */
let base: NodeJS.ProcessEnv | undefined;
let door: Door | undefined;
/** Those that were replaced, but have children. */
const retired = new Set<Server>();

/** The server to ask, started now if there is none. */
export function useServer(): Server {
  const command = JSON.stringify([childExecutable(), ...forkableOptions(inheritableOptions(process.execArgv))]);
  if (current !== undefined && (!current.client.isOpen || current.command !== command)) retire(current);
  current ??= joinParents(command) ?? startServer(command);
  return current;
}

/** In a child of a server: where that server takes further clients. */
export function enterThrough(fd: number, command: string, surroundings: Surroundings): void {
  door = { fd, command, surroundings };
}

/** In a forked child: the servers are its parent's, and so are their sockets. */
export function forgetServers(): void {
  for (const server of [current, ...retired]) server?.client.abandon();
  current = undefined;
  retired.clear();
}

/** Leaves all servers of this process, which end then; for tests. Resolves when those that it started have ended. */
export async function stopServers(): Promise<void> {
  const servers = [current, ...retired].filter((server) => server !== undefined);
  current = undefined;
  base = undefined;
  retired.clear();
  await Promise.all(
    servers.map(({ client, process: started }) => {
      const ended = new Promise<void>((resolve) => {
        if (started === undefined || started.exitCode !== null || started.signalCode !== null) resolve();
        else {
          started.ref();
          started.once('exit', () => resolve());
        }
      });
      client.close();
      return ended;
    }),
  );
}

function retire(server: Server): void {
  current = undefined;
  if (!server.client.isOpen) return;
  retired.add(server);
  server.client.closeWhenIdle(() => retired.delete(server));
}

function joinParents(command: string): Server | undefined {
  if (door === undefined || door.command !== command || !isMainThread) return undefined;
  const { fd, surroundings } = door;
  const datagrams = platform.datagrams as Datagrams;
  const [ours, theirs] = datagrams.pair();
  try {
    if (datagrams.send(fd, new Uint8Array(1), [theirs]))
      return { client: new ForkServerClient(ours), command, surroundings, isConfigured: true, process: undefined, failure: undefined };
  } catch {
    // it has ended, with its last client: this process needs one of its own
    door = undefined;
  } finally {
    datagrams.close(theirs);
  }
  datagrams.close(ours);
  return undefined;
}

function startServer(command: string): Server {
  const grant = grantRegion();
  if (grant.kind !== 'descriptor') throw new Error(`A fork server needs a region with a descriptor, got a ${grant.kind}`);
  const datagrams = platform.datagrams as Datagrams;
  const [ours, theirs] = datagrams.pair();
  const client = new ForkServerClient(ours);
  const ticket: ServerTicket = { regionBytes: grant.bytes, parent: isMainThread ? process.pid : 0, command };
  const [program = '', ...options] = JSON.parse(command) as string[];
  try {
    base ??= door?.surroundings.env ?? { ...process.env };
    const surroundings = { ...currentSurroundings(), env: base };
    const started = spawn(program, [...options, fileURLToPath(serverEntry), JSON.stringify({ forkful: ticket })], {
      stdio: ['ignore', orNothing(1), orNothing(2), theirs, grant.fd],
      env: forkableEnvironment(base),
    });
    const server: Server = { client, command, surroundings, isConfigured: false, process: started, failure: undefined };
    started.on('error', (error) => {
      server.failure = error;
    });
    started.unref();
    if (!isMainThread) afterChildren(() => endWithThread(server));
    return server;
  } catch (error) {
    client.close();
    throw error;
  } finally {
    datagrams.close(theirs);
  }
}

/** Descriptors outlive the threads that opened them, and so would the server; and nobody reaps the children of a Worker that has ended. */
function endWithThread({ client, process: started }: Server): void {
  client.close();
  if (started?.pid === undefined || started.exitCode !== null || started.signalCode !== null) return;
  if (client.greeting === undefined) started.kill('SIGKILL'); // it is still loading, and has served nobody
  let ended = platform.processes.waitExit(started.pid, SERVER_LOOK_MS);
  const works = watchWork(`/proc/${started.pid}/task`);
  // it may be without a processor; one that goes on doing nothing has other clients
  for (let look = 1; ended === null && look < SERVER_LOOKS; look++) {
    ended = platform.processes.waitExit(started.pid, SERVER_LOOK_MS);
    if (!works()) break;
  }
  if (ended !== null) platform.processes.reap(started.pid);
}

function forkableEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { NODE_OPTIONS } = env;
  return NODE_OPTIONS === undefined ? env : { ...env, NODE_OPTIONS: forkableNodeOptions(NODE_OPTIONS) };
}

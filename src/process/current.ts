/**
 * Who this process is: the first of its family, or a child, and whose. Decided when this file is loaded, before any module of the user's, so
 * that `isMainProcess` can guard a main module's code. Loading it makes nothing, no region and no slot.
 */
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { getEnvironmentData, isMainThread, setEnvironmentData, workerData } from 'node:worker_threads';
import type { AgentId } from '../arena/agent.js';
import type { Handle } from '../memory/handle.js';
import { nameLoggerBy } from '../util/log.js';
import type { FunctionRef } from './function-ref.js';
import type { Told } from './preparation.js';

/** What a launcher hands to a child: little enough for a command line, and nothing secret, since others may read that. */
export interface Ticket {
  /** For the headline of an error that comes before the preparation is read. */
  readonly name: string;
  /** Who launched it. */
  readonly parent: { readonly pid: number; readonly agent: AgentId };
  /** The queue with the preparation; the parent holds it as long as the child runs. Null where `told` has all. */
  readonly queue: Handle | null;
  /** What the queue would have, where nobody else can read the ticket. */
  readonly told?: Told | undefined;
  /** Null: nothing to call. */
  readonly target: FunctionRef | null;
  /** The subclass of Process whose `run` is to be called; null for Process itself. */
  readonly processClass: FunctionRef | null;
  /** A process that must not outlive its parent: the parent's pid. Else 0. */
  readonly dieWith: number;
  /** 32 random bits, for what must not be the same in all children of a fork server. */
  readonly seed: number;
  /** For a process: the descriptor of the region. */
  readonly region?: { readonly fd: number; readonly bytes: number };
  /** For a thread: the words in which it tells its parent how it fares (see `start/thread-status.ts`). */
  readonly status?: Int32Array;
}

/** The parent, as a child knows it. */
export interface ParentFacts {
  readonly name: string;
  readonly pid: number;
  readonly agent: AgentId;
}

/** What a process knows about itself. */
export interface Self {
  name: string;
  /** Which child of which child: `[2, 1]` is the first child of the main process's second. Empty in the main process. */
  readonly identity: readonly number[];
  readonly daemon: boolean;
  readonly parent: ParentFacts | null;
}

/** The entry of every child: what launchers start. */
export const childEntry: URL = new URL('../child.js', import.meta.url);
/** The entry of a fork server. */
export const serverEntry: URL = new URL('../fork-server.js', import.meta.url);

/** How a fork server is launched. */
export interface ServerTicket {
  readonly regionBytes: number;
  /** The process to end with while it starts; 0: one whose threads come and go. */
  readonly parent: number;
  /** The program and the options of Node that it was started with. */
  readonly command: string;
}

/** Workers that the user starts in a child find here that they are in one. */
const ENVIRONMENT_KEY = 'forkful.self';
const MAIN: Self = { name: 'MainProcess', identity: [], daemon: false, parent: null };

/** How this process or thread was launched; undefined in a process that forkful did not start. */
export const ticket: Ticket | undefined = isMainThread
  ? takeArgument<Ticket>(childEntry)
  : (workerData as { forkful?: Ticket } | null)?.forkful;
/** Undefined in a process that is no fork server, nor a child of one. */
export const serverTicket: ServerTicket | undefined = isMainThread ? takeArgument<ServerTicket>(serverEntry) : undefined;

const inherited = getEnvironmentData(ENVIRONMENT_KEY) as unknown as Self | undefined;
let ourselves: Self = inherited ?? MAIN;
let childrenMade = 0;
let bootstrapping = false;
let key: Uint8Array | string | undefined;
nameLoggerBy(() => ourselves.name);

/**
 * False in every process and thread that forkful started, and in the Workers that those start. Guard a main module's own code with it: a child whose
 * target is exported from there loads the module again.
 */
export let isMainProcess: boolean = ticket === undefined && serverTicket === undefined && inherited === undefined;

export function self(): Self {
  return ourselves;
}

/** A child knows now what it is to be. */
export function becomeSelf(facts: Self, authkey: Uint8Array | string): void {
  isMainProcess = false;
  ourselves = facts;
  key = authkey;
  childrenMade = 0;
  setEnvironmentData(ENVIRONMENT_KEY, facts as unknown as string);
}

/** Whether this child is still importing the module of its target: whatever that starts unguarded, each of its children would start again. */
export function isBootstrapping(): boolean {
  return bootstrapping;
}

export function setBootstrapping(on: boolean): void {
  bootstrapping = on;
}

/** The identity of one more child: the counter advances with each object made, started or not. As in CPython. */
export function nextIdentity(): readonly number[] {
  return [...ourselves.identity, ++childrenMade];
}

/** 32 random bytes in the main process, the same in all its descendants. */
export function ownAuthkey(): Uint8Array {
  key ??= randomBytes(32);
  if (typeof key === 'string') key = Buffer.from(key, 'hex');
  return key;
}

export function setOwnAuthkey(authkey: Uint8Array): void {
  key = authkey;
}

/** The command line's ticket goes at once: nobody but us is to see it. */
function takeArgument<T>(entry: URL): T | undefined {
  const [, script, text] = process.argv;
  if (script !== fileURLToPath(entry) || text === undefined) return undefined;
  process.argv.splice(2, 1);
  return (JSON.parse(text) as { forkful: T }).forkful;
}

/**
 * The native addon: its whole type, and how it is found. Nothing else in forkful knows what the `.node` file exports.
 */
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SystemError } from '../errors.js';
import type { ClaimResult, ExitStatus, ParkResult } from './platform.js';

/** Raised with every change of the exports below or of what lies at fixed places in the region. The twin of `kAbi` in native/addon.cc. */
export const ADDON_ABI = 4;

/**
 * What the addon exports. Words, offsets and results are those of platform.ts. Every function checks its arguments (`TypeError`,
 * `RangeError`), and a system call that fails is a `SystemError`. No function uses `this`, so each can be taken off and called alone.
 */
export interface Addon {
  readonly abi: number;
  /** Hands over the class that system failures are made of. Once per environment, before anything else. */
  initialize(systemError: typeof SystemError): void;

  create(maxBytes: number, minBytes: number): number;
  attach(fd: number, bytes: number): number;
  grant(): { readonly fd: number; readonly bytes: number } | null;
  view(offset: number, bytes: number): ArrayBuffer;
  /** `bytes` is at least 1. */
  ownedView(offset: number, bytes: number, token: number): ArrayBufferLike;
  detach(buffer: ArrayBufferLike, token: number): boolean;
  /** Undefined when there are none, which is nearly always. */
  takeReleased(): number[] | undefined;
  commit(offset: number, bytes: number): void;
  punch(offset: number, bytes: number): void;

  /** Of the parking that the region was created with; before there is one, of what FORKFUL_PARKING asks for. */
  parkingTraits(): { readonly name: string; readonly countsExactly: boolean; readonly watchesTwo: boolean };
  park(word: number, expected: number, timeoutMs: number): ParkResult;
  parkEither(word: number, expected: number, otherWord: number, otherExpected: number, timeoutMs: number): ParkResult;
  unpark(word: number, count: number): number;
  spin(word: number, expected: number, iterations: number): boolean;

  lifeInit(lifeWord: number): void;
  lifeClaim(lifeWord: number): ClaimResult;
  lifeRelease(lifeWord: number): void;

  /** @throws ERR_FORKFUL_OPEN when this environment's doorbell is open already. */
  doorbellOpen(bellWord: number, doorWord: number, onRing: () => void): number;
  doorbellArm(expected: number, timeoutMs: number): void;
  doorbellSetRef(on: boolean): void;
  doorbellClose(): void;

  kill(pid: number, signal: number): boolean;
  waitExit(pid: number, timeoutMs: number): ExitStatus | null;
  dieWithParent(parentPid: number): boolean;
  /** As the system has it: after a fork Node's own answer is the parent's. */
  pid(): number;
  parentPid(): number;
  /** Reaps a child that has ended. Null while it runs. @throws SystemError ECHILD when it is not an unreaped child of this process. */
  reap(pid: number): ExitStatus | null;
  /** A descriptor of a process, close-on-exec. @throws SystemError ESRCH, ENOSYS. */
  pidfdOpen(pid: number): number;
  /** False when the process has ended and been reaped. */
  pidfdSignal(pidfd: number, signal: number): boolean;
  /**
   * Whether the process has ended, waiting at most `timeoutMs`, and how: undefined while it runs; null when it has ended and the system
   * cannot tell how (it is not ours, or reaped already, on a Linux before 6.15).
   */
  pidfdWait(pidfd: number, timeoutMs: number): ExitStatus | null | undefined;
  /** The file mode creation mask, unchanged. */
  umask(): number;
  /** `onto` becomes another name of `fd`, and survives an exec. */
  redirect(fd: number, onto: number): void;

  /** Takes over V8's background tasks, so that this process can be forked. Undefined, or a sentence saying why it cannot be. Idempotent. */
  forkEnable(): string | undefined;
  /**
   * fork(2). 0 in the child, whose event loop and doorbell are mended by then. On the main thread, from a callback of the event loop's own
   * (an immediate), after forkEnable(). @throws SystemError EBUSY when other threads are not at rest within `quietMs`, EAGAIN, ENOMEM.
   */
  fork(quietMs: number): number;
  /**
   * The fork server's loop, over the socket of its first client, which it takes over; native/os/fork_server.h has the protocol. Returns in
   * a child; in the server it ends the process. `door`: where to send the sockets of further clients. Called as fork() is.
   */
  forkServe(clientFd: number): { readonly payload: Uint8Array; readonly door: number };
  /** From now on every end of this environment is exitNow(). Undefined, or a sentence saying why that cannot be. */
  exitDirectly(): string | undefined;
  /** Ends the process with `code & 255` at once: no exit handlers, no teardown. */
  exitNow(code: number): never;
  /**
   * In a child of fork(): stops and unrefs all that the parent's event loop watched, but for standard output and error. Listening sockets are let go
   * of; standard input is empty.
   */
  quellHandles(): void;
  /** What keeps this event loop alive: active handles, and requests under way. And whether no background task of V8's is. */
  loopLoad(): { readonly handles: number; readonly requests: number; readonly isIdle: boolean };
  /** The handles of this event loop, Node's own included: how many of each type. */
  countHandles(): Record<string, number>;

  /** Two connected SOCK_SEQPACKET sockets, close-on-exec. */
  socketPair(): [number, number];
  /** Never blocks; false when there is no room now. `bytes` is not empty. @throws SystemError EPIPE, ECONNRESET, EBADF, EMSGSIZE. */
  sendDatagram(fd: number, bytes: Uint8Array, fds: readonly number[]): boolean;
  /**
   * Null when nothing came within `timeoutMs`; no bytes: the other end is closed, and all that it sent has been received. Received
   * descriptors are close-on-exec.
   */
  receiveDatagram(fd: number, timeoutMs: number): { readonly bytes: Uint8Array; readonly fds: number[] | null } | null;
  closeDescriptor(fd: number): void;

  /** Keeps a duplicate for whoever of this user presents what this returns: 32 bytes that cannot be guessed. @throws SystemError EMFILE, ENOSYS */
  descriptorLend(fd: number): Uint8Array;
  /** A duplicate, close-on-exec. Blocks. @throws SystemError ECONNREFUSED: its process has ended; ENOENT: it lends it no more; ETIMEDOUT */
  descriptorBorrow(pass: Uint8Array, timeoutMs: number): number;
  /** Nobody will borrow it any more. @throws SystemError ETIMEDOUT */
  descriptorRelease(pass: Uint8Array, timeoutMs: number): void;

  /**
   * Calls `onReady` again and again while there is something to read at the descriptor, or its other end is closed. Keeps the event
   * loop alive. Makes the descriptor non-blocking. @throws SystemError EEXIST: this event loop watches it already
   */
  watchOpen(fd: number, onReady: () => void): object;
  /** From now on it watches for these; for neither: it rests, and does not keep the event loop alive. */
  watchFor(watch: object, readable: boolean, writable: boolean): void;
  watchSetRef(watch: object, on: boolean): void;
  /** Idempotent. The descriptor stays open, and may be closed afterwards. */
  watchClose(watch: object): void;

  /**
   * Sockets of byte streams, non-blocking and close-on-exec. `family`: 0 Unix, 4 or 6; `host`: the bytes of a numeric address, of a path, or with a zero
   * in front of a name of Linux's own.
   */
  streamListen(family: number, host: Uint8Array, port: number, backlog: number): number;
  /** Has begun to connect. @throws SystemError EAGAIN: a Unix listener's queue is full */
  streamConnect(family: number, host: Uint8Array, port: number): number;
  /** Once it is writable: how connecting went. @throws SystemError ECONNREFUSED, ... */
  streamOutcome(fd: number): void;
  /** -1: nobody is waiting to be accepted. */
  streamAccept(fd: number): number;
  streamAddress(fd: number, ofPeer: boolean): { readonly family: number; readonly host: Uint8Array; readonly port: number };
  /** How many bytes came; 0 at the end of the stream (or when none are asked for), -1 when there is nothing yet. */
  streamRead(fd: number, bytes: Uint8Array, start: number, end: number): number;
  /** How many bytes went; -1 when there is no room. @throws SystemError EPIPE, ECONNRESET */
  streamWrite(fd: number, bytes: Uint8Array, start: number, end: number): number;
  /** Blocks until one can be read from or written to, or has ended or failed: those. None after `timeoutMs`. @throws SystemError EBADF */
  pollDescriptors(readable: readonly number[], writable: readonly number[], timeoutMs: number): number[];
  /** A numeric address of that name; blocks. @throws SystemError ENOENT, EAGAIN */
  resolveHost(name: string, family: number): string;

  /**
   * A new segment under a name of one path component, backed with memory and mapped until its buffer is collected. Its identity goes to
   * the 8 bytes of the region at `identityOffset` before anybody can find it by its name; -1: nowhere.
   */
  namedCreate(name: string, bytes: number, identityOffset: number): ArrayBufferLike;
  /** An existing segment, whole. */
  namedOpen(name: string): ArrayBufferLike;
  namedUnlink(name: string): void;
  /** Lets go of the segment. `bytes`: a view of all of it, whose buffer is empty then, or, if it is a SharedArrayBuffer, private memory of zeros. */
  namedClose(bytes: Uint8Array): void;
  /** Of the segment that has this name now; 0 when there is none. */
  namedIdentity(name: string): bigint;
  /** Starts a keeper of names (native/os/name_keeper.h), unless the process `former` (0: none) still runs; returns its pid. @throws SystemError ENOTSUP, EAGAIN. */
  namedKeep(headOffset: number, former: number): number;

  /** As sem_open; `name` with or without its slash. The object closes its semaphore when collected. */
  semaphoreOpen(name: string, create: boolean, exclusive: boolean, mode: number, value: number): object;
  /** Idempotent. The functions below throw ERR_FORKFUL_CLOSED for it from then on. */
  semaphoreClose(semaphore: object): void;
  semaphoreUnlink(name: string): void;
  semaphoreTryAcquire(semaphore: object): boolean;
  /** Blocks the thread, at most `timeoutMs`. */
  semaphoreAcquire(semaphore: object, timeoutMs: number): boolean;
  /** Adds all of `count` permits, or none. @throws SystemError EOVERFLOW. */
  semaphoreRelease(semaphore: object, count: number): void;
  semaphoreValue(semaphore: object): number;
  /** From now on `onPermit` is called on this event loop when a thread has taken a permit, unreferenced. Once per environment. */
  semaphoreListen(onPermit: () => void): void;
  semaphoreSetRef(on: boolean): void;
  /** Has a thread wait for one permit. After semaphoreListen(). @throws SystemError EAGAIN: no thread is to be had. */
  semaphoreRequest(semaphore: object): void;
  /** Whether the permit requested is there: true once. */
  semaphoreTake(semaphore: object): boolean;
  /** Ends a request; a permit that is there is given back. */
  semaphoreCancel(semaphore: object): void;
}

/** The addon, or why there is none: every file tried, and what was wrong with it. */
export type AddonResult = { readonly addon: Addon; readonly path: string } | { readonly reason: string };

const packageRoot = fileURLToPath(new URL('../../', import.meta.url));
const requireNative = createRequire(import.meta.url);

/**
 * Finds and loads the addon: FORKFUL_ADDON alone where it is set, else a build of this checkout, else what the package brought for this
 * platform. Never throws.
 */
export function loadAddon(): AddonResult {
  const failures: string[] = [];
  for (const path of candidates()) {
    const outcome = tryCandidate(path);
    if (typeof outcome !== 'string') return { addon: outcome, path };
    failures.push(`  ${path}: ${outcome}`);
  }
  const here = `${process.platform}-${process.arch}, Node ${process.version}`;
  return { reason: `forkful has no native addon for ${here}. Tried:\n${failures.join('\n')}` };
}

function candidates(): string[] {
  const { FORKFUL_ADDON } = process.env;
  if (FORKFUL_ADDON) return [FORKFUL_ADDON];
  return [join(packageRoot, 'build/Release/forkful.node'), join(packageRoot, 'build/Debug/forkful.node'), ...prebuilds()];
}

/**
 * prebuildify names them forkful.node, and with tags forkful.glibc.node and the like; the wrong C library refuses to load, with a reason.
 */
function prebuilds(): string[] {
  const folder = join(packageRoot, 'prebuilds', `${process.platform}-${process.arch}`);
  const files = existsSync(folder)
    ? readdirSync(folder)
        .filter((file) => file.endsWith('.node'))
        .sort()
    : [];
  return files.length > 0 ? files.map((file) => join(folder, file)) : [join(folder, 'forkful.node')];
}

function tryCandidate(path: string): Addon | string {
  if (!existsSync(path)) return 'no such file';
  let addon: Partial<Addon> | undefined;
  try {
    addon = requireNative(path) as Partial<Addon> | undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  if (addon?.abi !== ADDON_ABI)
    return `built for another version of forkful (its ABI is ${addon?.abi ?? 'unknown'}, needed is ${ADDON_ABI}): build it again`;
  addon.initialize?.(SystemError);
  return addon as Addon;
}

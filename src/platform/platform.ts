/**
 * The platform interface: all that forkful asks of an operating system, and nothing more.
 *
 * Two backends implement it: `native/` (the addon: a memory-mapped region, futexes, robust words, processes) and `js/`
 * (`SharedArrayBuffer`, `Atomics`, worker threads). Everything above is written once, over these calls. A porter reads
 * this file and no other.
 *
 * Words used here:
 * - the *region* is the one stretch of memory that a family of processes shares;
 * - an *offset* is a number of bytes from its start, a *word* is the index of an Int32 from its start;
 * - the *near window* is the part of the region that one Int32Array can show (at most 2 GiB). All words live in it.
 */

/** Which of the two implementations is at work. */
export type Backend = 'native' | 'js';

/** What a new process or thread must be given to see the same region. Sent as `workerData`, or as a descriptor and JSON. */
export type RegionGrant =
  | { readonly kind: 'descriptor'; readonly fd: number; readonly bytes: number }
  | { readonly kind: 'shared-array-buffer'; readonly buffer: SharedArrayBuffer };

/** The region: made once by the first process of a family, attached by all others, freed by the kernel with the last one. */
export interface Memory {
  /** Makes the region, or joins the one that this process has already (another thread made it): at most `maxBytes` (a power of two) and halved until the system agrees, not below `minBytes`. Returns its size in bytes. @throws SystemError */
  create(maxBytes: number, minBytes: number): number;
  /** Joins the region of an existing family. A second call with the same grant in one process costs nothing. Returns its size in bytes. */
  attach(grant: RegionGrant): number;
  /** The means for a child to attach. REQUIRES: created or attached. The descriptor is close-on-exec; a launcher passes it on explicitly. */
  grant(): RegionGrant;
  /** True when the views below show the whole region whatever was asked (JS backend): then `offset` is also the offset in the view. */
  readonly viewsWhole: boolean;
  /** Plain memory over `[offset, offset + bytes)`, for forkful's own use: the caller keeps the block alive. About 1-2 µs. */
  view(offset: number, bytes: number): ArrayBufferLike;
  /**
   * As `view`, for memory that is handed to user code: `token` (a positive safe integer) is reported once by `takeReleased()`, to
   * the agent that made the view, when no JavaScript object of the process can reach this memory through the returned buffer any more.
   * A real SharedArrayBuffer where the running Node can make one (so that users may post it to their Workers), else an ArrayBuffer.
   * Reports its size to the garbage collector.
   */
  ownedView(offset: number, bytes: number, token: number): ArrayBufferLike;
  /** Makes the buffer of an `ownedView` unusable now (length 0) and forgets its token. False where that cannot be done (SharedArrayBuffer): then wait for the collector. */
  detach(buffer: ArrayBufferLike, token: number): boolean;
  /** Tokens of this agent whose memory nobody in this process can reach any more, each once. Empty most of the time: one relaxed load. */
  takeReleased(): readonly number[];
  /** Backs the range with real memory, zeroed where it was never used. Out of memory is this error, never a SIGBUS later. @throws SystemError (ENOSPC, ENOMEM) */
  commit(offset: number, bytes: number): void;
  /** Gives the memory of the range back to the system; it reads as zeros afterwards. Both numbers are multiples of 4096. */
  punch(offset: number, bytes: number): void;
}

/** Result of a park: `woken` may be spurious, so every caller re-checks its condition. Numbers, since they cross from C++. */
export const PARK_WOKEN = 0;
export const PARK_CHANGED = 1;
export const PARK_TIMED_OUT = 2;
export type ParkResult = typeof PARK_WOKEN | typeof PARK_CHANGED | typeof PARK_TIMED_OUT;

/** Putting threads to sleep on a word, and waking them: the futex operations, across processes. */
export interface Parking {
  /** True when `unpark` counts exactly those it woke on that very word. A parking that shares queues between words (POSIX semaphores) says false. */
  readonly countsExactly: boolean;
  /** True when `parkEither` really sleeps on both words; false: it only watches the first. */
  readonly watchesTwo: boolean;
  /** Sleeps while `word` holds `expected`, at most `timeoutMs` (finite, >= 0; relative, monotonic). Restarts after signals. Blocks the thread. */
  park(word: number, expected: number, timeoutMs: number): ParkResult;
  /** As `park`, and ends too when `otherWord` no longer holds `otherExpected` *and* somebody unparked it. */
  parkEither(word: number, expected: number, otherWord: number, otherExpected: number, timeoutMs: number): ParkResult;
  /** Wakes at most `count` of those asleep on the word, earliest first. Returns how many. */
  unpark(word: number, count: number): number;
  /** Busy-waits, at most `iterations` pauses with growing gaps, until the word differs from `expected`. Returns whether it does. */
  spin(word: number, expected: number, iterations: number): boolean;
}

/** Outcome of `Liveness.claim`. */
export const CLAIM_BUSY = 0;
export const CLAIM_FREE = 1;
export const CLAIM_DEAD = 2;
export type ClaimResult = typeof CLAIM_BUSY | typeof CLAIM_FREE | typeof CLAIM_DEAD;

/** Set in a life word by the kernel (FUTEX_OWNER_DIED), or by the JS backend, when the thread that claimed it has ended in any way. */
export const LIFE_DIED = 0x40000000;
/** Set in a life word by one who parks on it, so that its owner's death unparks (FUTEX_WAITERS). Int32 view of bit 31. */
export const LIFE_WATCHED = -0x80000000;

/**
 * Who is alive. A *life word* is the first of `LIFE_WORDS` words; a thread claims it for as long as it lives. When it ends, however it
 * ends, LIFE_DIED appears in that word within a millisecond or so, with no help from anybody.
 */
export interface Liveness {
  /** Prepares a life word in zeroed memory. Once, by the creator of the region. */
  init(lifeWord: number): void;
  /** Takes a life word for the calling thread: busy (its owner lives), free (now ours), dead (now ours, its owner died and left things behind). */
  claim(lifeWord: number): ClaimResult;
  /** Gives up a life word that the calling thread has claimed; it is free then. */
  release(lifeWord: number): void;
  /** The JS backend only: the thread that claimed this word is known to have ended (its Worker said `exit`). Native: does nothing, the kernel does it. */
  declareDead(lifeWord: number): void;
}

/** How many words a life word and its hidden state take (a robust pthread mutex is 40 bytes on 64-bit Linux). */
export const LIFE_WORDS = 16;

/**
 * Waking an event loop. Each agent has a *bell* word; whoever wants its attention adds 1 to it. One waiter thread per process serves all its
 * agents, whatever their number: it sleeps on the process's *door* word. To ring an agent: add 1 to its bell, and if it is armed,
 * add 1 to its door and unpark everybody on the door.
 */
export interface Doorbell {
  /**
   * Opens this agent's doorbell; `onRing` then runs on its event loop. `bellWord` is the agent's; `doorWord` becomes the process's door if this is
   * the first agent of the process to open one. Returns the process's door word, which ringers must use.
   */
  open(bellWord: number, doorWord: number, onRing: () => void): number;
  /** Calls `onRing` once, soon after the bell differs from `expected` or `timeoutMs` (1 to 60,000) is over, whichever is first. One arming at a time: the last counts. */
  arm(expected: number, timeoutMs: number): void;
  /** Whether a pending ring keeps the event loop (and so the process) alive. */
  setRef(on: boolean): void;
  /** Closes it, idempotent; also done by itself when the environment ends. */
  close(): void;
}

/** How a process ended. Exactly one of the two is set. */
export interface ExitStatus {
  readonly code: number | null;
  readonly signal: number | null;
}

/** What Node itself does not offer about processes. */
export interface ProcessHost {
  /** Sends a signal by number. Returns false when the process has ended. */
  kill(pid: number, signal: number): boolean;
  /** Blocks until the child has ended or `timeoutMs` (finite, >= 0) is over (null). Leaves the zombie to libuv. REQUIRES: `pid` is a child of this process that libuv has not reaped yet. */
  waitExit(pid: number, timeoutMs: number): ExitStatus | null;
  /** The calling process's id, asked of the system: after a fork Node's own answer is the parent's. */
  pid(): number;
  /** That of its parent: another one, once the parent has ended. */
  parentPid(): number;
  /** A descriptor that stands for a process, readable once that has ended; close-on-exec, the caller's to close. REQUIRES: its pid cannot have been reused. @throws SystemError (ESRCH, ENOSYS) */
  openPidfd(pid: number): number;
  /** Sends a signal by number to the process behind a pidfd. Returns false when it has ended. */
  signalPidfd(pidfd: number, signal: number): boolean;
  /** Waits at most `timeoutMs` for the process behind a pidfd, whoever's child it is: undefined while it runs; null when it has ended and the system does not tell how. */
  waitPidfd(pidfd: number, timeoutMs: number): ExitStatus | null | undefined;
  /** Takes the exit status of a child and lets the system forget it; null while it runs. REQUIRES: a child that libuv does not know. */
  reap(pid: number): ExitStatus | null;
  /** The file mode creation mask, read without changing it. */
  umask(): number;
  /** From now on the kernel kills the calling process with SIGKILL when its parent's thread ends. Returns false when the parent is gone already or the system cannot. */
  dieWithParent(parentPid: number): boolean;
}

/** Waiting for a descriptor on the event loop. */
export interface DescriptorWatch {
  /** Whether it keeps the event loop alive; at first it does. */
  setRef(on: boolean): void;
  /** Idempotent. The descriptor stays open: it is the caller's to close, afterwards. (At the end of a Worker that did not come to it, it is closed.) */
  close(): void;
}

/** A message with descriptors. No bytes: the other end is closed. */
export interface Datagram {
  readonly bytes: Uint8Array;
  /** Close-on-exec, the receiver's to close. Null: this process had no numbers left for them, and they are lost. */
  readonly fds: readonly number[] | null;
}

/** Messages with descriptors between processes of one machine. */
export interface Datagrams {
  /** Two connected ends (SOCK_SEQPACKET), close-on-exec. */
  pair(): [number, number];
  /** Never waits: false when there is no room now. @throws SystemError (EPIPE, ECONNRESET: nobody is at the other end; EBADF) */
  send(fd: number, bytes: Uint8Array, fds: readonly number[]): boolean;
  /** Waits at most `timeoutMs` (finite, 0 only looks); null when nothing came. */
  receive(fd: number, timeoutMs: number): Datagram | null;
  /** Calls `onReadable` on the event loop as long as the descriptor has something to read, or is at its end. */
  watch(fd: number, onReadable: () => void): DescriptorWatch;
  /** Closes a descriptor that was got here, or from `processes`: in a Worker `fs.closeSync` warns of those that `fs` has not opened. */
  close(fd: number): void;
}

/** Real `fork(2)` of a Node process. See docs/fork.md for what it takes. */
export interface Forking {
  /** Takes over V8's worker pool, once. Undefined, or a sentence that says why this process cannot be forked. */
  enable(): string | undefined;
  /** Forks. 0 in the child, whose event loop is its own then; else the child's pid. REQUIRES: enabled, called from a macrotask of the main thread, no Worker alive. @throws SystemError (EBUSY: other threads were not at rest within `quietMs`) */
  fork(quietMs: number): number;
  /** The fork server's loop (native/os/fork_server.h); returns in children only. */
  serve(client: number): { readonly payload: Uint8Array; readonly door: number };
  /** In a forked child: every end of this environment is `_exit` from now on. Undefined, or why not. */
  exitDirectly(): string | undefined;
  /** `_exit`. */
  exitNow(code: number): never;
  /** In a forked child: drops what the parent's event loop was watching. */
  quellHandles(): void;
  /** What keeps this event loop alive: active handles, and requests that are under way. And whether no background task of V8's is. */
  loopLoad(): { readonly handles: number; readonly requests: number; readonly isIdle: boolean };
  /** Handles of this event loop by libuv's name of their type. */
  countHandles(): Readonly<Record<string, number>>;
  /** Makes descriptor `onto` refer to what `fd` does, as `dup2`. */
  redirect(fd: number, onto: number): void;
}

/** An open named semaphore. After `close` it may only be closed again. */
export interface OpenSemaphore {
  /** Takes a permit if there is one; never waits. */
  tryAcquire(): boolean;
  /** Blocks the thread until it has taken a permit (true), or `timeoutMs` (finite, >= 0) is over (false); never early, whatever signals come. */
  acquire(timeoutMs: number): boolean;
  /** Adds `count` permits (>= 1): all of them or none. @throws SystemError (EOVERFLOW) */
  release(count: number): void;
  /** How many permits there are now. @throws SystemError (ENOSYS: the system does not tell) */
  value(): number;
  /** Has a permit taken without blocking this thread; `onPermit` runs when one may be there. One at a time. REQUIRES: `listen` was called. @throws SystemError (EAGAIN) */
  request(): void;
  /** The permit requested: true once, and then the request is over. Also without having been told. */
  take(): boolean;
  /** Ends the request; what was taken for it is given back. The system may take one more for a moment, up to 100 ms later, and give that back. */
  cancel(): void;
  /** Also `cancel`. Idempotent; the garbage collector does it too. Nobody else's semaphore of the same name is closed. */
  close(): void;
}

/** How `NamedSemaphores.open` may make one that is not there: `mode` (less the umask) and `value` are then the new one's. */
export interface SemaphoreCreation {
  /** Refuse one that is there (EEXIST). */
  readonly exclusive: boolean;
  readonly mode: number;
  readonly value: number;
}

/** Semaphores that all programs of the machine share by name, as POSIX has them. A forked child has those of its parent, without requests. */
export interface NamedSemaphores {
  /** Opens the semaphore of that name (a slash, then no other); with `creation` makes it where there is none. @throws SystemError (ENOENT, EEXIST, EACCES, EINVAL: not a semaphore) */
  open(name: string, creation: SemaphoreCreation | null): OpenSemaphore;
  /** Removes the name; those who have it open keep the semaphore. @throws SystemError (ENOENT, EACCES) */
  unlink(name: string): void;
  /** Once per event loop, before any request: `onPermit` runs on it when a permit may have come for any of its semaphores. Keeps the loop alive only as `setRef` says; at first it does not. */
  listen(onPermit: () => void): void;
  setRef(on: boolean): void;
}

/** Where a stream socket is, or leads to. */
export interface StreamAddress {
  readonly family: 'unix' | 'inet' | 'inet6';
  /** A numeric address; for `unix` a path, or with a zero in front a name of Linux's own namespace; empty: the socket has no name. */
  readonly host: string;
  /** 0 for `unix`. */
  readonly port: number;
}

/** What sockets and listeners have in common: a thread owns them, and its event loop can tell when they are ready. */
export interface StreamHandle {
  /** The descriptor; -1 where there is none to be had. */
  readonly fd: number;
  /**
   * From now on `onReady` runs on the event loop, which is kept alive, again and again as long as there is something to read (or to accept), or room to
   * write, as asked; also once the stream has ended or failed. For neither it rests, and holds on to nothing. The last call counts.
   */
  await(readable: boolean, writable: boolean, onReady: (() => void) | undefined): void;
  /** Idempotent. (At the end of a Worker that did not come to it, the system does it.) */
  close(): void;
}

/** A connected socket, or one that is connecting: then it becomes writable when that is over. No call waits. */
export interface StreamSocket extends StreamHandle {
  /** False as long as it is connecting. @throws SystemError (ECONNREFUSED, ...) */
  connected(): boolean;
  /** How many bytes came into `bytes[start, end)`; 0 at the end of the stream, -1 when there is nothing yet. REQUIRES: start < end. @throws SystemError (ECONNRESET) */
  read(bytes: Uint8Array, start: number, end: number): number;
  /** How many of `bytes[start, end)` went, -1 when there is no room. REQUIRES: start < end. @throws SystemError (EPIPE, ECONNRESET) */
  write(bytes: Uint8Array, start: number, end: number): number;
  /** Of the other end; one without a name when that has gone. */
  peer(): StreamAddress;
}

export interface StreamListener extends StreamHandle {
  /** With the port that the system chose. Null: it is not known yet. */
  address(): StreamAddress | null;
  /** When that is known: at once, where `listen` could tell. @throws SystemError (what `listen` would have thrown) */
  opened(): Promise<void>;
  /** Whether `accept` has something to give. */
  hasPending(): boolean;
  /** The next one that has connected; null when there is none now. @throws SystemError (EMFILE; where `listen` could not tell, what it would have thrown) */
  accept(): StreamSocket | null;
  /** Also removes the path of a Unix listener, if this process bound it. Idempotent. */
  close(): void;
}

/** What only systems with descriptors can do. */
export interface Descriptors {
  /** Blocks the thread until one can be read from, or written to, or has ended or failed; at most `timeoutMs` (finite, >= 0). Those that are ready. @throws SystemError (EBADF) */
  poll(readable: readonly number[], writable: readonly number[], timeoutMs: number): number[];
  /** The first numeric address of a name. Blocks the thread. @throws SystemError (ENOENT, EAGAIN) */
  resolve(name: string, family: 'inet' | 'inet6'): string;
  /** Keeps a duplicate for other processes of this user: whoever presents what this returns, 32 bytes, gets one. @throws SystemError (EBADF, EMFILE, ENOSYS) */
  lend(fd: number): Uint8Array;
  /** Such a duplicate, close-on-exec. Blocks the thread, mostly for some 50 µs. @throws SystemError (ECONNREFUSED: its process has ended; ENOENT: not lent any more; ETIMEDOUT) */
  borrow(pass: Uint8Array, timeoutMs: number): number;
  /** The stream that a descriptor of this process is, which belongs to it from now on. */
  adopt(fd: number): StreamSocket;
  /** Nobody will borrow it any more; the process that lends it may have ended. @throws SystemError (ETIMEDOUT) */
  release(pass: Uint8Array, timeoutMs: number): void;
}

/** Byte streams over TCP and Unix sockets. */
export interface StreamSockets {
  /** Null: threads cannot block for sockets, which have no descriptors. */
  readonly descriptors: Descriptors | null;
  /** Binds and listens. @throws SystemError (EADDRINUSE, EACCES, ...), at once or, where the system tells later, from `accept` */
  listen(address: StreamAddress, backlog: number): StreamListener;
  /** Begins to connect. @throws SystemError (ENOENT, ECONNREFUSED; EAGAIN: the queue of a Unix listener is full, and the system will not say when it no longer is) */
  connect(address: StreamAddress): StreamSocket;
}

/** Memory that all programs of the machine share by name, as POSIX has it. A name is one path component, without a slash. */
export interface NamedSegments {
  /**
   * Makes a segment of exactly `bytes` bytes, backed with memory, for this user; its name appears last. `identityOffset`: where in the region to store,
   * before that, what tells it from all others that ever have the name (8 bytes, aligned); null: nowhere. @throws SystemError (EEXIST, ENOSPC, EACCES)
   */
  create(name: string, bytes: number, identityOffset: number | null): ArrayBufferLike;
  /** All of an existing segment. Mapped, as a created one is, until it is closed or no object of the process can reach the buffer. @throws SystemError (ENOENT, EACCES, EINVAL: it is empty) */
  open(name: string): ArrayBufferLike;
  /** Lets go of the segment. `bytes`: a view of all of it, whose buffer has length 0 then, or, if it is a SharedArrayBuffer, shows private memory of zeros. */
  close(bytes: Uint8Array): void;
  /** Removes the name; those who have it open keep the memory. @throws SystemError (ENOENT, EACCES) */
  unlink(name: string): void;
  /** The identity of what has that name now, 0 when nothing has. */
  identityOf(name: string): bigint;
  /**
   * Starts a process that outlives the family and then removes what is listed at `headOffset` (`shared/segment-names.ts`), unless `former`, started
   * so before, still runs. Its pid; 0: this system has none such. @throws SystemError (EAGAIN)
   */
  keepNames(headOffset: number, former: number): number;
}

/** One backend, whole. */
export interface Platform {
  readonly backend: Backend;
  readonly memory: Memory;
  readonly parking: Parking;
  readonly liveness: Liveness;
  readonly doorbell: Doorbell;
  readonly processes: ProcessHost;
  /** Null where processes cannot be forked at all. */
  readonly forking: Forking | null;
  /** Null where there are none; `forking` needs them. */
  readonly datagrams: Datagrams | null;
  /** Null where there are none. */
  readonly namedSemaphores: NamedSemaphores | null;
  readonly streamSockets: StreamSockets;
  /** Null where there are none. */
  readonly namedSegments: NamedSegments | null;
  /** The near window as words: the same memory in every agent of the family. REQUIRES: created or attached. */
  readonly words: () => Int32Array;
}

/** The public queue: values, limits and errors over a channel. As Python's `multiprocessing.Queue`, without its feeder thread. */
import { inspect } from 'node:util';
import { currentAgent } from '../arena/agent.js';
import { ClosedError, Empty, Full } from '../errors.js';
import { BLOCK_QUEUE, onDestroy, payloadWord } from '../memory/block.js';
import { bindShared, closedError, createShared, Existing, type Handle, onRebuild, unbindShared } from '../memory/handle.js';
import { handleOf, type Passable } from '../serialize/passable.js';
import { options as checkOptions, integer } from '../util/validate.js';
import { deadlineOf, type WaitOptions } from '../util/wait-options.js';
import { Channel, NOTHING, recycle } from './channel.js';
import { discardFrame, Incoming, isInt, Outgoing } from './message.js';
import { destroyRing, initRing, RING_WORDS, UNBOUNDED } from './ring.js';

export interface QueueOptions {
  /** Most items at a time, 1 to 2^31-2; 0 and less: no limit (default). */
  maxsize?: number;
  /** Most bytes of waiting messages, about; 64 KiB to 2 GiB, default 1 GiB. */
  maxBytes?: number;
}

const DEFAULT_MAX_BYTES = 2 ** 30;
const MIN_MAX_BYTES = 2 ** 16;
/** Forms that do not wait give the holder of a side's lock this long: it holds it for microseconds unless it is stopped or preempted. */
const NOWAIT_MS = 20;
const DONE: Promise<void> = Promise.resolve();

/** Usually the same object again and again; more when user code called by the codec uses a queue itself. */
let idleOutgoing: Outgoing | undefined;

/**
 * A first-in, first-out queue between any number of processes and threads: no broker, no feeder thread; a message is encoded inside `put`.
 *
 * - Values: what `structuredClone` preserves, plus Buffers, shared objects and registered classes, nested in any way.
 * - Killed at any instant of `put` or `get`, a process neither wedges nor corrupts it; what may be lost is the one item in its hands.
 * - Several getters: whoever comes first is served first, roughly; the promises of one thread exactly. A process that puts an item while another one
 *   waits in `get` does not receive it by a later `get` of its own.
 *
 * ```js
 * const queue = new Queue();
 * await queue.put({ id: 1 });
 * for await (const job of queue) { ... } // ends when the queue is closed and drained
 * ```
 */
export class Queue<T = unknown> implements Passable, AsyncIterable<T> {
  #channel: Channel | undefined;
  readonly #handle: Handle;

  /** `maxsize`, or options. @throws TypeError, RangeError naming the argument; OutOfMemoryError */
  constructor(options?: number | QueueOptions) {
    this.#handle = options instanceof Existing ? options.handle : this.#create(options);
    this.#channel = new Channel(payloadWord(this.#handle.offset), this.#handle.offset);
  }

  /** Most items at a time, 0 for no limit. */
  get maxsize(): number {
    const { maxItems } = this.#live().ring;
    return maxItems === UNBOUNDED ? 0 : maxItems;
  }

  /**
   * Puts a value; resolves when it is in the queue: at once, unless the queue is full. Encoded before it returns: later changes of the value do not matter.
   * Rejects with Full after `timeout` ms, with the signal's reason, with SerializationError naming the path, with ClosedError; the value is not in the queue then.
   */
  put(value: T, options?: WaitOptions): Promise<void> {
    try {
      const channel = this.#live();
      const deadline = deadlineOf(options);
      const mayGoFirst = !channel.hasWaitingPuts;
      if (mayGoFirst && isInt(value) && channel.putInt(value, undefined)) return DONE;
      const message = load(value);
      if (mayGoFirst && channel.tryPut(message, undefined)) {
        unload(message);
        return DONE;
      }
      return orFull(channel.put(message.detach(), deadline, options?.signal), options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The blocking twin of `put`. @throws Full, SerializationError, ClosedError, RangeError (larger than `maxBytes`) */
  putSync(value: T, options?: WaitOptions): void {
    const channel = this.#live();
    const deadline = deadlineOf(options);
    if (isInt(value) && channel.putInt(value, deadline)) return;
    const message = load(value);
    try {
      if (channel.tryPut(message, deadline) || channel.putSync(message, deadline)) return;
      message.cancel();
      throw full(options);
    } finally {
      unload(message);
    }
  }

  /** Puts a value without waiting. @throws Full when there is no room */
  putNowait(value: T): void {
    if (!this.tryPut(value)) throw new Full('The queue is full');
  }

  /** Puts a value if there is room now; false: there is none. `rootName` is what errors call the value. */
  tryPut(value: T, rootName?: string): boolean {
    const channel = this.#live();
    const message = load(value, rootName);
    try {
      if (channel.tryPut(message, performance.now() + NOWAIT_MS)) return true;
      message.cancel();
      return false;
    } finally {
      unload(message);
    }
  }

  /** Takes the next value; waits while the queue is empty. Rejects with Empty after `timeout` ms, the signal's reason, ClosedError when closed and drained. */
  get(options?: WaitOptions): Promise<T> {
    try {
      const channel = this.#live();
      const deadline = deadlineOf(options);
      const taken = channel.hasWaitingGets ? NOTHING : channel.take(undefined);
      if (taken !== NOTHING) return Promise.resolve(decoded(taken) as T);
      return orEmpty(channel.get(deadline, options?.signal), options) as Promise<T>;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The blocking twin of `get`. @throws Empty, ClosedError */
  getSync(options?: WaitOptions): T {
    const channel = this.#live();
    const deadline = deadlineOf(options);
    let taken = channel.take(deadline);
    if (taken === NOTHING) taken = channel.getSync(deadline);
    if (taken === NOTHING) throw empty(options);
    return decoded(taken) as T;
  }

  /** Takes the next value without waiting. @throws Empty when there is none, ClosedError */
  getNowait(): T {
    const taken = this.#live().takeOrThrow(performance.now() + NOWAIT_MS);
    if (taken === NOTHING) throw new Empty('The queue is empty');
    return decoded(taken) as T;
  }

  /** The next value, or undefined when there is none now (or the value put was undefined: then use `getNowait`). @throws ClosedError */
  tryGet(): T | undefined {
    const taken = this.#live().takeOrThrow(performance.now() + NOWAIT_MS);
    return taken === NOTHING ? undefined : (decoded(taken) as T);
  }

  /** How many items wait: exact at some moment during the call. */
  qsize(): number {
    return this.#live().ring.size();
  }

  empty(): boolean {
    return this.qsize() === 0;
  }

  /** Whether `maxsize` items wait. A queue without that limit is never full, though `put` may wait for `maxBytes`. */
  full(): boolean {
    const { ring } = this.#live();
    return ring.size() >= ring.maxItems;
  }

  /** No more puts, by anybody: they throw ClosedError. What is inside can still be got; then `get` throws ClosedError and iterations end. Idempotent. */
  close(): void {
    this.#channel?.close();
  }

  /** Nothing to wait for: there is no feeder thread. Here for Python's sake. */
  joinThread(): void {}

  /** As `joinThread`. */
  cancelJoinThread(): void {}

  /** Values until the queue is closed and drained. Several iterations, in any processes, share the values. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      let value: T;
      try {
        value = await this.get();
      } catch (error) {
        if (error instanceof ClosedError) return;
        throw error;
      }
      yield value;
    }
  }

  /**
   * Lets go of the queue's memory; freed with all it contains when all holders have. Does not close it for others; this thread's promises that still
   * wait reject with ClosedError. Idempotent.
   */
  [Symbol.dispose](): void {
    const channel = this.#channel;
    if (channel === undefined) return;
    this.#channel = undefined;
    channel.dispose();
    unbindShared(this, this.#handle);
  }

  [handleOf](): Handle {
    this.#live();
    return this.#handle;
  }

  [inspect.custom](): string {
    if (this.#channel === undefined) return '<Queue disposed>';
    const { ring } = this.#channel;
    return `<Queue ${ring.size()} items${ring.maxItems === UNBOUNDED ? '' : ` of ${ring.maxItems}`}${ring.isClosed() ? ' closed' : ''}>`;
  }

  #create(options: number | QueueOptions | undefined): Handle {
    const { maxsize = 0, maxBytes = DEFAULT_MAX_BYTES } =
      typeof options === 'number' ? { maxsize: options } : checkOptions('options', options, ['maxsize', 'maxBytes']);
    const maxItems = Math.max(0, integer('maxsize', maxsize, -(2 ** 31), UNBOUNDED - 1)) || UNBOUNDED;
    integer('maxBytes', maxBytes, MIN_MAX_BYTES, 2 ** 31);
    const handle = createShared(BLOCK_QUEUE, RING_WORDS * 4);
    bindShared(this, handle);
    try {
      initRing(currentAgent(), payloadWord(handle.offset), maxItems, maxBytes);
    } catch (error) {
      unbindShared(this, handle);
      throw error;
    }
    return handle;
  }

  #live(): Channel {
    const channel = this.#channel;
    if (channel === undefined) throw closedError('queue');
    return channel;
  }
}

function load(value: unknown, rootName?: string): Outgoing {
  const message = idleOutgoing ?? new Outgoing();
  idleOutgoing = undefined;
  return message.load(value, rootName);
}

function unload(message: Outgoing): void {
  message.release();
  idleOutgoing = message;
}

function decoded(taken: unknown): unknown {
  if (!(taken instanceof Incoming)) return taken;
  try {
    return taken.toValue();
  } finally {
    recycle(taken);
  }
}

async function orFull(put: Promise<boolean>, options: WaitOptions | undefined): Promise<void> {
  if (!(await put)) throw full(options);
}

async function orEmpty(get: Promise<unknown>, options: WaitOptions | undefined): Promise<unknown> {
  const taken = await get;
  if (taken === NOTHING) throw empty(options);
  return decoded(taken);
}

function full(options: WaitOptions | undefined): Full {
  return new Full(`The queue had no room within ${options?.timeout} ms`);
}

function empty(options: WaitOptions | undefined): Empty {
  return new Empty(`The queue had no item within ${options?.timeout} ms`);
}

onDestroy(BLOCK_QUEUE, (payload) => destroyRing(currentAgent(), payload, discardFrame));
onRebuild(BLOCK_QUEUE, (handle) => new Queue(new Existing(handle) as QueueOptions));

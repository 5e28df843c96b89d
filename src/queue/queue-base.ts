/** What all queues have in common: values, waiting and errors over a channel. */
import { inspect } from 'node:util';
import { currentAgent } from '../arena/agent.js';
import { Empty, Full } from '../errors.js';
import { type BlockType, payloadWord } from '../memory/block.js';
import { bindShared, closedError, createShared, Existing, type Handle, unbindShared } from '../memory/handle.js';
import { handleOf, type Passable } from '../serialize/passable.js';
import { deadlineOf, type WaitOptions } from '../util/wait-options.js';
import { type Waitable, type Watch, waitable } from '../util/waitable.js';
import { Channel, NOTHING, recycle } from './channel.js';
import { Incoming, isInt, Outgoing } from './message.js';
import { initRing, RING_WORDS, UNBOUNDED } from './ring.js';
import type { Tasks } from './tasks.js';

export const DEFAULT_MAX_BYTES = 2 ** 30;
const DONE: Promise<void> = Promise.resolve();

/** What a class of queues is made of, found by this name on the class: a static property, so that subclasses of users have it too. */
export const kindOf = Symbol('forkful.queueKind');

export interface QueueKind {
  readonly type: BlockType;
  /** Of the payload, the ring's included. */
  readonly words: number;
  /** What stands behind the ring. */
  readonly tasksAt?: (payloadWord: number) => Tasks;
}

export interface Limits {
  /** UNBOUNDED: no limit. */
  readonly maxItems: number;
  readonly maxBytes: number;
}

/** Usually the same object again and again; more when user code called by the codec uses a queue itself. */
let idleOutgoing: Outgoing | undefined;

export abstract class QueueBase<T> implements Passable, Waitable {
  #channel: Channel | undefined;
  readonly #handle: Handle;

  /** Stands for a block, or makes one with these limits. @throws OutOfMemoryError */
  constructor(source: Existing | Limits) {
    const kind = (new.target as unknown as { [kindOf]: QueueKind })[kindOf];
    this.#handle = source instanceof Existing ? source.handle : this.#create(kind, source);
    const at = payloadWord(this.#handle.offset);
    this.#channel = new Channel(at, this.#handle.offset, kind.tasksAt?.(at + RING_WORDS));
  }

  /**
   * Puts a value; resolves when it is in the queue: at once, unless the queue is full. Encoded before it returns: later changes of the value do not matter.
   * Rejects with Full after `timeout` ms, with the signal's reason, with SerializationError naming the path, with ClosedError; the value is not in the queue then.
   */
  put(value: T, options?: WaitOptions): Promise<void> {
    try {
      const channel = this.channel();
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
    const channel = this.channel();
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

  /** Takes the next value; waits while the queue is empty. Rejects with Empty after `timeout` ms, the signal's reason, ClosedError when closed and drained. */
  get(options?: WaitOptions): Promise<T> {
    try {
      const channel = this.channel();
      const deadline = deadlineOf(options);
      const value = this.ready();
      if (value !== NOTHING) return Promise.resolve(value);
      return orEmpty(channel, channel.get(deadline, options?.signal), options) as Promise<T>;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The blocking twin of `get`. @throws Empty, ClosedError */
  getSync(options?: WaitOptions): T {
    const channel = this.channel();
    const deadline = deadlineOf(options);
    let taken = channel.take(deadline);
    if (taken === NOTHING) taken = channel.getSync(deadline);
    if (taken === NOTHING) throw empty(options);
    return decoded(channel, taken) as T;
  }

  /** Whether no item waits: exact at some moment during the call, also when the queue is closed. */
  empty(): boolean {
    return this.channel().ring.size() === 0;
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
    this.channel();
    return this.#handle;
  }

  /** Ready for `connection.wait` when there is an item, or it is closed. */
  [waitable](): Watch {
    return this.channel().watch();
  }

  [inspect.custom](): string {
    const { name } = this.constructor;
    if (this.#channel === undefined) return `<${name} disposed>`;
    const { ring, tasks } = this.#channel;
    const limit = ring.maxItems === UNBOUNDED ? '' : ` of ${ring.maxItems}`;
    const inHand = tasks === undefined ? '' : `, ${tasks.inHand()} in hand`;
    return `<${name} ${ring.size()} items${limit}${inHand}${ring.isClosed() ? ' closed' : ''}>`;
  }

  /** The next value if it is there now and no promise of this thread waits for it, else NOTHING. Never blocks for long. */
  protected ready(): T | typeof NOTHING {
    const channel = this.channel();
    const taken = channel.hasWaitingGets ? NOTHING : channel.take(undefined);
    return decoded(channel, taken) as T | typeof NOTHING;
  }

  /** @throws ClosedError when it was disposed of */
  protected channel(): Channel {
    const channel = this.#channel;
    if (channel === undefined) throw closedError('queue');
    return channel;
  }

  protected get isDisposed(): boolean {
    return this.#channel === undefined;
  }

  #create({ type, words }: QueueKind, { maxItems, maxBytes }: Limits): Handle {
    const handle = createShared(type, words * 4);
    bindShared(this, handle);
    try {
      initRing(currentAgent(), payloadWord(handle.offset), maxItems, maxBytes);
    } catch (error) {
      unbindShared(this, handle);
      throw error;
    }
    return handle;
  }
}

/** Encodes a value, into an object to be given back by `unload`. @throws SerializationError */
export function load(value: unknown, rootName?: string): Outgoing {
  const message = idleOutgoing ?? new Outgoing();
  idleOutgoing = undefined;
  return message.load(value, rootName);
}

export function unload(message: Outgoing): void {
  message.release();
  idleOutgoing = message;
}

/** The value that was taken. @throws SerializationError, StaleHandleError: it is lost then, and as a task it is done */
export function decoded(channel: Channel, taken: unknown): unknown {
  if (!(taken instanceof Incoming)) return taken;
  let isDecoded = false;
  try {
    const value = taken.toValue();
    isDecoded = true;
    return value;
  } finally {
    recycle(taken);
    if (!isDecoded) channel.tasks?.finish(channel.ring);
  }
}

async function orFull(put: Promise<boolean>, options: WaitOptions | undefined): Promise<void> {
  if (!(await put)) throw full(options);
}

async function orEmpty(channel: Channel, get: Promise<unknown>, options: WaitOptions | undefined): Promise<unknown> {
  const taken = await get;
  if (taken === NOTHING) throw empty(options);
  return decoded(channel, taken);
}

function full(options: WaitOptions | undefined): Full {
  return new Full(`The queue had no room within ${options?.timeout} ms`);
}

function empty(options: WaitOptions | undefined): Empty {
  return new Empty(`The queue had no item within ${options?.timeout} ms`);
}

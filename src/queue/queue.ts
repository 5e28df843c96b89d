/** The public queue. As Python's `multiprocessing.Queue`, without its feeder thread. */
import { currentAgent } from '../arena/agent.js';
import { Empty, Full } from '../errors.js';
import { BLOCK_QUEUE, onDestroy } from '../memory/block.js';
import { Existing, onRebuild } from '../memory/handle.js';
import { options as checkOptions, integer } from '../util/validate.js';
import { NOTHING } from './channel.js';
import { Items } from './items.js';
import { discardFrame } from './message.js';
import { DEFAULT_MAX_BYTES, decoded, kindOf, type Limits, load, QueueBase, type QueueKind, unload } from './queue-base.js';
import { destroyRing, NOWAIT_MS, RING_WORDS, UNBOUNDED } from './ring.js';

export interface QueueOptions {
  /** Most items at a time, 1 to 2^31-2; 0 and less: no limit (default). */
  maxsize?: number;
  /** Most bytes of waiting messages, about; 64 KiB to 2 GiB, default 1 GiB. */
  maxBytes?: number;
}

const MIN_MAX_BYTES = 2 ** 16;

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
export class Queue<T = unknown> extends QueueBase<T> implements AsyncIterable<T> {
  static readonly [kindOf]: QueueKind = { type: BLOCK_QUEUE, words: RING_WORDS };

  /** `maxsize`, or options. @throws TypeError, RangeError naming the argument; OutOfMemoryError */
  constructor(options?: number | QueueOptions) {
    super(options instanceof Existing ? options : limitsOf(options));
  }

  /** Most items at a time, 0 for no limit. */
  get maxsize(): number {
    const { maxItems } = this.channel().ring;
    return maxItems === UNBOUNDED ? 0 : maxItems;
  }

  /** Puts a value without waiting. @throws Full when there is no room */
  putNowait(value: T): void {
    if (!this.tryPut(value)) throw new Full('The queue is full');
  }

  /** Puts a value if there is room now; false: there is none. `rootName` is what errors call the value. */
  tryPut(value: T, rootName?: string): boolean {
    const channel = this.channel();
    const message = load(value, rootName);
    try {
      if (channel.tryPut(message, performance.now() + NOWAIT_MS)) return true;
      message.cancel();
      return false;
    } finally {
      unload(message);
    }
  }

  /** Takes the next value without waiting. @throws Empty when there is none, ClosedError */
  getNowait(): T {
    const channel = this.channel();
    const taken = channel.takeOrThrow(performance.now() + NOWAIT_MS);
    if (taken === NOTHING) throw new Empty('The queue is empty');
    return decoded(channel, taken) as T;
  }

  /** The next value, or undefined when there is none now (or the value put was undefined: then use `getNowait`). @throws ClosedError */
  tryGet(): T | undefined {
    const channel = this.channel();
    const taken = channel.takeOrThrow(performance.now() + NOWAIT_MS);
    return taken === NOTHING ? undefined : (decoded(channel, taken) as T);
  }

  /** How many items wait: exact at some moment during the call. */
  qsize(): number {
    return this.channel().ring.size();
  }

  /** Whether `maxsize` items wait. A queue without that limit is never full, though `put` may wait for `maxBytes`. */
  full(): boolean {
    const { ring } = this.channel();
    return ring.size() >= ring.maxItems;
  }

  /** No more puts, by anybody: they throw ClosedError. What is inside can still be got; then `get` throws ClosedError and iterations end. Idempotent. */
  close(): void {
    if (!this.isDisposed) this.channel().close();
  }

  /** Nothing to wait for: there is no feeder thread. Here for Python's sake. */
  joinThread(): void {}

  /** As `joinThread`. */
  cancelJoinThread(): void {}

  /** Values until the queue is closed and drained. Several iterations, in any processes, share the values. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T, void, undefined> {
    return new Items({ ready: () => this.ready(), get: () => this.get() });
  }
}

function limitsOf(options: number | QueueOptions | undefined): Limits {
  const { maxsize = 0, maxBytes = DEFAULT_MAX_BYTES } =
    typeof options === 'number' ? { maxsize: options } : checkOptions('options', options, ['maxsize', 'maxBytes']);
  const maxItems = Math.max(0, integer('maxsize', maxsize, -(2 ** 31), UNBOUNDED - 1)) || UNBOUNDED;
  return { maxItems, maxBytes: integer('maxBytes', maxBytes, MIN_MAX_BYTES, 2 ** 31) };
}

onDestroy(BLOCK_QUEUE, (payload) => destroyRing(currentAgent(), payload, discardFrame));
onRebuild(BLOCK_QUEUE, (handle) => new Queue(new Existing(handle) as QueueOptions));

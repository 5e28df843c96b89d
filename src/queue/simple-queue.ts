/** The least that a queue can be. As Python's `multiprocessing.SimpleQueue`, with timeouts. */
import { currentAgent } from '../arena/agent.js';
import { BLOCK_SIMPLE_QUEUE, onDestroy } from '../memory/block.js';
import { Existing, onRebuild } from '../memory/handle.js';
import { typeError } from '../util/validate.js';
import { discardFrame } from './message.js';
import { DEFAULT_MAX_BYTES, kindOf, QueueBase, type QueueKind } from './queue-base.js';
import { destroyRing, RING_WORDS, UNBOUNDED } from './ring.js';

/** A queue with `put`, `get`, `empty` and `close` only, as Queue has them: without a limit of items; a `put` waits when 1 GiB of messages wait. */
export class SimpleQueue<T = unknown> extends QueueBase<T> {
  static readonly [kindOf]: QueueKind = { type: BLOCK_SIMPLE_QUEUE, words: RING_WORDS };

  /** @throws TypeError for any argument, OutOfMemoryError */
  constructor(nothing?: undefined) {
    const source: unknown = nothing;
    if (source !== undefined && !(source instanceof Existing)) throw typeError('argument', 'absent: a SimpleQueue has no options', source);
    super(source ?? { maxItems: UNBOUNDED, maxBytes: DEFAULT_MAX_BYTES });
  }

  /** This thread uses it no more: `put`, `get` and `empty` throw ClosedError. For others it goes on; the same as disposing of it. Idempotent. */
  close(): void {
    this[Symbol.dispose]();
  }
}

onDestroy(BLOCK_SIMPLE_QUEUE, (payload) => destroyRing(currentAgent(), payload, discardFrame));
onRebuild(BLOCK_SIMPLE_QUEUE, (handle) => new SimpleQueue(new Existing(handle) as never));

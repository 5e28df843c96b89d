/**
 * What a child is told, besides its ticket: a queue of four messages that only the child reads. The parent encodes all of them when `start` is
 * called, so later changes of the arguments do not matter; and holds the queue until the child has ended, so that whatever was not received is let go of.
 */
import { OutOfMemoryError } from '../errors.js';
import { sendHandle } from '../memory/block.js';
import { type Handle, receiveShared } from '../memory/handle.js';
import { Queue } from '../queue/queue.js';
import type { LogSettings } from '../util/log.js';
import type { Self } from './current.js';
import type { StartMethod } from './start/launcher.js';
import type { Surroundings } from './surroundings.js';

export interface Preparation {
  readonly self: Self;
  /** In hexadecimal where it was told as text. */
  readonly authkey: Uint8Array | string;
  readonly argv: readonly string[];
  /** The default of the parent, decided or not: the child's own children use it too. */
  readonly startMethod: StartMethod | null;
  /** For a child that does not inherit them from this process. */
  readonly surroundings: Surroundings | undefined;
  /** Those of the parent, when it called `start`. */
  readonly log: LogSettings;
}

/** What the child's `run` gets. */
export interface Inputs {
  readonly args: readonly unknown[];
  readonly kwargs: object | undefined;
  /** Own properties of the instance of a subclass, as its constructor left them. */
  readonly properties: object | undefined;
}

/** The same, for what is nothing but text and numbers: it needs no shared memory, and a child no agent to read it. JSON. */
export interface Told {
  readonly preparation: Preparation;
  readonly args: readonly unknown[];
}

/** What fits into a request to a fork server, with room for the rest of it. */
const MOST_TOLD = 32 * 1024;

/** Undefined where there is more to it than text and numbers, or too much. */
export function tell(preparation: Preparation, { args, kwargs, properties }: Inputs): Told | undefined {
  if (kwargs !== undefined || properties !== undefined || (preparation.surroundings?.env ?? null) !== null) return undefined;
  let length = 0;
  for (const text of [...preparation.argv, preparation.self.name, ...args]) {
    if (typeof text === 'string') length += text.length;
    else if (typeof text === 'number' ? !Number.isFinite(text) || Object.is(text, -0) : typeof text !== 'boolean' && text !== null)
      return undefined;
  }
  if (length + 32 * args.length > MOST_TOLD / 6) return undefined; // in JSON a character may take six bytes
  return { preparation: { ...preparation, authkey: hex(preparation.authkey), argv: [...preparation.argv] }, args: [...args] };
}

/** In the child: as `readPreparation`. */
export function readTold({ preparation, args }: Told): ReturnType<typeof readPreparation> {
  return { preparation, takeInputs: () => ({ args, kwargs: undefined, properties: undefined }) };
}

/** @throws SerializationError naming the path: `args[1].callback`; OutOfMemoryError. Then nothing is left behind */
export function writePreparation(preparation: Preparation, { args, kwargs, properties }: Inputs): Queue {
  const queue = new Queue({ maxBytes: 2 ** 31 });
  try {
    put(queue, preparation, 'preparation');
    put(queue, args, 'args');
    put(queue, kwargs, 'kwargs');
    put(queue, properties, 'this');
    return queue;
  } catch (error) {
    queue[Symbol.dispose]();
    throw error;
  }
}

/** In the child. The inputs are decoded when asked for, once: the modules that register their classes must be loaded before. @throws SerializationError, StaleHandleError */
export function readPreparation(handle: Handle): { preparation: Preparation; takeInputs: () => Inputs } {
  sendHandle(handle); // the parent holds the queue, so this is as if it had sent it to us
  const queue = receiveShared(handle) as Queue;
  const preparation = queue.getNowait() as Preparation;
  const takeInputs = (): Inputs => {
    const inputs = { args: queue.getNowait(), kwargs: queue.getNowait(), properties: queue.getNowait() } as Inputs;
    queue[Symbol.dispose]();
    return inputs;
  };
  return { preparation, takeInputs };
}

function hex(bytes: Uint8Array | string): string {
  return typeof bytes === 'string' ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

function put(queue: Queue, value: unknown, rootName: string): void {
  if (!queue.tryPut(value, rootName)) throw new OutOfMemoryError(`${rootName} are too large to be sent: at most 2 GiB in all`);
}

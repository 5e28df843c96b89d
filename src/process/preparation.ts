/**
 * What a child is told, besides its ticket: a queue of four messages that only the child reads. The parent encodes all of them when `start` is
 * called, so later changes of the arguments do not matter; and holds the queue until the child has ended, so that whatever was not received is let go of.
 */
import { Connection } from '../connection/connection.js';
import { OutOfMemoryError } from '../errors.js';
import { adoptShared, type Handle, keepBlock } from '../memory/handle.js';
import { Queue } from '../queue/queue.js';
import { handleOf, type Passable } from '../serialize/passable.js';
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

/**
 * The same, where the arguments are nothing but text, numbers and shared objects: as JSON, which needs no shared memory of its own. The parent keeps the
 * shared objects as long as the child lives, and the child takes holds of its own.
 */
export interface Told {
  readonly preparation: Preparation;
  readonly args: readonly ToldArgument[];
}

/** A value, or an offset and a generation. */
type ToldArgument = readonly [value: unknown] | readonly [offset: number, generation: number];

/** What fits into a request to a fork server, with room for the rest of it; in JSON a character may take six bytes. */
const MOST_CHARACTERS = 5000;

/** Undefined where there is more to it, or too much. */
export function tell(preparation: Preparation, { args, kwargs, properties }: Inputs): (Disposable & { readonly told: Told }) | undefined {
  if (kwargs !== undefined || properties !== undefined || (preparation.surroundings?.env ?? null) !== null) return undefined;
  const texts = [...preparation.argv, preparation.self.name, preparation.surroundings?.cwd, ...args].filter(
    (one) => typeof one === 'string',
  );
  if (texts.reduce((sum, { length }) => sum + length, 32 * args.length) > MOST_CHARACTERS || !args.every(canBeTold)) return undefined;
  const kept: (() => void)[] = [];
  const toldArgs = args.map((value): ToldArgument => {
    if (!isPassable(value)) return [value];
    const handle = value[handleOf]();
    kept.push(keepBlock(handle));
    return [handle.offset, handle.generation];
  });
  const told = { preparation: { ...preparation, authkey: hex(preparation.authkey), argv: [...preparation.argv] }, args: toldArgs };
  const letGoOfAll = (): void => {
    for (const letGo of kept.splice(0)) letGo();
  };
  return { told, [Symbol.dispose]: letGoOfAll };
}

/** In the child: as `readPreparation`. */
export function readTold({ preparation, args }: Told): ReturnType<typeof readPreparation> {
  const take = (argument: ToldArgument): unknown =>
    argument.length === 1 ? argument[0] : adoptShared({ offset: argument[0], generation: argument[1] });
  return { preparation, takeInputs: () => ({ args: args.map(take), kwargs: undefined, properties: undefined }) };
}

function canBeTold(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0);
  if (value instanceof Connection) return false; // its other end waits for its last holder to go: nobody may hold it for others
  return value === null || typeof value === 'string' || typeof value === 'boolean' || isPassable(value);
}

function isPassable(value: unknown): value is Passable {
  return typeof value === 'object' && value !== null && handleOf in value;
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
  const queue = adoptShared(handle) as Queue; // the parent holds it meanwhile
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

/** Pipes: two connected ends. As Python's `multiprocessing.Pipe`. */
import { bindShared } from '../memory/handle.js';
import { boolean, options as checkOptions } from '../util/validate.js';
import type { Connection } from './connection.js';
import { makeEnds } from './pipe-block.js';
import { RingConnection } from './ring-connection.js';

export interface PipeOptions {
  /** Whether both ends send and receive (default). False: the first end only receives, the second only sends. */
  duplex?: boolean;
}

/**
 * Two connected ends, for this process and others: each can be passed on, as an argument of a Process, through queues, through pipes. An end is
 * closed when every process that has it has closed it, dropped it, or ended; what is under way in a message counts as had.
 *
 * A `send` waits while more than 64 MiB are under way in its direction; when nothing is, a message of any size, up to 1 GiB, is taken at once.
 * @throws TypeError naming the argument, OutOfMemoryError
 * @example
 * const [here, there] = Pipe();
 * await new Process({ target: work, args: [there] }).start();
 * there.close(); // now the child alone has it: when it ends, `recv` here throws EOFError
 */
export function Pipe(options?: boolean | PipeOptions): [Connection, Connection] {
  const { duplex = true } = typeof options === 'boolean' ? { duplex: options } : checkOptions('options', options, ['duplex']);
  const [first, second] = makeEnds(boolean('duplex', duplex));
  const ends: [RingConnection, RingConnection] = [new RingConnection(first), new RingConnection(second)];
  bindShared(ends[0], first);
  bindShared(ends[1], second);
  return ends;
}

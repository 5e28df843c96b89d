/**
 * Writing to stdout and stderr at once, without an event loop: for children of both kinds.
 *
 * A process that writes to a pipe and calls `process.exit()` loses what Node had not got rid of; Python's loses nothing. A Worker's own streams go
 * through its parent's loop, and its end waits for that: a parent that is blocked until its thread has ended, and a thread that has printed
 * something, would wait for each other.
 */
import type { Writable } from 'node:stream';
import { STDERR, STDOUT, writeFully } from '../util/write.js';

export { STDERR, STDOUT, writeFully };

/** Makes `process.stdout` and `process.stderr`, and so `console`, of this thread write directly, from their first use on. */
export function redirectOutput(): void {
  redirectOnUse('stdout', STDOUT);
  redirectOnUse('stderr', STDERR);
}

/** Node makes these streams when they are first asked for, which takes some milliseconds. The objects stay its own: it has a hold on them. */
function redirectOnUse(name: 'stdout' | 'stderr', fd: number): void {
  const descriptor = Object.getOwnPropertyDescriptor(process, name);
  if (descriptor?.get === undefined) {
    if (!process[name]) return; // a program may have taken it away
    redirect(process[name], fd);
    return;
  }
  const original = descriptor.get;
  let stream: Writable | undefined;
  const get = (): Writable => {
    if (stream === undefined) {
      stream = original.call(process) as Writable;
      redirect(stream, fd);
    }
    return stream;
  };
  Object.defineProperty(process, name, { ...descriptor, get });
}

function redirect(stream: Writable, fd: number): void {
  stream._write = (chunk: string | Uint8Array, encoding, done) => {
    try {
      writeFully(fd, typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk);
      done();
    } catch (error) {
      done(error as Error);
    }
  };
  // the form for several chunks, which would be preferred
  Object.defineProperty(stream, '_writev', { value: null, writable: true, configurable: true });
}

/**
 * Writing to stdout and stderr at once, without an event loop: for children of both kinds.
 *
 * A process that writes to a pipe and calls `process.exit()` loses what Node had not got rid of; Python's loses nothing. A Worker's own streams go
 * through its parent's loop, and its end waits for that: a parent that is blocked until its thread has ended, and a thread that has printed
 * something, would wait for each other.
 */
import { writeSync } from 'node:fs';
import type { Writable } from 'node:stream';

export const STDOUT = 1;
export const STDERR = 2;

/** How long to leave a full pipe to its reader. */
const PAUSE_MS = 1;

const never = new Int32Array(new SharedArrayBuffer(4));

/** Makes `process.stdout` and `process.stderr`, and so `console`, of this thread write directly, from their first use on. */
export function redirectOutput(): void {
  redirectOnUse('stdout', STDOUT);
  redirectOnUse('stderr', STDERR);
}

/** Node makes these streams when they are first asked for, which takes some milliseconds. The objects stay its own: it has a hold on them. */
function redirectOnUse(name: 'stdout' | 'stderr', fd: number): void {
  const descriptor = Object.getOwnPropertyDescriptor(process, name);
  if (descriptor?.get === undefined) {
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

/** Writes all of it, however long a full pipe takes. @throws what `fs.writeSync` throws, when nobody reads any more (EPIPE) */
export function writeFully(fd: number, data: Uint8Array): void {
  for (let done = 0; done < data.length; ) {
    try {
      done += writeSync(fd, data, done);
    } catch (error) {
      // another stream of this process has made the descriptor non-blocking
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(never, 0, 0, PAUSE_MS);
    }
  }
}

/**
 * Writing to stdout and stderr at once, without an event loop. A Worker's own streams go through its parent's loop, and its end waits for that: a parent
 * that is blocked until its thread has ended, and a thread that has printed something, would wait for each other. So a thread writes as a process does.
 */
import { writeSync } from 'node:fs';
import { Writable } from 'node:stream';

export const STDOUT = 1;
export const STDERR = 2;

/** How long to leave a full pipe to its reader. */
const PAUSE_MS = 1;

const never = new Int32Array(new SharedArrayBuffer(4));

/** Makes `process.stdout` and `process.stderr`, and so `console`, of this thread write directly. */
export function redirectOutput(): void {
  for (const [name, fd] of [
    ['stdout', STDOUT],
    ['stderr', STDERR],
  ] as const) {
    const stream = new DirectStream(fd);
    Object.defineProperty(process, name, { get: () => stream, configurable: true, enumerable: true });
  }
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

class DirectStream extends Writable {
  readonly fd: number;

  constructor(fd: number) {
    super();
    this.fd = fd;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    try {
      writeFully(this.fd, chunk);
      done();
    } catch (error) {
      done(error as Error);
    }
  }
}

/** Writing to a descriptor at once, without a stream or an event loop. */
import { writeSync } from 'node:fs';

export const STDOUT = 1;
export const STDERR = 2;

/** How long to leave a full pipe to its reader. */
const PAUSE_MS = 1;

const never = new Int32Array(new SharedArrayBuffer(4));

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

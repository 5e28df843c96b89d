/** What happens to a child besides its target: how its end is told apart, and what is printed when it fails. The same for all start methods. */
import { inspect } from 'node:util';
import { isMainThread } from 'node:worker_threads';
import { STDERR, writeFully } from './direct-output.js';
import { logExit } from './exit.js';

/** As Node's own, for a main module whose top-level await never ends. */
const NEVER_SETTLED = 13;

/** A child's life: begun once, before its target. */
export class ChildLife {
  /** For the headline of an error. */
  name = '';
  /** Gets the exit code, when all is decided. */
  onExit: ((code: number) => void) | undefined;
  #isDone = false;
  /** The event loop has nothing left to do. */
  #isDrained = false;

  constructor() {
    this.#reportUncaught();
    process.on('beforeExit', () => {
      this.#isDrained = true;
      // somebody else's listener may give the loop more to do
      setImmediate(() => {
        this.#isDrained = false;
      }).unref();
    });
    process.on('exit', (code) => {
      const judged = this.#judge(code);
      logExit(judged);
      this.onExit?.(judged); // last: whoever waits for it may be blocked until then
    });
  }

  /** What the target returned. */
  watch(outcome: Promise<unknown>): void {
    outcome.then(
      () => {
        this.#isDone = true;
      },
      (error: unknown) => {
        this.#isDone = true;
        // as if it had been thrown outside of any promise: whatever Node was told about rejections, it ends the process
        process.nextTick(() => {
          throw error;
        });
      },
    );
  }

  /** An uncaught error is headed by the process's name. Node prints that of a process; that of a thread would go to the parent, so it is printed here. */
  #reportUncaught(): void {
    process.on('uncaughtExceptionMonitor', (error: unknown) => {
      if (process.listenerCount('uncaughtException') > 0 || process.hasUncaughtExceptionCaptureCallback()) return;
      if (isMainThread) logExit(1); // Node prints the error after the exit listeners: here nothing comes between headline and stack
      report(`Process ${this.name}:\n${isMainThread ? '' : `${inspect(error)}\n`}`);
    });
  }

  /** A loop that ran dry before the target was done is a failure, though Node does not see one. */
  #judge(code: number): number {
    if (code !== 0 || !this.#isDrained || this.#isDone) return code;
    report(`Process ${this.name}: its target returned a promise that never settles, and nothing is left to wait for\n`);
    process.exitCode = NEVER_SETTLED;
    return NEVER_SETTLED;
  }
}

/** At once, since the process may end before a stream is written. */
function report(text: string): void {
  try {
    writeFully(STDERR, Buffer.from(text));
  } catch {
    // nobody reads it
  }
}

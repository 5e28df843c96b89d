/**
 * What a fork server does before it loads anything else: it makes the trial copy, which then shows what it can while this process goes on loading.
 */
import { closeSync } from 'node:fs';
import { SystemError } from '../../errors.js';
import type { Forking } from '../../platform/platform.js';
import { platform } from '../../platform/select.js';
import type { ServerTicket } from '../current.js';
import { exitDirectly } from '../forked/exit-directly.js';
import { forgetWorkers, livingWorkers } from '../forked/living-workers.js';
import { type Fork, runTrial } from '../forked/trial.js';
import { dieWith } from '../start/die-with.js';
import { CLIENT_FD } from './protocol.js';

const QUIET_MS = 50;

export interface FirstSteps {
  /** Why this process cannot be forked, as far as that shows without trying. */
  readonly reason: string | undefined;
  /** Why its copies do not work; undefined when they do. */
  readonly failure: Promise<string | undefined>;
}

export async function takeFirstSteps({ parent }: ServerTicket): Promise<FirstSteps> {
  if (parent !== 0) dieWith(parent); // until the loop, which hears of its clients' ends
  process.title = 'forkful fork server';
  const forking = platform.forking as Forking;
  const reason = forking.enable() ?? whyNotAlone() ?? exitDirectly(); // its children must end directly, and it may as well
  if (reason !== undefined) return { reason, failure: Promise.resolve(undefined) };
  const { outcome } = await runTrial(() => forkBare(forking), endByItself);
  return { reason: undefined, failure: outcome };
}

/** Once more, of the process as it is now. What Node's own pool was still doing when it was replaced may have spoilt the first copy. */
export async function tryAgain(): Promise<string | undefined> {
  const forking = platform.forking as Forking;
  const { outcome } = await runTrial(
    () => forkBare(forking),
    (code) => forking.exitNow(code), // modules of the user's may keep it from ending by itself
  );
  return outcome;
}

function whyNotAlone(): string | undefined {
  const workers = livingWorkers();
  forgetWorkers(); // no child of this process is to listen for more
  if (workers === 0) return undefined;
  return 'a Worker runs in every process here, as module hooks of Node 20 do, and copies would lack it';
}

/** Nothing of forkful's is there yet that a copy would have to put right. */
function forkBare(forking: Forking): Promise<Fork> {
  return new Promise((resolve, reject) => {
    const attempt = (): void => {
      try {
        const pid = forking.fork(QUIET_MS);
        if (pid === 0) closeSync(CLIENT_FD); // or the client would not hear of the server's end
        resolve({ pid, settle: () => {} });
      } catch (error) {
        if (error instanceof SystemError && error.code === 'EBUSY') setImmediate(attempt);
        else reject(error);
      }
    };
    setImmediate(attempt);
  });
}

/** The way of most children: the loop runs dry. */
function endByItself(code: number): void {
  process.exitCode = code;
}

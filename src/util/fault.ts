/**
 * Fault points: named steps of the protocols at which a test may kill the process. `FORKFUL_FAULT=name:n` kills it, by SIGKILL, when the
 * step `name` is reached for the n-th time (`FORKFUL_FAULT=*:n`: the n-th step of any name); `name:n:SIGSTOP` stops it there. They stay in the released
 * code so that the code that was tested is the code that runs; one without the variable costs a load and a branch (docs/decisions/0002).
 */
import { isMainThread } from 'node:worker_threads';

const plan = isMainThread ? process.env.FORKFUL_FAULT : undefined;

/** Null unless a fault is planned: call as `if (fault !== null) fault('queue.put.framed')`. */
export const fault: ((step: string) => void) | null = plan === undefined ? null : planFault(plan);

function planFault(text: string): (step: string) => void {
  const [name = '*', count = '1', signal = 'SIGKILL'] = text.split(':');
  let left = Number(count);
  return (step) => {
    if ((name === '*' || name === step) && --left === 0) process.kill(process.pid, signal);
  };
}

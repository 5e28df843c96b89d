/** What works on this machine, tried out: for people who wonder why something is slow, or missing. */
import { release } from 'node:os';
import { platform, backendReason } from '../platform/select.js';
import { whyNot } from './forked/fork.js';
import { Process } from './process.js';
import { fallbackReason } from './start/forkserver.js';
import { getAllStartMethods } from './start-method.js';

export interface Finding {
  readonly what: string;
  readonly isFine: boolean;
  readonly detail: string;
}

/** Starts a few processes; takes about a second. */
export async function examine(): Promise<Finding[]> {
  const { backend, parking } = platform;
  const native = backend === 'native';
  const findings: Finding[] = [
    { what: 'Node', isFine: true, detail: `${process.version}, ${process.platform}-${process.arch}, kernel ${release()}` },
    { what: 'backend', isFine: native, detail: `${backend}: ${backendReason}` },
  ];
  if (native) {
    const kind = parking.watchesTwo ? 'futexes, two at once' : parking.countsExactly ? 'futexes, one at a time' : 'semaphores';
    findings.push({ what: 'waiting', isFine: parking.watchesTwo, detail: kind });
    findings.push(pidfds());
  }
  for (const method of ['forkserver', 'spawn', 'fork', 'thread'] as const) findings.push(await tryMethod(method));
  return findings;
}

function pidfds(): Finding {
  try {
    const pidfd = platform.processes.openPidfd(process.pid);
    platform.processes.signalPidfd(pidfd, 0);
    return { what: 'pidfd', isFine: true, detail: 'the ends of processes are seen at once' };
  } catch (error) {
    return { what: 'pidfd', isFine: false, detail: `${(error as Error).message}: the ends of processes are looked for now and then` };
  }
}

async function tryMethod(method: 'forkserver' | 'spawn' | 'fork' | 'thread'): Promise<Finding> {
  const what = `start method ${method}`;
  if (!getAllStartMethods().includes(method)) return { what, isFine: false, detail: 'does not exist on this system and backend' };
  if (method === 'fork') {
    const reason = await whyNot();
    return { what, isFine: reason === undefined, detail: reason ?? 'works' };
  }
  try {
    const child = await new Process({ method }).start();
    await child.join();
    const reason = method === 'forkserver' ? fallbackReason() : undefined;
    if (child.exitCode !== 0) return { what, isFine: false, detail: `a child that does nothing ended with exit code ${child.exitCode}` };
    return { what, isFine: reason === undefined, detail: reason === undefined ? 'works' : `starts fresh Node processes: ${reason}` };
  } catch (error) {
    return { what, isFine: false, detail: String(error) };
  }
}

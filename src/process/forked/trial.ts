/**
 * A trial fork: whether a copy of this process can do what programs do. What the technique stands on is exported by Node, but promised by nobody; so
 * it is tried out before anybody depends on it.
 */
import { closeSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { constants } from 'node:os';
import type { Datagrams } from '../../platform/platform.js';
import { platform } from '../../platform/select.js';
import { STDERR, writeFully } from '../../util/write.js';
import { dieWith } from '../start/die-with.js';
import { exitCodeOfStatus } from '../start/launcher.js';
import { watchWork } from '../thread-work.js';

export interface Fork {
  /** 0 in the child. */
  readonly pid: number;
  /** In the parent, when the child has ended: what it was given but did not live to take is taken back. */
  settle(): void;
}

/** As much of it as is used here; its types come with those of browsers only. */
interface Wasm {
  instantiate(bytes: Uint8Array): Promise<{ instance: { exports: { f(): number } } }>;
}

/** A copy that does nothing at all for so long hangs. One that only gets no processor is waited for; */
const LIMIT_MS = 2000;
/** but one whose main thread does nothing, while others spin, only for so many times that. */
const PATIENCE = 3;

/** (module (func (export "f") (result i32) i32.const 42)) */
const WASM = '0061736d010000000105016000017f03020100070501016600000a06010400412a0b';

/** Forks, and resolves then to what will come of it: undefined when all goes well, else a sentence. In the child it never resolves. */
export async function runTrial(
  fork: () => Promise<Fork>,
  end: (code: number) => void,
): Promise<{ readonly outcome: Promise<string | undefined> }> {
  const parentPid = process.pid;
  const forked = await fork();
  if (forked.pid !== 0) return { outcome: judge(forked) };
  dieWith(parentPid); // else nobody would end one that hangs
  tryEverything().then(
    () => end(0),
    (error: unknown) => {
      if (process.env.NODE_DEBUG?.includes('forkful')) writeFully(STDERR, Buffer.from(`the trial copy failed: ${String(error)}\n`));
      end(1);
    },
  );
  return new Promise(() => {});
}

async function judge({ pid, settle }: Fork): Promise<string | undefined> {
  const outcome = await outcomeOf(pid);
  settle();
  if (outcome === 0) return undefined;
  if (outcome === 'late') return 'a trial copy of this process came to a halt';
  return `a trial copy of this process ended with exit code ${outcome}`;
}

/** Garbage, WebAssembly, the thread pool, the network and the module loader: each waits for a thread that the child must have of its own. */
async function tryEverything(): Promise<void> {
  for (let i = 0; i < 200; i++) new Array(10_000).fill(i);
  const { instance } = await (globalThis as unknown as { WebAssembly: Wasm }).WebAssembly.instantiate(Buffer.from(WASM, 'hex'));
  if (instance.exports.f() !== 42) throw new Error('WebAssembly computes something else');
  await stat('/');
  await fetchFromSelf();
  await import(`data:text/javascript,export const trial = ${process.pid};`);
}

async function fetchFromSelf(): Promise<void> {
  const { createServer } = await import('node:http');
  const server = createServer((_, response) => response.end('ok'));
  const listening = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false)); // no network at all is no fault of the fork's
    server.listen(0, '127.0.0.1', () => resolve(true));
  });
  if (!listening) return;
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, { headers: { connection: 'close' } });
  if ((await answer.text()) !== 'ok') throw new Error('fetch got something else');
  server.close();
}

async function outcomeOf(pid: number): Promise<number | 'late'> {
  const { processes } = platform;
  const datagrams = platform.datagrams as Datagrams;
  const pidfd = processes.openPidfd(pid);
  let isLate = false;
  const folder = `/proc/${pid}/task`;
  const works = watchWork(folder);
  const mainWorks = watchWork(folder, (thread) => thread === String(pid));
  let idleFor = 0;
  const timer = setInterval(() => {
    // this process may have been blocked, and not have heard
    if (processes.waitPidfd(pidfd, 0) !== undefined) return;
    idleFor = mainWorks() ? 0 : idleFor + 1;
    isLate = !works() || idleFor === PATIENCE;
    if (isLate) processes.signalPidfd(pidfd, constants.signals.SIGKILL);
  }, LIMIT_MS);
  const status = await new Promise<number>((resolve) => {
    const watch = datagrams.watch(pidfd, () => {
      const ended = processes.reap(pid);
      if (ended === null) return;
      watch.close();
      resolve(exitCodeOfStatus(ended));
    });
  });
  clearInterval(timer);
  closeSync(pidfd);
  return isLate && status === -constants.signals.SIGKILL ? 'late' : status;
}

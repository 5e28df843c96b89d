/**
 * For every test file (vitest's `setupFiles`): when its tests are over, nothing of theirs is left. No child process, no open
 * descriptor, no file in /dev/shm or the temporary directory, nothing that keeps the event loop alive.
 *
 * What is there when the file starts belongs to vitest and is left out of account. What ends by itself gets time for that.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll } from 'vitest';
import { stopServers } from '../../src/process/fork-server/servers.js';

/** A child that was told to end, a Worker that was terminated, a socket that was closed: all are gone well within this, even on an overloaded machine. */
const SETTLE_MS = 30_000;

interface Snapshot {
  /** `socket:[4711]`, `pipe:[4712]`, `/dev/null`: what each descriptor refers to. A pipe whose two ends are both ours appears twice. */
  readonly descriptors: readonly string[];
  readonly files: readonly string[];
  readonly resources: readonly string[];
}

// The first signal listener makes libuv open a pipe to itself, for good. Have it now, or it would count against some test.
process.on('SIGWINCH', ignore).off('SIGWINCH', ignore);

const before = snapshot();

// Hooks of this kind run last registered first: this one after all those of the test file.
afterAll(async () => {
  await stopServers(); // they live as long as the process that uses them
  const deadline = performance.now() + SETTLE_MS;
  let left = leftovers();
  while (left.length > 0 && performance.now() < deadline) {
    await sleep(20);
    left = leftovers();
  }
  if (left.length > 0) throw new Error(`the tests of this file left something behind:\n${left.map((one) => `  - ${one}`).join('\n')}`);
}, 2 * SETTLE_MS);

/** Everything that is there now and was not at the start, one line each. */
function leftovers(): string[] {
  const now = snapshot();
  return [
    ...children().map((child) => `child process ${child}`),
    ...descriptorsLeft(before.descriptors, now.descriptors),
    ...added(before.files, now.files).map((file) => `file: ${file}`),
    ...added(before.resources, now.resources).map((resource) => `active resource, keeps the event loop alive: ${resource}`),
  ];
}

function snapshot(): Snapshot {
  return { descriptors: descriptors(), files: sharedFiles(), resources: resources() };
}

/** Children of any thread of this process, zombies included. */
function children(): string[] {
  const pids = list('/proc/self/task').flatMap((thread) => (read(`/proc/self/task/${thread}/children`) ?? '').split(' ').filter(Boolean));
  return pids.map((pid) => `${pid}: ${(read(`/proc/${pid}/cmdline`) ?? '').replaceAll('\0', ' ').trim() || '(a zombie)'}`);
}

function descriptors(): string[] {
  const targets = list('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return null; // the descriptor of the directory listing itself
    }
  });
  return targets.filter((target) => target !== null && !isNodesOwn(target)) as string[];
}

/** What Node and libuv open and keep by themselves, per loop and per thread. */
function isNodesOwn(target: string): boolean {
  return /^anon_inode:\[(eventfd|eventpoll|io_uring)\]$/.test(target) || target === '/dev/null' || /^\/dev\/u?random$/.test(target);
}

/** New descriptors. One memfd is no leak: the family's region, opened by the first shared object and kept until the process ends. */
function descriptorsLeft(then: readonly string[], now: readonly string[]): string[] {
  const fresh = added(then, now);
  const memfds = fresh.filter((target) => target.startsWith('/memfd:'));
  const others = fresh.filter((target) => !target.startsWith('/memfd:'));
  return [...others, ...memfds.slice(1)].map((target) => {
    // A running Worker shows itself by nothing but the pipe that its event loop has to itself.
    const isPair = target.startsWith('pipe:') && others.filter((other) => other === target).length === 2;
    return `file descriptor: ${target}${isPair ? ', both ends of it, as every running Worker has' : ''}`;
  });
}

function sharedFiles(): string[] {
  // of a run beside this one, which alone makes names that all of the machine sees (scripts/test.mjs)
  const folders = process.env['FORKFUL_TEST_BESIDE'] === '1' ? [tmpdir()] : ['/dev/shm', tmpdir()];
  // `sem.` is what sem_open puts before the name.
  return folders.flatMap((folder) =>
    list(folder)
      .filter((name) => /^((sem\.)?forkful|psm_)/.test(name))
      .map((name) => `${folder}/${name}`),
  );
}

/** Only what is ref'd is listed. Immediates and the like are left out: they are over within one turn of the loop and may be vitest's. */
function resources(): string[] {
  const passing = new Set(['Immediate', 'FSReqCallback', 'FSReqPromise', 'TickObject', 'CloseReq', 'WriteWrap', 'PipeWriteWrap']);
  return process.getActiveResourcesInfo().filter((name) => !passing.has(name));
}

/** Members of `now` that are not in `then`, each as often as it is too many. */
function added(then: readonly string[], now: readonly string[]): string[] {
  const unmatched = [...then];
  return now.filter((one) => {
    const index = unmatched.indexOf(one);
    if (index < 0) return true;
    unmatched.splice(index, 1);
    return false;
  });
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // no /proc, or a thread that has just ended
  }
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null; // it ended between the listing and this
  }
}

function ignore(): void {}

/**
 * Turning a hang into a failure that says where it hung, and running child programs whose behaviour is the test.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';

/** How long the children of a child program may live on after it: what ends them (a fork server, for one) needs its turn. */
const ORPHAN_MS = 30_000;

/** Rejects when `promise` has not settled within `ms`, with what `dump` says about the state at that moment. */
export async function withWatchdog<T>(ms: number, dump: () => unknown, promise: PromiseLike<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const barking = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not finished after ${ms} ms; state: ${describeState(dump)}`)), ms);
  });
  try {
    return await Promise.race([promise, barking]);
  } finally {
    clearTimeout(timer);
  }
}

export interface ChildOptions {
  readonly args?: readonly string[];
  /** Added to this process's environment; a variable set to undefined is taken away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Options for node itself, before the program's name. */
  readonly execArgv?: readonly string[];
  readonly timeoutMs?: number;
  /** For how long its children may outlive it. */
  readonly orphanMs?: number;
  /** Written to the child's stdin, which is then closed. Without it stdin is at its end from the start. */
  readonly input?: string | Uint8Array;
}

export interface ChildResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A running child program. It leads a process group of its own, so that its children can be ended with it. */
export interface RunningChild {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Resolves when it has ended and both of its outputs are closed (by its children too). Rejects when its time is over. */
  readonly ended: Promise<ChildResult>;
  write(text: string): void;
  kill(signal?: NodeJS.Signals): void;
}

/** Runs `test/fixtures/<fixture>` to its end. When its time is over its whole group is killed and this rejects with all it wrote. */
export async function runChild(fixture: string, options: ChildOptions = {}): Promise<ChildResult> {
  const child = startChild(fixture, options);
  child.process.stdin?.end(options.input);
  return await child.ended;
}

/** Starts `test/fixtures/<fixture>` and returns at once; its stdin stays open unless `input` is given. */
export function startChild(fixture: string, options: ChildOptions = {}): RunningChild {
  const { args = [], env = {}, execArgv = [], timeoutMs = 120_000, orphanMs = ORPHAN_MS, input } = options;
  const program = fileURLToPath(new URL(`../fixtures/${fixture}`, import.meta.url));
  const started = spawn(process.execPath, [...execArgv, program, ...args], {
    env: { ...process.env, NODE_OPTIONS: undefined, VITEST: undefined, ...env },
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const seen = { stdout: '', stderr: '' };
  started.stdout.setEncoding('utf8').on('data', (text: string) => {
    seen.stdout += text;
  });
  started.stderr.setEncoding('utf8').on('data', (text: string) => {
    seen.stderr += text;
  });
  // A child that ends without reading its input is no error of the test's.
  started.stdin.on('error', () => {});
  if (input !== undefined) started.stdin.end(input);
  const child: RunningChild = {
    process: started,
    pid: started.pid ?? -1,
    get stdout() {
      return seen.stdout;
    },
    get stderr() {
      return seen.stderr;
    },
    ended: waitForEnd(started, fixture, { timeoutMs, orphanMs }, seen),
    write: (text) => void started.stdin.write(text),
    kill: (signal = 'SIGKILL') => void started.kill(signal),
  };
  // Whoever never looks at `ended` still gets the failure elsewhere; it must not be an unhandled rejection as well.
  child.ended.catch(() => {});
  return child;
}

/** Resolves to the match of the first whole line of the child's stdout that fits, earlier lines included. Rejects when the child ends without one. */
export async function waitForLine(child: RunningChild, pattern: RegExp, timeoutMs = 120_000): Promise<RegExpMatchArray> {
  const found = new Promise<RegExpMatchArray>((resolve, reject) => {
    const look = () => {
      const lines = child.stdout.split('\n').slice(0, -1);
      const match = lines.map((line) => line.match(pattern)).find((one) => one !== null);
      if (match) {
        child.process.stdout?.off('data', look);
        resolve(match);
      }
    };
    child.process.stdout?.on('data', look);
    look();
    const tooLate = () => reject(new Error(`the child ended without a line that fits ${pattern}\n${report(child)}`));
    child.ended.then(tooLate, tooLate);
  });
  return await withWatchdog(timeoutMs, () => `waiting for ${pattern}\n${report(child)}`, found);
}

/** Sends a signal to the child's whole process group. False when nobody is left in it. */
export function killGroup(pid: number, signal: NodeJS.Signals | 0 = 'SIGKILL'): boolean {
  try {
    process.kill(-pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

function waitForEnd(
  child: ChildProcess,
  fixture: string,
  { timeoutMs, orphanMs }: { readonly timeoutMs: number; readonly orphanMs: number },
  seen: { stdout: string; stderr: string },
): Promise<ChildResult> {
  return new Promise<ChildResult>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`${fixture} has not ended after ${timeoutMs} ms, its process group was killed\n${report(seen)}`));
      if (child.pid !== undefined) killGroup(child.pid);
    }, timeoutMs);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', (exitCode, signal) => {
      clearTimeout(timer);
      const result = { ...seen, exitCode, signal };
      expectEmptyGroup(child.pid as number, fixture, orphanMs, seen).then(() => resolve(result), reject);
    });
  });
}

/** The processes that the child started end with it, or very soon after; otherwise they are killed and this rejects. */
async function expectEmptyGroup(pid: number, fixture: string, orphanMs: number, seen: { stdout: string; stderr: string }): Promise<void> {
  const deadline = performance.now() + orphanMs;
  let left = groupMembers(pid);
  while (left.length > 0 && performance.now() < deadline) {
    await sleep(20);
    left = groupMembers(pid);
  }
  if (left.length === 0) return;
  killGroup(pid);
  throw new Error(`${fixture} has ended and left processes behind (killed now): ${left.join(', ')}\n${report(seen)}`);
}

/** The pids in a process group. Zombies do not count: they have ended, and it is not ours to reap them. */
function groupMembers(group: number): number[] {
  if (!killGroup(group, 0)) return [];
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    try {
      // After the name in parentheses: state, parent, group.
      const [state, , pgrp] = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ');
      return Number(pgrp) === group && state !== 'Z';
    } catch {
      return false; // it ended meanwhile
    }
  });
}

function report({ stdout, stderr }: { readonly stdout: string; readonly stderr: string }): string {
  return `--- stdout\n${stdout || '(nothing)\n'}--- stderr\n${stderr || '(nothing)\n'}---`;
}

function describeState(dump: () => unknown): string {
  try {
    const state = dump();
    return typeof state === 'string' ? state : inspect(state, { depth: 6 });
  } catch (error) {
    return `(the dump failed: ${inspect(error)})`;
  }
}

/**
 * What Node remembers of the process that a forked child was copied from, and would say of the child: its id, its age, its parent. They are put under
 * accessors once, in the parent where that is a fork server; so a child only has to set what they answer.
 */
import { platform } from '../../platform/select.js';

/** Who asked a fork server for this child: for the program that is its parent, though for the system it is not. */
export interface Creator {
  readonly pid: number;
  isAlive(): boolean;
}

let pid = process.pid;
let bornAt: number | undefined;
let creator: Creator | undefined;
let isInstalled = false;

/** Idempotent. In a process that is no copy they answer as Node does. */
export function installFacts(): void {
  if (isInstalled) return;
  isInstalled = true;
  const { uptime } = process;
  define('pid', { get: () => pid });
  define('ppid', { get: () => (creator?.isAlive() ? creator.pid : platform.processes.parentPid()) });
  define('uptime', { value: () => (bornAt === undefined ? uptime() : (performance.now() - bornAt) / 1000), writable: true });
}

/** In a forked child. `byWhom` stands for its parent as long as that lives. */
export function correctFacts(byWhom?: Creator): void {
  installFacts();
  pid = platform.processes.pid();
  bornAt = performance.now();
  creator = byWhom;
}

function define(name: 'pid' | 'ppid' | 'uptime', descriptor: PropertyDescriptor): void {
  Object.defineProperty(process, name, { enumerable: true, configurable: true, ...descriptor });
}

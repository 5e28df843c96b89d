/** What Node remembers of the process that a forked child was copied from, and would say of the child: its id, its age, its parent. */
import { platform } from '../../platform/select.js';

/** Node's own `process.ppid`. */
const askSystem = Object.getOwnPropertyDescriptor(process, 'ppid')?.get;

/** Who asked a fork server for this child: for the program that is its parent, though for the system it is not. */
export interface Creator {
  readonly pid: number;
  isAlive(): boolean;
}

/** Puts them right. `creator` stands for the parent as long as it lives. */
export function correctFacts(creator?: Creator): void {
  const bornAt = performance.now();
  define('pid', { value: platform.processes.pid(), writable: false });
  define('uptime', { value: () => (performance.now() - bornAt) / 1000, writable: true });
  if (creator === undefined) return;
  define('ppid', { get: () => (creator.isAlive() ? creator.pid : askSystem?.call(process)) });
}

function define(name: 'pid' | 'ppid' | 'uptime', descriptor: PropertyDescriptor): void {
  Object.defineProperty(process, name, { enumerable: true, configurable: true, ...descriptor });
}

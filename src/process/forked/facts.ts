/** What Node remembers of the process that a forked child was copied from, and would say of the child: its id, its age, its parent. */
import { platform } from '../../platform/select.js';

/** Puts them right. A parent that is a fork server is not the one that the program knows: `creator` stands for it as long as it lives. */
export function correctFacts(creator?: { readonly pid: number; isAlive(): boolean }): void {
  const bornAt = performance.now();
  define('pid', { value: platform.processes.pid(), writable: false });
  define('uptime', { value: () => (performance.now() - bornAt) / 1000, writable: true });
  if (creator === undefined) return;
  const inherited = Object.getOwnPropertyDescriptor(process, 'ppid')?.get;
  define('ppid', { get: () => (creator.isAlive() ? creator.pid : (inherited?.call(process) ?? 1)) });
}

function define(name: 'pid' | 'ppid' | 'uptime', descriptor: PropertyDescriptor): void {
  Object.defineProperty(process, name, { enumerable: true, configurable: true, ...descriptor });
}

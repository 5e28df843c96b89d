/**
 * SIGUSR1 opens the inspector, as in every Node process. Node has a thread that waits for the signal, which forked children lack; in them it is a
 * listener. So a child that never comes back to its event loop does not open it.
 */
import inspector from 'node:inspector';

/** Most copies have ended by then, and need not pay for it. */
const DELAY_MS = 50;

/** In a copy of a process, once. */
export function inspectOnSignal(): void {
  setTimeout(listenForInspection, DELAY_MS).unref();
}

/** Now; in a fork server, whose children inherit the listener. */
export function listenForInspection(): void {
  process.off('newListener', giveWay); // of the process that this one is a copy of
  if (process.listenerCount('SIGUSR1') > 0) return;
  process.on('SIGUSR1', openInspector);
  process.on('newListener', giveWay);
}

/** The signal is the program's when the program wants it. */
function giveWay(event: string | symbol): void {
  if (event !== 'SIGUSR1') return;
  process.off('newListener', giveWay);
  // the new listener is there then: without any, Node would give the signal back to the system, and not take it again
  process.nextTick(() => process.off('SIGUSR1', openInspector));
}

/** On the port that Node would take, or, when another process has that, on any. */
function openInspector(): void {
  if (inspector.url() !== undefined) return;
  try {
    inspector.open();
  } catch {
    // it says so itself
  }
  if (inspector.url() === undefined) inspector.open(0);
}

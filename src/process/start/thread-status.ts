/**
 * The words in which a thread tells its parent how it fares: the parent may be blocked, when no event of the Worker can reach it. Plain memory
 * of the process, since both are threads of it.
 */

/** 0 while it runs, 1 from its exit hook on. */
export const STATE = 0;
/** What it passed to its exit hook. */
export const CODE = 1;
/** Its agent, 0 before it has one: to be declared dead when it ends. */
export const AGENT = 2;

export const RUNNING = 0;
export const ENDED = 1;

export function newThreadStatus(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(12));
}

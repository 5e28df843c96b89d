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

/** How far it has loaded its modules: `OURS_LOADED`, then `ALL_LOADED`. */
export const LOADED = 3;
/** 1 when the parent wants it to end: then it runs no target, and waits for that. */
export const ENDING = 4;

/** Those of forkful; those of its target may take as long as they like. */
export const OURS_LOADED = 1;
/** Those of its target too. */
export const ALL_LOADED = 2;

export const RUNNING = 0;
export const ENDED = 1;

export function newThreadStatus(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(20));
}

/** Facts that hold whatever the start method: one test per method. Where a fact does not apply to a method, a skipped test says why. */
import { getAllStartMethods, type StartMethod } from 'forkful';
import { type TestOptions, test } from 'vitest';

/** Why a fact does not apply to a method. */
export type NotFor = Partial<Record<StartMethod, string>>;

export interface GridOptions {
  readonly notFor?: NotFor;
  readonly timeoutMs?: number;
}

/** Of every process: only a thread is different. */
export const inThreads = (why: string): GridOptions => ({ notFor: { thread: why } });

/** For a test of one method: options that skip it, with the reason printed, where the fact does not apply. */
export function skipFor(method: StartMethod, notFor: NotFor = {}): TestOptions {
  const why = notFor[method];
  return why === undefined ? {} : { skip: true, meta: { skipReason: `n/a for ${method}: ${why}` } };
}

/** Registers `body` as a test of every start method that works here. */
export function grid(name: string, { notFor, timeoutMs }: GridOptions, body: (method: StartMethod) => unknown): void {
  for (const method of getAllStartMethods()) {
    const timeout = timeoutMs === undefined ? {} : { timeout: timeoutMs };
    test(`${name} [${method}]`, { ...timeout, ...skipFor(method, notFor) }, async () => {
      await body(method);
    });
  }
}

/**
 * Which backend this run tests, and tests that make sense on one only. Child programs of a test inherit FORKFUL_BACKEND, and so the backend.
 */
import { describe, it, type TestFunction } from 'vitest';

declare module 'vitest' {
  interface TaskMeta {
    /** Why a test or a group is skipped; the reporter prints it. */
    skipReason?: string;
  }
}

export const backend: 'native' | 'js' = readBackend();

const NEEDS_NATIVE = 'needs the native backend: processes, or memory shared between them';

/** As `it`, on the native backend; elsewhere skipped, with the reason printed. */
export function itNative(name: string, test: TestFunction, timeoutMs?: number): void {
  if (backend === 'native') it(name, test, timeoutMs);
  else it(name, { skip: true, meta: { skipReason: NEEDS_NATIVE } }, test);
}

/** As `describe`, on the native backend; elsewhere all of it is skipped, hooks too, with the reason printed. */
export function describeNative(name: string, body: () => void): void {
  if (backend === 'native') describe(name, body);
  else describe(name, { skip: true, meta: { skipReason: NEEDS_NATIVE } }, body);
}

function readBackend(): 'native' | 'js' {
  const named = process.env['FORKFUL_BACKEND'] || 'native';
  if (named === 'native' || named === 'js') return named;
  throw new RangeError(`FORKFUL_BACKEND must be native or js, got ${named}`);
}

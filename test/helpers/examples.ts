/** Running the programs of examples/ as a user would. */
import { expect, type TestOptions } from 'vitest';
import { type ChildOptions, runChild } from './watchdog.js';

export interface ExampleOptions extends ChildOptions {
  /** What stderr must be, if not empty. */
  readonly stderr?: RegExp;
}

/** For a test that cannot run here: options with the reason, which the reporter prints. Without a reason it runs. */
export function skipIf(skipReason: string | undefined): TestOptions {
  return skipReason === undefined ? {} : { skip: true, meta: { skipReason } };
}

/** Runs `examples/<path>`, which must end well, and returns the lines it printed. */
export async function runExample(path: string, { stderr = /^$/, ...options }: ExampleOptions = {}): Promise<string[]> {
  const result = await runChild(`../../examples/${path}`, { timeoutMs: 120_000, ...options });
  expect(result.stderr).toMatch(stderr);
  expect(result).toMatchObject({ exitCode: 0, signal: null });
  return result.stdout.trimEnd().split('\n');
}

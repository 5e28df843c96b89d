/** Facts about forked children, as cases that a program runs in children of each start method: each is a test here. */
import { beforeAll, describe, expect, test } from 'vitest';
import { loadAddon } from '../../src/platform/addon.js';
import { backend } from './backends.js';
import { type ChildOptions, runChild } from './watchdog.js';

const loaded = loadAddon();

/** Whether processes can be forked here at all. */
export const canFork = backend === 'native' && 'addon' in loaded && 'forkEnable' in loaded.addon;

export type ForkMethod = 'forkserver' | 'fork';
export const FORK_METHODS: readonly ForkMethod[] = ['forkserver', 'fork'];

/** One program runs all cases of a topic; on an overloaded machine that takes its time. */
export const PROGRAM_MS = 300_000;

/** As `describe`; where nothing can be forked all of it is skipped. */
export function describeForks(name: string, body: () => void): void {
  describe(name, canFork ? {} : { skip: true, meta: { skipReason: 'needs an addon that can fork' } }, body);
}

/** A test for each case of `test/fixtures/fork/cases/<topic>.mjs`, on both start methods. */
export function describeCases(topic: string, names: readonly string[], options: ChildOptions = {}): void {
  for (const method of FORK_METHODS) {
    describeForks(`a child of ${method}`, () => {
      let outcomes: Record<string, unknown> = {};
      beforeAll(async () => {
        outcomes = await resultOf('fork/run-cases.mjs', [method, topic], options);
      }, PROGRAM_MS);
      test.each(names)('%s', (name) => {
        expect(outcomes[name]).toEqual({ exitCode: 0 });
      });
    });
  }
}

/** The names of the cases of a topic. */
export async function casesOf(topic: string): Promise<string[]> {
  const { cases } = (await import(new URL(`../fixtures/fork/cases/${topic}.mjs`, import.meta.url).href)) as { cases: object };
  return Object.keys(cases);
}

/** What a program prints as its last line, JSON. Everything else that it prints fails the test. */
export async function resultOf<T = Record<string, unknown>>(
  fixture: string,
  args: readonly string[],
  options: ChildOptions = {},
): Promise<T> {
  const { stdout, stderr, exitCode, signal } = await runChild(fixture, { args, timeoutMs: PROGRAM_MS, ...options });
  expect({ stderr: withoutInspector(stderr), exitCode, signal }).toEqual({ stderr: '', exitCode: 0, signal: null });
  return JSON.parse(stdout) as T;
}

/** What Node prints when its inspector opens a port, and how it can be attached to. */
export function withoutInspector(stderr: string): string {
  return stderr.replace(
    /^(Debugger (listening on|attached|ending on) .*|For help, see: .*|Starting inspector on .* failed: .*|Debugger attached\.)\n/gm,
    '',
  );
}
